"""The desk's lists of conversations and the thread itself: hot reads, as SQL."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from crm import db, search
from crm.actor import Actor, check
from crm.checks import one_of
from crm.errors import NotFound
from crm.reads import Page, cursor, read_cursor

SEARCH_LIMIT = 60  # conversations, and messages, that a search takes: two pages of the list
PEOPLE_LIMIT = 300  # of a name, or of a beginning of one, whose conversations a search looks for
NARROW_LIMIT = 300  # conversations of a narrow view, the newest, of which a search looks at every customer
COUNT_LIMIT = 100  # counts stop here: the badge says 99+

# One view is one condition; each is served by an index that ends in (last_message_at, id).
VIEWS: Final = {
    "mine": "v.status = 'open' AND v.owner = 'staff' AND v.assignee_id = ?",
    "unassigned": "v.status = 'open' AND v.owner = 'staff' AND v.assignee_id IS NULL",
    "mentions": "v.id IN (SELECT conversation_id FROM mention WHERE staff_id = ?)",
    "snoozed": "v.status = 'snoozed'",
    "all": "v.status = 'open'",
    "closed": "v.status = 'closed'",
}
# PostgreSQL does not see that a column which IS NULL is the same in all rows: without it in the order it
# would look through all that is open for the few, or none, that wait unassigned.
_FIRST: Final = {"unassigned": "v.assignee_id DESC, "}
STATUS: Final = {  # that all conversations of a view have
    "mine": "open", "unassigned": "open", "snoozed": "snoozed", "all": "open", "closed": "closed",
}  # fmt: skip
OF_ACTOR = frozenset({"mine", "mentions"})
NARROW = frozenset({"mine", "unassigned", "mentions", "snoozed"})  # what somebody has before them: few

_SELECT = (
    "SELECT v.id, v.contact_id, c.name, c.blocked, v.channel, v.status, v.owner, v.assignee_id,"
    " s.name AS assignee_name, s.name_en AS assignee_name_en, v.team_id, t.name AS team_name,"
    " t.name_en AS team_name_en, v.priority, v.locale, v.unread,"
    " v.last_message, v.last_message_at, v.waiting_since, v.reply_due_at, v.returns_at, v.snoozed_until,"
    " v.message_seq, v.seen_seq, v.handover_reason"
    " FROM conversation v JOIN contact c ON c.id = v.contact_id"
    " LEFT JOIN staff s ON s.id = v.assignee_id LEFT JOIN team t ON t.id = v.team_id"
)
_TIMES = ("last_message_at", "waiting_since", "reply_due_at", "returns_at", "snoozed_until")


async def inbox_list(
    actor: Actor,
    *,
    view: str,
    query: str = "",
    channel: str = "",
    owner: str = "",
    unread: bool = False,
    late_at: datetime | None = None,
    after: str | None = None,
    limit: int = 30,
) -> Page:
    """One page of a view, newest message first. `query` finds by name, phone, request number and text.

    Narrowed to a channel, an owner, unread ones, or those whose answer is late at `late_at`.
    Rows are dicts with aware times, `last_message` {"from","text","kind"} and `labels`.
    Raises `Invalid` for an unknown view or cursor.
    """
    check(actor, "conversation.read")
    one_of("view", view, VIEWS)
    where, args = _narrowed(actor, view, channel, owner, unread, late_at)
    if query.strip():
        found = await _found(query, STATUS.get(view), within=_narrow(actor, view, query))
        if not found:
            return Page()
        where.append(f"v.id IN ({db.placeholders(len(found))})")
        args += found
    if after:
        at, row_id = read_cursor(after)
        where.append("v.last_message_at <= ? AND (v.last_message_at < ? OR v.id < ?)")
        args += [db.stamp(at), db.stamp(at), row_id]
    rows = await db.fetch(
        f"{_SELECT} WHERE {' AND '.join(where)}"
        f" ORDER BY {_FIRST.get(view, '')}v.last_message_at DESC, v.id DESC LIMIT {limit + 1:d}",
        *args,
    )
    items = _read(rows[:limit])
    await add_labels("conversation", items)
    more = len(rows) > limit
    return Page(items, cursor(items[-1]["last_message_at"], items[-1]["id"]) if more else None)


async def find_anywhere(actor: Actor, query: str, *, limit: int = 30) -> list[dict[str, Any]]:
    """Conversations of any status that `query` finds, the newest message first: rows as in `inbox_list`."""
    check(actor, "conversation.read")
    found = await _found(query, None)
    if not found:
        return []
    rows = await db.fetch(
        f"{_SELECT} WHERE v.id IN ({db.placeholders(len(found))})"
        f" ORDER BY v.last_message_at DESC, v.id DESC LIMIT {int(limit)}",
        *found,
    )
    return _read(rows)


async def header(actor: Actor, conversation_id: int) -> dict[str, Any]:
    """The one row that `inbox_list` would show for this conversation. Raises `NotFound`."""
    check(actor, "conversation.read")
    rows = await db.fetch(f"{_SELECT} WHERE v.id = ?", conversation_id)
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    item = _read(rows[:1])[0]
    await add_labels("conversation", [item])
    return item


async def of_contact(actor: Actor, contact_id: int, *, limit: int = 20) -> list[dict[str, Any]]:
    """A contact's conversations, newest first."""
    check(actor, "conversation.read")
    rows = await db.fetch(
        f"{_SELECT} WHERE v.contact_id = ? ORDER BY v.last_message_at DESC, v.id DESC LIMIT {int(limit)}",
        contact_id,
    )
    return _read(rows)


