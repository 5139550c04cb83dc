"""What staff did in a face that calls us (Slack): stored first, then acknowledged, then done once, in order.

An event and what it led to are one transaction, so a crash between the two does nothing and a repeated
delivery finds the earlier row.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import db, lanes
from crm.inbound import cleaned

MAX_ATTEMPTS = lanes.MAX_ATTEMPTS
TAKEN = 20  # events of one queue taken at once
KEPT = timedelta(days=30)  # done events, so that late edits still find their note


@dataclass(frozen=True)
class Event:
    """A stored event. `attempts` counts the one in hand."""

    id: int
    face: str
    account: str
    external_id: str
    kind: str
    data: dict[str, Any]
    received_at: datetime
    attempts: int = 1


@dataclass
class Claim:
    """A queue, held by one worker, with what waits in it, in order."""

    lane: lanes.Lane
    events: list[Event]


def queue_of(*names: str) -> int:
    """The number of the queue with these names: a positive 63-bit hash."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


async def store(
    face: str,
    account: str,
    external_id: str,
    kind: str,
    data: Mapping[str, Any],
    *,
    queue: int,
    now: datetime,
) -> int | None:
    """Store an event; acknowledge only afterwards. Its number, or None when it is known already."""
    async with db.transaction():
        rows = await db.fetch(
            "INSERT INTO staff_event (face, account, external_id, queue, kind, data, state, error,"
            " received_at) VALUES (?, ?, ?, ?, ?, ?, 'waiting', '', ?)"
            " ON CONFLICT (face, account, external_id) DO NOTHING RETURNING id",
            face,
            account,
            external_id[:200],
            queue,
            kind,
            db.write_json(cleaned(data)),
            db.stamp(now),
        )
        if not rows:
            return None
        await lanes.push("staff", queue, now)
    return int(rows[0]["id"])


async def claim(holder: str, now: datetime, limit: int = 4) -> list[Claim]:
    """Take up to `limit` queues in which something waits."""
    claims = []
    for lane in await lanes.claim("staff", holder, now, limit):
        rows = await db.fetch(
            "SELECT id, face, account, external_id, kind, data, received_at FROM staff_event"
            " WHERE queue = ? AND state = 'waiting' ORDER BY id LIMIT ?",
            lane.key,
            TAKEN,
        )
        if rows:
            events = [_event(row, lane.attempts if at == 0 else 1) for at, row in enumerate(rows)]
            claims.append(Claim(lane, events))
        else:
            await lanes.release(lane, due_at=now, waiting="staff")
    return claims


def _event(row: dict[str, Any], attempts: int) -> Event:
    at = db.read_stamp(row.pop("received_at"))
    if at is None:
        raise ValueError("an event without a time")
    return Event(**{**row, "data": db.read_json(row["data"])}, received_at=at, attempts=attempts)


async def finish(
    claim: Claim,
    event: Event,
    now: datetime,
    *,
    message_id: int | None = None,
    state: str = "done",
    error: str = "",
) -> None:
    """In the transaction of what the event led to, last: it is over and its words are emptied.

    `state` is `done` or `parked`. Raises `LaneLost`.
    """
    await db.execute(
        "UPDATE staff_event SET state = ?, error = ?, message_id = ?, data = ?, done_at = ? WHERE id = ?",
        state,
        error[:200],
        message_id,
        "{}",
        db.stamp(now),
        event.id,
    )
    if event is claim.events[-1]:
        await lanes.release(claim.lane, due_at=now, waiting="staff")
    else:
        await lanes.keep(claim.lane)


async def later(claim: Claim, event: Event, now: datetime, *, error: str) -> None:
    """It could not be done now: the queue waits, so that its order is kept. Raises `LaneLost`."""
    await lanes.release(
        claim.lane, due_at=now + lanes.backoff(event.attempts), attempts=None, error=error[:200]
    )


async def became(face: str, account: str, external_id: str) -> int | None:
    """The message of ours that an earlier event became, if any."""
    rows = await db.fetch(
        "SELECT message_id FROM staff_event WHERE face = ? AND account = ? AND external_id = ?",
        face,
        account,
        external_id,
    )
    return rows[0]["message_id"] if rows else None


async def known(face: str, account: str, external_id: str) -> bool:
    """Whether such an event was stored before."""
    sql = "SELECT 1 AS one FROM staff_event WHERE face = ? AND account = ? AND external_id = ?"
    return bool(await db.fetch(sql, face, account, external_id))


async def said_there(message_id: int) -> bool:
    """Whether a note or reply of ours was written in the face itself, where it stands already."""
    sql = "SELECT 1 AS one FROM staff_event WHERE message_id = ? AND kind = 'message' LIMIT 1"
    return bool(await db.fetch(sql, message_id))


async def sweep(now: datetime, *, limit: int = 500) -> int:
    """Delete events done long ago; how many. For a tick."""
    return await db.execute(
        "DELETE FROM staff_event WHERE id IN (SELECT id FROM staff_event WHERE state = 'done'"
        " AND done_at < ? ORDER BY id LIMIT ?)",
        db.stamp(now - KEPT),
        limit,
    )
