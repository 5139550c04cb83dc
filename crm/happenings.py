"""Things that happened, in the past tense, recorded in the transaction in which they happened.

Readers follow them by number: the desk's live updates (`since`) and durable handlers (`consume`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm import db, many
from crm.happening_kinds import KINDS, TIMELINE

MAX_ATTEMPTS = 5  # of a durable handler at one happening, before it is passed over


@dataclass(frozen=True)
class Happened:
    """One happening as readers see it."""

    id: int
    kind: str
    at: datetime
    contact_id: int | None = None
    conversation_id: int | None = None
    request_id: int | None = None
    staff_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


async def record(
    kind: str,
    *,
    now: datetime,
    contact_id: int | None = None,
    conversation_id: int | None = None,
    request_id: int | None = None,
    staff_id: int | None = None,
    **data: Any,
) -> int:
    """Record a happening of `KINDS` in the caller's transaction; return its number.

    `data` holds references, codes and numbers, never personal values. Kinds of `TIMELINE` with a contact
    also appear on that contact's timeline. Raises `KeyError` for an unknown kind.
    """
    KINDS[kind]
    rows = await db.fetch(
        "INSERT INTO happening (kind, contact_id, conversation_id, request_id, staff_id, data, at)"
        f" SELECT {db.typed('?', '?', '?', '?', '?', '?', '?', of=_COLUMNS)}"
        f" WHERE {db.known_transaction()} RETURNING id",
        kind,
        contact_id,
        conversation_id,
        request_id,
        staff_id,
        db.write_json(data),
        db.stamp(now),
    )
    if contact_id is not None and kind in TIMELINE and not _told_already(kind, data):
        await _timeline(kind, contact_id, conversation_id, request_id, data, now)
    db.after_commit("happenings")
    number: int = rows[0]["id"]
    return number


def _told_already(kind: str, data: Mapping[str, Any]) -> bool:
    """A request becomes 'assigned' by being assigned: that is one entry, not two."""
    becomes = kind == "request.status_changed" and data.get("status") == "assigned"
    return becomes and not data.get("reopened")


@dataclass(frozen=True)
class Fact:
    """One of several happenings of a kind."""

    at: datetime
    contact_id: int | None = None
    conversation_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def record_all(kind: str, facts: Sequence[Fact]) -> None:
    """`record` for many of a kind that no timeline shows, numbered in the order given. Raises `KeyError`."""
    KINDS[kind]
    if kind in TIMELINE:
        raise KeyError(kind)
    rows = [
        (fact.contact_id, fact.conversation_id, db.write_json(fact.data), db.stamp(fact.at)) for fact in facts
    ]
    given, args = many.table(
        "given", rows, who="bigint", conversation="bigint", what="jsonb", at="timestamptz"
    )
    await db.execute(
        given + "INSERT INTO happening (kind, contact_id, conversation_id, data, at)"
        f" SELECT {db.typed('?', of=('text',))}, who, conversation, what, at FROM given"
        f" WHERE {db.known_transaction()}",
        *args,
        kind,
    )
    db.after_commit("happenings")


_COLUMNS = ("text", "bigint", "bigint", "bigint", "bigint", "jsonb", "timestamptz")


async def _timeline(
    kind: str,
    contact_id: int,
    conversation_id: int | None,
    request_id: int | None,
    data: dict[str, Any],
    now: datetime,
) -> None:
    subject, subject_id = ("request", request_id) if request_id else ("conversation", conversation_id)
    await db.execute(
        "INSERT INTO timeline_entry (contact_id, kind, subject, subject_id, data, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        contact_id,
        kind,
        subject if subject_id else "",
        subject_id,
        db.write_json(data),
        db.stamp(now),
    )


async def since(last_id: int, limit: int = 200) -> list[Happened]:
    """The happenings after `last_id`, oldest first, at most `limit`; none is ever passed over.

    Numbers are given before commits, so a higher one can appear before a lower one. A missing number is
    waited for until every transaction that could bring it has ended; then it was rolled back.
    """
    rows = await _after(last_id, limit)
    if db.dialect() == "sqlite" or not _gaps(last_id, rows):
        return [_happened(row) for row in rows]
    # Rows were read before the horizon: what was still open then is judged by the transactions of now.
    return [_happened(row) for row in await _settled(last_id, limit, rows)]


async def _settled(last_id: int, limit: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows before the first number that may still appear."""
    low, high = await db.transaction_horizon()
    watched = db.missing_numbers()  # the transactions below the remembered one could still bring it
    for gap in _gaps(last_id, rows):
        watched.setdefault(gap, high)
    finished = {gap for gap, until in watched.items() if until <= low}
    # a transaction may have committed between the first look and the horizon: look again
    rows = await _after(last_id, limit)
    open_gaps = [gap for gap in _gaps(last_id, rows) if gap not in finished]
    if len(watched) > 10_000:
        for gap in [gap for gap in watched if gap <= last_id]:
            del watched[gap]
    return [row for row in rows if not open_gaps or row["id"] < open_gaps[0]]


