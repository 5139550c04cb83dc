"""Requests that belong together: linked, or one split into two."""

from datetime import datetime
from typing import Any

from crm import sequences, zone
from crm.actor import Actor
from crm.checks import one_of, text
from crm.errors import Conflict, Invalid, NotFound
from crm.models import RequestLink, ServiceRequest
from crm.request_rules import LINKS, OPEN
from crm.request_writes import Writing, writing

SPLIT_COPIES = (
    "contact_id",
    "conversation_id",
    "product_id",
    "possession_id",
    "product_text",
    "category",
    "priority",
    "team_id",
    "address",
    "phone",
    "channel",
    "due_at",
)


async def link(actor: Actor, request_id: int, other_id: int, kind: str = "related", *, now: datetime) -> None:
    """Say that two requests belong together (related, duplicate, split); saying it twice changes nothing.

    Raises `Invalid` `other_id` for itself, `NotFound` for either.
    """
    one_of("kind", kind, LINKS)
    if request_id == other_id:
        raise Invalid("other_id", "itself")
    async with writing(actor, request_id, "request.linked", now=now) as work:
        if not await ServiceRequest.exists(id=other_id):
            raise NotFound("request")
        if await RequestLink.exists(source_id=request_id, target_id=other_id, kind=kind):
            return
        await _tie(work, other_id, kind)


async def unlink(actor: Actor, request_id: int, other_id: int, *, now: datetime) -> None:
    """Take a link away, whichever end it was made from."""
    async with writing(actor, request_id, "request.unlinked", now=now) as work:
        gone = await RequestLink.filter(source_id=request_id, target_id=other_id).delete()
        gone += await RequestLink.filter(source_id=other_id, target_id=request_id).delete()
        if not gone:
            raise NotFound("link")
        await work.note("unlinked", other_id=other_id)


async def split(
    actor: Actor, request_id: int, symptom: str, *, product_text: str | None = None, now: datetime
) -> ServiceRequest:
    """Make a second request of the same contact out of one that holds two matters; return the new one.

    Contact, product, address, team and priority are taken over; the visit and the assignee are not, since the
    second matter is another piece of work. Raises `Conflict` `not_open`.
    """
    symptom = text("symptom", symptom, longest=2000, required=True)
    async with writing(actor, request_id, "request.split", now=now) as work:
        source = work.request
        if source.status not in OPEN:
            raise Conflict("not_open", status=source.status)
        values: dict[str, Any] = {name: getattr(source, name) for name in SPLIT_COPIES}
        if product_text is not None:
            values["product_text"] = text("product_text", product_text, longest=120)
            if values["product_text"] != source.product_text:
                values.update(product_id=None, possession_id=None)
        number = await sequences.next_number("SR", now, zone.current())
        made = await ServiceRequest.create(
            number=number, symptom=symptom, status_at=now, created_at=now, updated_at=now, **values
        )
        await _tie(work, made.id, "split")
        other = Writing(made, actor, now)
        await other.note("opened", category=made.category, priority=made.priority, split_from=source.id)
        await other.happened("request.opened", category=made.category, priority=made.priority)
    return made


async def _tie(work: Writing, other_id: int, kind: str) -> None:
    await RequestLink.create(source_id=work.request.id, target_id=other_id, kind=kind)
    await work.note("linked", other_id=other_id, link=kind)
    await work.happened("request.linked", other_id=other_id, link=kind)
