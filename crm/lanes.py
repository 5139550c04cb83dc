"""Lanes: the queue of one conversation, one recipient or one job, worked on by one holder at a time.

A claim takes a lane for `LEASE_SECONDS`, raises its token and counts an attempt. Whoever holds it writes
through `fence` first: a holder that lost its lease meanwhile no longer matches the token, and its transaction
fails. Clocks of machines that share a PostgreSQL database must agree within a few seconds (NTP).
"""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import db, many, processes

LEASE_SECONDS = 10.0
HEARTBEAT_SECONDS = 3.0
MAX_ATTEMPTS = 5  # claims of the same work before it is set aside
# A freed lane gets a new token: a heartbeat that comes late must not hold it again.
_FREE = "holder = '', leased_until = NULL, token = token + 1"
# lane kind -> wake-up topic
TOPICS = {"inbox": "inbox", "outbox": "outbox", "job": "jobs", "staff": "staff", "slack": "slack"}
SENDING = ("outbox", "slack")


class LaneLost(Exception):
    """The lease ran out and somebody else may hold the lane: leave no effect."""


@dataclass(frozen=True)
class Lane:
    """A claimed lane. `attempts` counts this claim too, so the first is 1."""

    id: int
    kind: str
    key: int
    token: int
    attempts: int


_PUSHED = (
    " ON CONFLICT (kind, key) DO UPDATE SET due_at ="
    " CASE WHEN lane.due_at IS NOT NULL AND (lane.attempts > 0 OR lane.due_at < excluded.due_at)"
    " THEN lane.due_at ELSE excluded.due_at END"
)


async def push(kind: str, key: int, due_at: datetime) -> None:
    """Say that the lane of `key` has work at `due_at` (or earlier, if it was due earlier); wakes workers.

    A lane that pauses after a failure stays paused.
    """
    await db.execute(
        "INSERT INTO lane (kind, key, token, holder, due_at, attempts, error) VALUES (?, ?, 0, '', ?, 0, '')"
        + _PUSHED,
        kind,
        key,
        db.stamp(due_at),
    )
    db.after_commit(TOPICS[kind])


async def push_all(kind: str, due: Mapping[int, datetime]) -> None:
    """`push` for many lanes at once: `due` says when each key has work."""
    rows = [(key, db.stamp(at)) for key, at in sorted(due.items())]
    given, args = many.table("given", rows, wanted="bigint", at="timestamptz")
    await db.execute(
        given + "INSERT INTO lane (kind, key, token, holder, due_at, attempts, error)"
        f" SELECT {db.typed('?', of=('text',))}, wanted, 0, '', at, 0, '' FROM given WHERE true" + _PUSHED,
        *args,
        kind,
    )
    db.after_commit(TOPICS[kind])


async def claim(kind: str, holder: str, now: datetime, limit: int = 4) -> list[Lane]:
    """Take up to `limit` lanes that are due and not held, the longest due first. One statement.

    Work that has failed before is given alone (but for sending, whose failures are the provider's): were
    several taken together, one that kills its process would use up the attempts of the others.
    """
    at = db.stamp(now)
    rows = await db.fetch(
        "WITH due AS MATERIALIZED (SELECT id FROM lane WHERE kind = ? AND due_at <= ?"
        f" AND (leased_until IS NULL OR leased_until < ?) ORDER BY due_at, id LIMIT ? {db.skip_locked()})"
        " UPDATE lane SET token = token + 1, attempts = attempts + 1, holder = ?, leased_until = ?"
        " WHERE id IN (SELECT id FROM due) RETURNING id, kind, key, token, attempts, due_at",
        kind,
        at,
        at,
        limit,
        holder,
        db.stamp(now + timedelta(seconds=LEASE_SECONDS)),
    )
    rows.sort(key=lambda row: (row.pop("due_at"), row["id"]))
    lanes = [Lane(**row) for row in rows]
    suspect = next((lane for lane in lanes if lane.attempts > 1), None)
    if suspect is None or len(lanes) == 1 or kind in SENDING:
        return lanes
    await give_back([lane for lane in lanes if lane is not suspect])
    return [suspect]


async def fence(lane: Lane, now: datetime) -> None:
    """The first statement of a holder's transaction: extends the lease. Raises `LaneLost`."""
    sql = "UPDATE lane SET leased_until = ? WHERE id = ? AND token = ?"
    if not await db.execute(sql, db.stamp(now + timedelta(seconds=LEASE_SECONDS)), lane.id, lane.token):
        raise LaneLost(f"lane {lane.id}")


async def fence_all(held: Sequence[Lane], now: datetime) -> None:
    """`fence` for several lanes of one transaction: all of them, or `LaneLost`."""
    until = db.stamp(now + timedelta(seconds=LEASE_SECONDS))
    await _all(held, "leased_until = ?", until)


async def keep_all(held: Sequence[Lane]) -> None:
    """`keep` for several lanes of one transaction."""
    await _all(held, "attempts = 1, error = ''")


async def release_all(held: Sequence[Lane], due_at: datetime, *, waiting: str) -> None:
    """`release` for several lanes of one transaction whose work is done."""
    due = f"CASE WHEN EXISTS ({WAITING[waiting]}) THEN {db.typed('?', of=('timestamptz',))} END"
    sql = f"{_FREE}, error = '', attempts = 0, due_at = {due}"
    await _all(held, sql, db.stamp(due_at))