async def counts(actor: Actor) -> dict[str, int]:
    """How many conversations each view holds, at most 100, and `unseen_mentions`; one statement."""
    check(actor, "conversation.read")
    parts, args = [], []
    for name, condition in VIEWS.items():
        if name in ("closed", "mentions"):
            continue
        parts.append(
            f"(SELECT COUNT(*) FROM (SELECT 1 FROM conversation v WHERE {condition}"
            f' LIMIT {COUNT_LIMIT}) {name}_) AS "{name}"'
        )
        args += [actor.id] if name in OF_ACTOR else []
    parts.append("(SELECT COUNT(*) FROM mention WHERE staff_id = ? AND seen_at IS NULL) AS mentions")
    row = (await db.fetch(f"SELECT {', '.join(parts)}", *args, actor.id))[0]
    return {name: int(value) for name, value in row.items()}


_MESSAGE = (
    "SELECT m.id, m.seq, m.direction, m.author, m.staff_id, s.name AS staff_name,"
    " s.name_en AS staff_name_en, m.text, m.lang, m.purpose,"
    " m.choices, m.cards, m.key, m.state, m.data, m.in_reply_to, m.created_at, m.edited_at, m.delivered_at,"
    " m.seen_at, m.inbox_id FROM message m LEFT JOIN staff s ON s.id = m.staff_id WHERE m.conversation_id = ?"
)
_MESSAGE_TIMES = ("created_at", "edited_at", "delivered_at", "seen_at")


