"""The control log: every consent to view or control a computer, and every input, as a hash chain.

A session has a chain of our own (source 0) and one of each desktop agent, which numbers and digests its
lines itself; a gap, a line twice with other words, or a wrong digest is refused. Data hold kinds, places and
lengths, never the characters that were typed. The rule of a digest is SHA-256 of the JSON list
`[digest before, number, at, act, data]`: keys sorted, no blanks, not escaped.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from crm import db, writes
from crm.checks import text, whole
from crm.errors import Conflict, Invalid, NotFound
from crm.models import ControlEntry, LiveSession

START: Final = "0" * 64
OURS: Final = 0
BATCH: Final = 500  # lines taken at once
SHOWN: Final = 5000  # lines of a session that its record shows
DATA_LONGEST: Final = 2000


@dataclass(frozen=True)
class Line:
    """One line as its source wrote it. `at` is UTC in ISO 8601, kept as it came."""

    number: int
    at: str
    act: str
    data: Mapping[str, Any]
    digest: str


@dataclass(frozen=True)
class Heard:
    """A line as the record of a call shows it; `at` is when we had it, by our own clock."""

    at: datetime
    act: str
    data: Mapping[str, Any]


async def append(session_id: int, act: str, data: Mapping[str, Any] | None = None, *, now: datetime) -> str:
    """Add a line to our own chain and return its digest. Joins the caller's transaction."""
    async with db.transaction():
        await _hold(session_id)
        number, last = await head(session_id)
        at = now.astimezone(UTC).isoformat(timespec="milliseconds")
        fresh = digest(last, number + 1, at, act, dict(data or {}))
        await _insert(session_id, OURS, Line(number + 1, at, act, dict(data or {}), fresh), now)
    return fresh


async def take(session_id: int, source: int, lines: Sequence[Line], *, now: datetime) -> int:
    """Take lines of a desktop agent over; how many were new. Those we have already are passed over.

    Raises `Conflict`: `gap` (with the `number` wanted), `digest` or `changed` (with the line's number);
    `Invalid` for a line too long. Nothing is written then.
    """
    if len(lines) > BATCH:
        raise Invalid("entries", "too_many", most=BATCH)
    new = 0
    async with db.transaction():
        await _hold(session_id)
        number, last = await head(session_id, source)
        for line in lines:
            _check(line)
            if line.number <= number:
                await _same(session_id, source, line)
                continue
            if line.number != number + 1:
                raise Conflict("gap", number=number + 1)
            if digest(last, line.number, line.at, line.act, line.data) != line.digest:
                raise Conflict("digest", number=line.number)
            await _insert(session_id, source, line, now)
            number, last, new = line.number, line.digest, new + 1
    return new


async def of(session_id: int, source: int = OURS, *, after: int = 0, limit: int = BATCH) -> list[Line]:
    """The lines above number `after`, in order."""
    rows = ControlEntry.filter(session_id=session_id, source=source, number__gt=after)
    found = await rows.order_by("number").limit(limit)
    return [Line(row.number, row.at, row.act, json.loads(row.data), row.digest) for row in found]


async def heard(session_id: int, *, limit: int = SHOWN) -> list[Heard]:
    """The lines of a session's desktop agents in order, the first `limit` of them."""
    rows = ControlEntry.filter(session_id=session_id, source__gt=OURS)
    found = await rows.order_by("source", "number").limit(limit)
    return [Heard(row.received_at, row.act, json.loads(row.data)) for row in found]


async def sources(session_id: int) -> list[int]:
    """Whose chains a session has: participants, and 0 for our own."""
    rows = await db.fetch(
        "SELECT DISTINCT source FROM control_entry WHERE session_id = ? ORDER BY source", session_id
    )
    return [row["source"] for row in rows]


async def verify(session_id: int, source: int = OURS) -> int | None:
    """The number of the first line that does not fit; None when the whole chain does."""
    last, number = START, 0
    while lines := await of(session_id, source, after=number):
        for line in lines:
            number += 1
            if line.number != number or digest(last, number, line.at, line.act, line.data) != line.digest:
                return number
            last = line.digest
    return None


async def head(session_id: int, source: int = OURS) -> tuple[int, str]:
    """Number and digest of the last line: what a receipt names, so that a cut tail shows."""
    last = await ControlEntry.filter(session_id=session_id, source=source).order_by("-number").first()
    return (last.number, last.digest) if last else (0, START)


def digest(last: str, number: int, at: str, act: str, data: Mapping[str, Any]) -> str:
    """See the module."""
    said = json.dumps(
        [last, number, at, act, dict(data)], ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(said.encode()).hexdigest()


async def _hold(session_id: int) -> None:
    """Lines of one session follow one another."""
    if not await db.execute("UPDATE live_session SET id = id WHERE id = ?", session_id):
        raise NotFound(f"{LiveSession.__name__} {session_id}")


async def _insert(session_id: int, source: int, line: Line, now: datetime) -> None:
    await writes.insert(
        ControlEntry, session_id=session_id, source=source, number=line.number, act=line.act,
        data=json.dumps(line.data, ensure_ascii=False), at=line.at, digest=line.digest, received_at=now,
    )  # fmt: skip


async def _same(session_id: int, source: int, line: Line) -> None:
    row = await ControlEntry.get_or_none(session_id=session_id, source=source, number=line.number)
    if row is None or row.digest != line.digest:
        raise Conflict("changed", number=line.number)


def _check(line: Line) -> None:
    whole("number", line.number, least=1, most=10_000_000)
    text("act", line.act, longest=24, required=True)
    text("at", line.at, longest=40, required=True)
    if len(json.dumps(line.data)) > DATA_LONGEST:
        raise Invalid("data", "too_long", longest=DATA_LONGEST)
