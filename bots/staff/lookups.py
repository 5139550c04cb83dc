"""What staff ask for by name, whatever the face: rows, and a way to go on. Permission is in crm."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crm import contacts, conversations, requests
from crm.actor import Actor, check
from crm.errors import Invalid, NotFound
from crm.models import ServiceRequest
from crm.request_rules import OPEN

PAGE = 8  # rows of one answer
FOUND_MOST = 80  # contacts that a search pages through


@dataclass(frozen=True)
class Row:
    """One thing found. The face says `kind` and `values` in its words; `path` is its page on the desk."""

    kind: str  # contact, conversation, request
    id: int
    path: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A page of rows. `count` is how many there are, as far as is known; `after` goes on, "" at the end."""

    rows: Sequence[Row] = ()
    count: int = 0
    after: str = ""


async def find(actor: Actor, query: str, after: str = "") -> Found:
    """Customers by name, phone, e-mail, or a request by its number. Raises `Invalid("query", "missing")`."""
    if not query.strip():
        raise Invalid("query", "missing")
    if await requests.find(query):
        return await one_request(actor, query)
    start = _offset(after)
    items = (await contacts.list_contacts(actor, query=query, limit=FOUND_MOST)).items
    rows = [
        Row("contact", item["id"], f"/desk/contacts/{item['id']}", {k: item[k] for k in ("name", "phone")})
        for item in items[start : start + PAGE]
    ]
    more = str(start + PAGE) if len(items) > start + PAGE else ""
    return Found(rows, len(items), more)


async def mine(actor: Actor, after: str = "") -> Found:
    """One's own open requests and conversations, newest first."""
    of_requests, _, of_talks = after.partition("|")
    rows: list[Row] = []
    talks_after, requests_after = "", ""
    if not after or of_requests:
        filters = requests.Filters(assignee_id=actor.id)
        found, on = await requests.list_requests(
            actor, filters=filters, after=_offset(of_requests) or None, limit=PAGE
        )
        rows += [_request(card) for card in found]
        requests_after = str(on) if on else ""
    if not after or of_talks:
        page = await conversations.inbox_list(actor, view="mine", after=of_talks or None, limit=PAGE)
        rows += [_talk(item) for item in page.items]
        talks_after = page.next or ""
    more = f"{requests_after}|{talks_after}" if requests_after or talks_after else ""
    return Found(rows, len(rows), more)


async def open_requests(actor: Actor, after: str = "") -> Found:
    """All open requests, newest first."""
    found, on = await requests.list_requests(actor, statuses=OPEN, after=_offset(after) or None, limit=PAGE)
    return Found([_request(card) for card in found], len(found), str(on) if on else "")


async def one_request(actor: Actor, number: str) -> Found:
    """A request by its number, as written. Raises `Invalid("number", "no_request")`."""
    request = await requests.find(number)
    if request is None:
        raise Invalid("number", "no_request")
    check(actor, "request.read")
    row = await ServiceRequest.get(id=request.id).select_related("contact", "assignee")
    values = {
        "number": row.number,
        "status": row.status,
        "name": row.contact.name,
        "product": row.product_text,
        "assignee_name": row.assignee.name if row.assignee else "",
        "assignee_name_en": row.assignee.name_en if row.assignee else "",
    }
    return Found([Row("request", row.id, f"/desk/requests/{row.id}", values)], 1)


async def conversation_of(target: str) -> int:
    """The conversation that `#12` or a request number names. Raises `Invalid("target", …)`, `NotFound`."""
    if target.startswith("#"):
        return int(target[1:])
    request = await requests.find(target)
    if request is None:
        raise Invalid("target", "no_request")
    if request.conversation_id is None:
        raise NotFound("conversation")
    return request.conversation_id


def _request(card: dict[str, Any]) -> Row:
    values = {
        "number": card["number"],
        "status": card["status"],
        "name": card["contact_name"],
        "product": card["product"],
        "assignee_name": card["assignee_name"] or "",
        "assignee_name_en": card["assignee_name_en"] or "",
    }
    return Row("request", card["id"], f"/desk/requests/{card['id']}", values)


def _talk(item: dict[str, Any]) -> Row:
    values = {"name": item["name"], "channel": item["channel"], "waiting": bool(item["waiting_since"])}
    return Row("conversation", item["id"], f"/desk/conversations/{item['id']}", values)


def _offset(after: str) -> int:
    return int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
