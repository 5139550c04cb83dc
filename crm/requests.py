"""Service requests (접수): opened, worked on by staff, resolved, rated.

Reads: crm/request_views.py and crm/request_lookups.py.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm import assignment, audit, db, sequences, writes, zone
from crm.actor import Actor, check
from crm.checks import one_of, only, text
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import Rating, RequestEvent, ServiceRequest, Staff, Team
from crm.request_facts import AMENDABLE, checked
from crm.request_links import link, split, unlink
from crm.request_lookups import find, of_contact
from crm.request_moves import assign_in_turn, attach, give, move, prioritise, reply_due
from crm.request_rules import (
    CATEGORIES,
    DONE,
    OPEN,
    PRIORITIES,
    STATUSES,
    TRANSITIONS,
    raised,
    reopens,
)
from crm.request_ticks import assign_waiting, close_resolved, flag_overdue, give_waiting
from crm.request_views import (
    PER_COLUMN,
    Board,
    Column,
    Filters,
    board,
    column,
    get,
    get_own,
    list_requests,
)
from crm.request_writes import Writing, writing

__all__ = [
    "CATEGORIES",
    "OPEN",
    "PER_COLUMN",
    "PRIORITIES",
    "STATUSES",
    "TRANSITIONS",
    "Board",
    "Column",
    "Filters",
    "amend",
    "assign",
    "assign_waiting",
    "board",
    "cancel",
    "change_status",
    "close_resolved",
    "column",
    "comment",
    "complain",
    "find",
    "flag_overdue",
    "get",
    "get_own",
    "give_waiting",
    "link",
    "list_requests",
    "of_contact",
    "open",
    "rate",
    "reopen",
    "set_priority",
    "split",
    "unlink",
]


async def open(
    actor: Actor,
    contact_id: int,
    *,
    conversation_id: int | None = None,
    product_text: str = "",
    product_id: int | None = None,
    possession_id: int | None = None,
    symptom: str = "",
    visit_from: datetime | None = None,
    visit_to: datetime | None = None,
    address: str = "",
    phone: str = "",
    category: str = "repair",
    priority: str = "normal",
    channel: str = "",
    files: Sequence[str] = (),
    now: datetime,
    tz: ZoneInfo | None = None,
) -> ServiceRequest:
    """Open a request, number it and give it to a present member of the team that takes `category`.

    A complaint has at least high priority. A visit without an end lasts one hour. `files` are tokens of
    files of this contact's conversations. The number is taken as the transaction's first statement.
    Raises `Invalid` naming the field (a visit in the past: `visit_from` `past`), `NotFound` for the contact.
    """
    if actor.kind == "contact":
        if actor.id != contact_id:
            raise Forbidden("request.write")
    else:
        check(actor, "request.write")
    given = {
        "product_text": product_text,
        "product_id": product_id,
        "possession_id": possession_id,
        "symptom": symptom,
        "category": category,
        "visit_from": visit_from,
        "visit_to": visit_to,
        "address": address,
        "phone": phone,
    }
    one_of("priority", priority, PRIORITIES)
    values = checked(given, zone.aware(now, "now"))
    if category == "complaint":
        priority = raised(priority, "high")
    if not await db.fetch("SELECT 1 AS one FROM contact WHERE id = ?", contact_id):
        raise NotFound("contact")
    values["product_text"] = values["product_text"] or await _product_name(product_id)
    team = await assignment.team_for(category)
    due_at = await reply_due(now, team.id if team else None, tz)
    async with db.transaction():
        number = await sequences.next_number("SR", now, tz or zone.current())
        request = await writes.insert(
            ServiceRequest,
            number=number,
            contact_id=contact_id,
            conversation_id=conversation_id,
            team_id=team.id if team else None,
            status="received",
            priority=priority,
            due_at=due_at,
            channel=channel or await _channel_of(conversation_id),
            status_at=now,
            created_at=now,
            updated_at=now,
            **values,
        )
        work = Writing(request, actor, now)
        await work.note("opened", category=category, priority=priority)
        await attach(request, files)
        await work.happened("request.opened", category=category, priority=priority)
        if team is not None:
            await assign_in_turn(work, team.id)
        if actor.is_staff:
            await audit.record(actor, "request.opened", "request", request.id, now=now, contact_id=contact_id)
    return request


async def change_status(
    actor: Actor,
    request_id: int,
    status: str,
    *,
    reason: str = "",
    expected_status: str | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> ServiceRequest:
    """Move a request one step along `TRANSITIONS`.

    Cancelling and reopening need a `reason`; that of resolving is kept as the resolution. Raises `Conflict`
    `transition`, or `changed_meanwhile` when the request is no longer as the caller saw it.
    """
    reason = text("reason", reason, longest=2000)
    if status not in STATUSES:
        raise Invalid("status", "unknown", allowed=list(STATUSES))
    own = status == "cancelled" or status == "assigned"  # a contact may cancel and reopen their own
    async with writing(
        actor, request_id, "request.status", now=now, expected_version=expected_version, own=own
    ) as work:
        was = work.request.status
        if expected_status is not None and was != expected_status:
            raise Conflict("changed_meanwhile", version=work.request.version - 1, status=was)
        if actor.kind == "contact" and status == "assigned" and not reopens(was, status):
            raise Conflict("transition", status=was, wanted=status, allowed=[])
        await move(work, status, reason)
    return work.request


async def cancel(actor: Actor, request_id: int, *, reason: str, now: datetime) -> ServiceRequest:
    """Cancel an open request; a contact only their own. Raises `Conflict` `transition` when not open."""
    return await change_status(actor, request_id, "cancelled", reason=reason, now=now)


async def reopen(actor: Actor, request_id: int, *, reason: str, now: datetime) -> ServiceRequest:
    """Take a resolved or closed request up again, as assigned. Raises `Conflict` `transition`."""
    async with writing(actor, request_id, "request.status", now=now, own=True) as work:
        if work.request.status not in DONE:
            raise Conflict("transition", status=work.request.status, wanted="assigned", allowed=[])
        await move(work, "assigned", text("reason", reason, longest=2000))
    return work.request


async def assign(
    actor: Actor,
    request_id: int,
    staff_id: int | None,
    *,
    team_id: int | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> ServiceRequest:
    """Give a request to a staff member, or with None back to its team's queue. `team_id` moves it to a team.

    A received request becomes assigned. Raises `Invalid` `staff_id` `inactive`, `Conflict` `not_open`.
    """
    async with writing(
        actor, request_id, "request.assigned", now=now, expected_version=expected_version
    ) as work:
        request = work.request
        if request.status not in OPEN:
            raise Conflict("not_open", status=request.status)
        if staff_id is not None and not await Staff.exists(id=staff_id, active=True):
            raise Invalid("staff_id", "inactive")
        if team_id is not None:
            if not await Team.exists(id=team_id):
                raise Invalid("team_id", "unknown")
            work.set(team_id=team_id)
        await give(work, staff_id)
    return work.request


async def set_priority(
    actor: Actor, request_id: int, priority: str, *, expected_version: int | None = None, now: datetime
) -> ServiceRequest:
    """Raise or lower the priority."""
    one_of("priority", priority, PRIORITIES)
    async with writing(
        actor, request_id, "request.priority", now=now, expected_version=expected_version
    ) as work:
        await prioritise(work, priority)
    return work.request


async def amend(
    actor: Actor,
    request_id: int,
    changes: Mapping[str, Any],
    *,
    expected_version: int | None = None,
    now: datetime,
) -> ServiceRequest:
    """Correct what the request says (product, symptom, visit, address, phone, category) while it is open.

    A contact may amend their own. The history keeps the names of the fields, not old personal values.
    Raises `Invalid` naming the field, `Conflict` `not_open`.
    """
    only(changes, AMENDABLE)
    values = checked(changes, zone.aware(now, "now"))
    async with writing(
        actor, request_id, "request.amended", now=now, expected_version=expected_version, own=True
    ) as work:
        if work.request.status not in OPEN:
            raise Conflict("not_open", status=work.request.status)
        work.set(**{k: v for k, v in values.items() if getattr(work.request, k) != v})
        fields = sorted(work.changes)
        if fields:
            await work.note("amended", fields=fields)
            await work.happened("request.amended", fields=fields)
    return work.request


async def comment(
    actor: Actor, request_id: int, text_: str, *, files: Sequence[str] = (), now: datetime
) -> RequestEvent:
    """Add words or files to a request, also to a finished one. A contact only to their own; when the
    customer was being waited for, the request goes back to in_progress."""
    words = text("text", text_, longest=4000, required=not files)
    async with writing(actor, request_id, "request.commented", now=now, own=True) as work:
        await attach(work.request, files)
        event = await work.note("commented", text=words, files=len(files))
        await work.happened("request.commented", by=actor.kind, files=len(files))
        if actor.kind == "contact" and work.request.status == "waiting_customer":
            await move(work, "in_progress", "")
    return event


async def complain(actor: Actor, request_id: int, text_: str, *, now: datetime) -> ServiceRequest:
    """A complaint about an existing request: kept in its history, priority at least high."""
    words = text("text", text_, longest=4000, required=True)
    async with writing(actor, request_id, "request.complained", now=now, own=True) as work:
        await work.note("complained", text=words)
        await work.happened("request.complained")
        await prioritise(work, raised(work.request.priority, "high"))
    return work.request


async def rate(actor: Actor, request_id: int, score: int, comment_text: str = "", *, now: datetime) -> Rating:
    """The customer's score, 1 to 5, once the request is resolved; a second one replaces the first.

    Raises `Invalid` `score`, `Conflict` `not_resolved`. Staff cannot rate.
    """
    if isinstance(score, bool) or score not in range(1, 6):
        raise Invalid("score", "out_of_range", least=1, most=5)
    if actor.is_staff:
        raise Forbidden("request.rate")
    words = text("comment", comment_text, longest=2000)
    async with writing(actor, request_id, "request.rated", now=now, own=True) as work:
        if work.request.status not in DONE:
            raise Conflict("not_resolved", status=work.request.status)
        contact_id = work.request.contact_id
        rating, _ = await Rating.update_or_create(
            request_id=request_id,
            defaults={"contact_id": contact_id, "score": score, "comment": words, "at": now},
        )
        await work.note("rated", score=score)
        await work.happened("request.rated", score=score)
    return rating


async def _product_name(product_id: int | None) -> str:
    rows = await db.fetch("SELECT name FROM product WHERE id = ?", product_id) if product_id else []
    return str(rows[0]["name"]) if rows else ""


async def _channel_of(conversation_id: int | None) -> str:
    if conversation_id is None:
        return ""
    rows = await db.fetch("SELECT channel FROM conversation WHERE id = ?", conversation_id)
    return str(rows[0]["channel"]) if rows else ""
