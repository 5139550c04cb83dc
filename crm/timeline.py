"""What happened with a contact, newest first. Entries are written by `happenings.record`."""

from collections.abc import Mapping
from typing import Any

from crm import db
from crm.actor import Actor, check
from crm.reads import Page, cursor, read_cursor

# One statement: every reference that an entry can carry is joined, none is looked up one by one.
_SELECT = (
    "SELECT e.id, e.kind, e.subject, e.subject_id, e.data, e.at, r.number AS request_number,"
    " r.status AS request_status, r.product_text AS request_product, r.category AS request_category,"
    " v.channel AS conversation_channel FROM timeline_entry e"
    " LEFT JOIN service_request r ON e.subject = 'request' AND r.id = e.subject_id"
    " LEFT JOIN conversation v ON e.subject = 'conversation' AND v.id = e.subject_id"
    " WHERE e.contact_id = ?"
)


async def of(actor: Actor, contact_id: int, *, before: str | None = None, limit: int = 30) -> Page:
    """One page of a contact's timeline.

    Items: `id`, `kind` (a happening's name), `subject`, `subject_id`, `data`, `at` (aware) and `reference`,
    what the subject is called now: a request's number, status, product and category, or a conversation's
    channel; empty when it is gone. `before` is the `next` of the page before.
    """
    check(actor, "contact.read")
    where, args = "", []
    if before:
        at, row_id = read_cursor(before)
        where = " AND e.at <= ? AND (e.at < ? OR e.id < ?)"
        args = [db.stamp(at), db.stamp(at), row_id]
    rows = await db.fetch(
        f"{_SELECT}{where} ORDER BY e.at DESC, e.id DESC LIMIT ?", contact_id, *args, limit + 1
    )
    items = [_entry(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items, cursor(items[-1]["at"], items[-1]["id"]) if more else None)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    subject = row["subject"]
    prefix = f"{subject}_"
    reference = {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if subject and name.startswith(prefix) and value is not None
    }
    return {
        "id": row["id"],
        "kind": row["kind"],
        "subject": subject,
        "subject_id": row["subject_id"],
        "data": db.read_json(row["data"]),
        "at": db.read_stamp(row["at"]),
        "reference": reference if subject in ("request", "conversation") else {},
    }