def _gaps(last_id: int, rows: list[dict[str, Any]]) -> list[int]:
    """The missing numbers, a run of them named by its last."""
    gaps, expected = [], last_id + 1
    for row in rows:
        if row["id"] != expected:
            gaps.append(row["id"] - 1)
        expected = row["id"] + 1
    return gaps


async def _after(last_id: int, limit: int) -> list[dict[str, Any]]:
    return await db.fetch("SELECT * FROM happening WHERE id > ? ORDER BY id LIMIT ?", last_id, limit)


def _happened(row: dict[str, Any]) -> Happened:
    at = db.read_stamp(row["at"])
    if at is None:
        raise ValueError("a happening without a time")
    known = {name: row[name] for name in ("id", "kind", "contact_id", "conversation_id")}
    rest = {"request_id": row["request_id"], "staff_id": row["staff_id"]}
    return Happened(at=at, data=db.read_json(row["data"]), **known, **rest)


async def latest() -> int:
    """The highest number so far, for a reader that starts now; 0 when nothing happened yet."""
    return int((await db.fetch("SELECT coalesce(max(id), 0) AS id FROM happening"))[0]["id"])


Handler = Callable[[Happened], Awaitable[None]]


async def consume(name: str, handlers: Sequence[Handler], *, limit: int = 100) -> int:
    """Give the next happenings to `handlers`, each exactly once however many processes read as `name`.

    One transaction a happening: the cursor moves and the handlers write together, so handlers do database
    work only. A handler that fails `MAX_ATTEMPTS` times at one happening makes it be passed over; the error
    is raised each time, after the attempt was counted. Returns how many were consumed.
    """
    await db.execute(
        "INSERT INTO cursor (name, last_id, attempts) VALUES (?, 0, 0) ON CONFLICT DO NOTHING", name
    )
    cursor = (await db.fetch("SELECT last_id, attempts FROM cursor WHERE name = ?", name))[0]
    last_id, attempts, done = cursor["last_id"], cursor["attempts"], 0
    for happened in await since(last_id, limit):
        try:
            async with db.transaction():
                if not await _advance(name, last_id, happened.id):
                    return done  # another process did it
                if attempts < MAX_ATTEMPTS:
                    for handler in handlers:
                        await handler(happened)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, Exception) and not db.lost_lock(error):
                await _count(name, last_id)
            raise
        last_id, attempts, done = happened.id, 0, done + 1
    return done


async def _advance(name: str, last_id: int, to: int) -> bool:
    sql = "UPDATE cursor SET last_id = ?, attempts = 0 WHERE name = ? AND last_id = ?"
    return await db.execute(sql, to, name, last_id) == 1


async def _count(name: str, last_id: int) -> None:
    sql = "UPDATE cursor SET attempts = attempts + 1 WHERE name = ? AND last_id = ?"
    await db.execute(sql, name, last_id)