async def messages(
    actor: Actor, conversation_id: int, *, before_seq: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Messages, notes and event lines in order, the newest `limit` before `before_seq`; with `files` and,
    of a message that could not be sent, the `fault` (the sender's word, as `blocked`, or a provider's)."""
    check(actor, "conversation.read")
    where, args = (" AND m.seq < ?", [before_seq]) if before_seq is not None else ("", [])
    rows = await db.fetch(f"{_MESSAGE}{where} ORDER BY m.seq DESC LIMIT {int(limit)}", conversation_id, *args)
    return await _with_faults(await _with_files(_read_messages(rows[::-1])))


async def customer_sees(
    conversation_id: int, *, after_seq: int = 0, limit: int = 200
) -> list[dict[str, Any]]:
    """What the customer may see after a number, in order: messages both ways, no notes, no event lines."""
    rows = await db.fetch(
        f"{_MESSAGE} AND m.seq > ? AND m.direction IN ('in', 'out') ORDER BY m.seq LIMIT {int(limit)}",
        conversation_id,
        after_seq,
    )
    return await _with_files(_read_messages(rows))


async def add_labels(subject: str, items: Sequence[dict[str, Any]]) -> None:
    """Give every item its `labels` [{"id","name","colour"}], with one statement."""
    by_id: dict[int, dict[str, Any]] = {}
    for item in items:
        item["labels"] = []
        by_id[item["id"]] = item
    if not by_id:
        return
    rows = await db.read(
        "SELECT g.subject_id, l.id, l.name, l.colour FROM labelling g JOIN label l ON l.id = g.label_id"
        f" WHERE g.subject = ? AND g.subject_id IN ({db.placeholders(len(by_id))}) ORDER BY l.name",
        subject,
        *by_id,
    )
    for row in rows:
        label = {"id": row["id"], "name": row["name"], "colour": row["colour"]}
        by_id[row["subject_id"]]["labels"].append(label)


def _narrowed(
    actor: Actor, view: str, channel: str, owner: str, unread: bool, late_at: datetime | None
) -> tuple[list[str], list[Any]]:
    """The conditions of a view and its filters, with their values."""
    where: list[str] = [VIEWS[view]]
    args: list[Any] = [actor.id] if view in OF_ACTOR else []
    for condition, value in (("v.channel = ?", channel), ("v.owner = ?", owner)):
        if value:
            where.append(condition)
            args.append(value)
    if unread:
        where.append("v.unread > 0")
    if late_at is not None:
        where.append("v.reply_due_at < ?")
        args.append(db.stamp(late_at))
    return where, args


def _narrow(actor: Actor, view: str, query: str) -> tuple[str, list[Any]] | None:
    """Those of a narrow view whose customer is found by name, phone or e-mail, however many others are."""
    prefixes = search.contact_ranges(query)
    if view not in NARROW or not prefixes:
        return None
    args: list[Any] = [actor.id] if view in OF_ACTOR else []
    for prefix in prefixes:
        args += search.key_range(prefix)
    ranges = " OR ".join(["(k.key >= ? AND k.key < ?)"] * len(prefixes))
    # The view first, then each of its customers' own keys: a CROSS JOIN keeps that order on SQLite.
    return (
        f"SELECT n.id FROM (SELECT v.id, v.contact_id FROM conversation v WHERE {VIEWS[view]}"
        f" ORDER BY {_FIRST.get(view, '')}v.last_message_at DESC, v.id DESC LIMIT {NARROW_LIMIT}) n"
        " CROSS JOIN contact_key k"
        f" WHERE k.contact_id = n.contact_id AND ({ranges})",
        args,
    )


async def _found(query: str, status: str | None, *, within: tuple[str, list[Any]] | None = None) -> list[int]:
    """Conversations that a search finds, of `status` where one is given: by their customer's name, phone or
    e-mail, by a request's number and by message text; and those of `within`. `padded`."""
    found: dict[int, None] = dict.fromkeys(await _of_people(query, status))
    if within is not None:
        found.update(dict.fromkeys(await db.column(within[0], *within[1])))
    if _NUMBER.fullmatch(number := query.strip().upper()):
        numbered = "SELECT conversation_id FROM service_request WHERE number = ?"
        found.update(dict.fromkeys(one for one in await db.column(numbered, number) if one is not None))
    if in_messages := db.padded(await search.find_messages(query, limit=SEARCH_LIMIT)):
        written = f"SELECT conversation_id FROM message WHERE id IN ({db.placeholders(len(in_messages))})"
        found.update(dict.fromkeys(await db.column(written, *in_messages)))
    return db.padded(list(found))


async def _of_people(query: str, status: str | None) -> list[int]:
    """The conversations of customers whose name, phone or e-mail holds what was typed, the newest first: of
    the first `PEOPLE_LIMIT` who have one that is not closed, or of the first `SEARCH_LIMIT` of all."""
    table, many = ("contact_key", SEARCH_LIMIT) if status in (None, "closed") else ("open_key", PEOPLE_LIMIT)
    found: dict[int, None] = {}
    for prefix in search.contact_ranges(query):
        # The keys first, then each customer's conversations: a CROSS JOIN keeps that order on SQLite.
        ids = await db.column(
            f"SELECT v.id FROM (SELECT contact_id FROM {table} WHERE key >= ? AND key < ?"
            f" ORDER BY key, contact_id LIMIT {many}) k CROSS JOIN conversation v"
            f" WHERE v.contact_id = k.contact_id{' AND v.status = ?' if status else ''}"
            f" ORDER BY v.last_message_at DESC, v.id DESC LIMIT {2 * SEARCH_LIMIT}",  # some have two keys
            *search.key_range(prefix),
            *([status] if status else []),
        )
        found.update(dict.fromkeys(ids))
    return list(found)[:SEARCH_LIMIT]


_NUMBER = re.compile(r"SR-\d{4}-\d+")  # of a request (crm/sequences.py)


def _read(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return db.read_rows(rows, times=_TIMES, flags=("blocked",), documents=("last_message",))


def _read_messages(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        row["files"] = []
    return db.read_rows(rows, times=_MESSAGE_TIMES, documents=("choices", "cards", "data"))


async def _with_faults(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    failed = {item["id"]: item for item in items if item["state"] == "failed" and item["direction"] == "out"}
    if failed:
        rows = await db.fetch(
            f"SELECT message_id, error FROM outbox WHERE message_id IN ({db.placeholders(len(failed))})",
            *failed,
        )
        for row in rows:
            failed[row["message_id"]]["fault"] = row["error"]
    return items


async def _with_files(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {item["id"]: item for item in items}
    if not by_id:
        return items
    rows = await db.fetch(
        "SELECT message_id, token, name, type, size, width, height, description FROM file"
        f" WHERE message_id IN ({db.placeholders(len(by_id))}) ORDER BY id",
        *by_id,
    )
    for row in rows:
        by_id[row["message_id"]]["files"].append({k: v for k, v in row.items() if k != "message_id"})
    return items