async def _all(held: Sequence[Lane], sql: str, *args: Any) -> None:
    if held:
        which = " OR ".join(["(id = ? AND token = ?)"] * len(held))
        ids = [value for lane in held for value in (lane.id, lane.token)]
        if await db.execute(f"UPDATE lane SET {sql} WHERE {which}", *args, *ids) != len(held):
            raise LaneLost(f"one of {len(held)} lanes")


async def heartbeat(lanes: Iterable[Lane], now: datetime) -> list[Lane]:
    """Extend the leases; return those that are lost."""
    lost = []
    for lane in lanes:
        try:
            await fence(lane, now)
        except LaneLost:
            lost.append(lane)
    return lost


async def keep(lane: Lane) -> None:
    """The work at the head is done, the next begins: its first attempt. Raises `LaneLost`."""
    sql = "UPDATE lane SET attempts = 1, error = '' WHERE id = ? AND token = ?"
    if not await db.execute(sql, lane.id, lane.token):
        raise LaneLost(f"lane {lane.id}")


async def release(
    lane: Lane, *, due_at: datetime | None, attempts: int | None = 0, error: str = "", waiting: str = ""
) -> None:
    """Give the lane up. Raises `LaneLost`.

    It is due again at `due_at` (None: when work comes), and, with `waiting` (the name of a table of
    `WAITING`), only if that table still holds work for it. `attempts` are those counted so far (None: as
    they are); with any, the pause until `due_at` is kept even when more work comes.
    """
    due = db.typed("?", of=("timestamptz",))
    if waiting:
        due = f"CASE WHEN EXISTS ({WAITING[waiting]}) THEN {due} END"
    counted = "attempts" if attempts is None else str(int(attempts))
    changed = await db.execute(
        f"UPDATE lane SET {_FREE}, error = ?, due_at = {due}, attempts = {counted}"
        " WHERE id = ? AND token = ?",
        error,
        db.stamp(due_at) if due_at else None,
        lane.id,
        lane.token,
    )
    if not changed:
        raise LaneLost(f"lane {lane.id}")


WAITING = {
    "inbox": "SELECT 1 FROM inbox WHERE conversation_id = lane.key AND state = 'waiting'",
    "outbox": "SELECT 1 FROM outbox WHERE identity_id = lane.key AND state = 'waiting' AND permit <> ''",
    "staff": "SELECT 1 FROM staff_event WHERE queue = lane.key AND state = 'waiting'",
    "slack": "SELECT 1 FROM slack_post WHERE queue = lane.key AND state = 'waiting'"
    " UNION ALL SELECT 1 FROM slack_card WHERE id = lane.key AND wanted > shown",
}


async def give_back(lanes: Iterable[Lane]) -> None:
    """Untouched lanes go back as if never claimed."""
    for lane in lanes:
        await db.execute(
            f"UPDATE lane SET {_FREE}, attempts = attempts - 1 WHERE id = ? AND token = ?",
            lane.id,
            lane.token,
        )


async def take_back() -> int:
    """Free the lanes of processes of this machine that died; return how many. For the start of a process."""
    rows = await db.fetch(
        f"SELECT DISTINCT holder FROM lane WHERE kind IN ({db.placeholders(len(TOPICS))})"
        " AND due_at IS NOT NULL AND leased_until IS NOT NULL",
        *TOPICS,
    )
    freed = 0
    for holder in (row["holder"] for row in rows):
        if processes.is_dead(holder):
            freed += await db.execute(
                f"UPDATE lane SET {_FREE} WHERE holder = ? AND due_at IS NOT NULL",
                holder,
            )
    if freed:
        for topic in TOPICS.values():
            db.after_commit(topic)
    return freed


async def next_due(kinds: Sequence[str]) -> datetime | None:
    """When the next lane of `kinds` can be claimed, held ones counted at the end of their lease."""
    rows = await db.fetch(
        "SELECT min(CASE WHEN leased_until > due_at THEN leased_until ELSE due_at END) AS at FROM lane"
        f" WHERE kind IN ({db.placeholders(len(kinds))}) AND due_at IS NOT NULL",
        *kinds,
    )
    return db.read_stamp(rows[0]["at"])


async def depth(kind: str) -> tuple[int, datetime | None]:
    """How many lanes of a kind have work, and since when the oldest waits."""
    rows = await db.fetch(
        "SELECT count(*) AS lanes, min(due_at) AS oldest FROM lane WHERE kind = ? AND due_at IS NOT NULL",
        kind,
    )
    return rows[0]["lanes"], db.read_stamp(rows[0]["oldest"])


def backoff(attempts: int) -> timedelta:
    """The pause before work is tried again: 0.25, 0.5, 1, 2, 4 s …, at most a minute."""
    return timedelta(seconds=min(60.0, 0.25 * 2 ** (attempts - 1)))


def place(error: BaseException) -> str:
    """Where an error arose, as `file:line`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""


def fault(error: BaseException) -> str:
    """An error's class, which is safe to keep: its text may hold personal data."""
    return f"{type(error).__module__}.{type(error).__qualname__}"[:200]
