"""Slow work, outside every turn: written with its cause, done by a pool, once for each key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import db, happenings, lanes

MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class Job:
    """A piece of slow work. `attempts` are those that failed before."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int


@dataclass(frozen=True)
class Claim:
    """A job's lane, held by a runner."""

    lane: lanes.Lane
    job: Job


async def enqueue(
    kind: str, payload: Mapping[str, Any], *, key: str, now: datetime, not_before: datetime | None = None
) -> int:
    """Have `kind` of work done at or after `not_before`; in the caller's transaction. Returns its number.

    The same `key` again gives the earlier job, in whatever state it is: name what makes the work the same
    (`export:7:2026-03`). `payload` holds references, not personal data.
    """
    due = db.require_aware(not_before or now)
    async with db.transaction():
        rows = await db.fetch(
            "INSERT INTO job (kind, key, payload, state, attempts, error, result, not_before, created_at)"
            " VALUES (?, ?, ?, 'waiting', 0, '', ?, ?, ?) ON CONFLICT (key) DO NOTHING RETURNING id",
            kind,
            key,
            json.dumps(dict(payload)),
            "{}",
            db.stamp(due),
            db.stamp(now),
        )
        if rows:
            await lanes.push("job", rows[0]["id"], due)
        else:
            rows = await db.fetch("SELECT id FROM job WHERE key = ?", key)
    number: int = rows[0]["id"]
    return number


async def claim(holder: str, now: datetime, limit: int = 1) -> list[Claim]:
    """Take up to `limit` jobs that are due."""
    claims = []
    for lane in await lanes.claim("job", holder, now, limit):
        sql = "SELECT id, kind, key, payload, attempts FROM job WHERE id = ? AND state = 'waiting'"
        rows = await db.fetch(sql, lane.key)
        if rows:
            row = rows[0]
            claims.append(Claim(lane, Job(**{**row, "payload": db.read_json(row["payload"])})))
        else:
            await lanes.release(lane, due_at=None)
    return claims


async def done(claim: Claim, result: Mapping[str, Any], now: datetime) -> None:
    """In the transaction that applies the result: the job is over. Raises `lanes.LaneLost`."""
    await lanes.fence(claim.lane, now)
    await db.execute(
        "UPDATE job SET state = 'done', result = ?, error = '', done_at = ? WHERE id = ?",
        json.dumps(dict(result)),
        db.stamp(now),
        claim.job.id,
    )
    await lanes.release(claim.lane, due_at=None)
    await happenings.record("job.done", now=now, job_id=claim.job.id, job=claim.job.kind)


async def failed(claim: Claim, error: str, now: datetime, *, final: bool = False) -> None:
    """It failed: again after a pause, or set aside when its attempts are used up or `final`.

    Raises `lanes.LaneLost`.
    """
    async with db.transaction():
        await lanes.fence(claim.lane, now)
        attempts = max(claim.job.attempts + 1, claim.lane.attempts)
        dead = final or attempts >= MAX_ATTEMPTS
        await db.execute(
            "UPDATE job SET state = ?, attempts = ?, error = ?, done_at = ? WHERE id = ?",
            "dead" if dead else "waiting",
            attempts,
            error[:200],
            db.stamp(now) if dead else None,
            claim.job.id,
        )
        due = None if dead else now + lanes.backoff(attempts)
        await lanes.release(claim.lane, due_at=due, attempts=0 if dead else None, error=error[:200])
        if dead:
            await happenings.record("job.failed", now=now, job_id=claim.job.id, job=claim.job.kind)


async def progress(job_id: int, share: float) -> None:
    """Note how much of a job is done, 0 to 1; `state` shows it as its result until the job is over."""
    sql = "UPDATE job SET result = ? WHERE id = ? AND state = 'waiting'"
    await db.execute(sql, json.dumps({"progress": round(share, 3)}), job_id)


async def state(job_id: int) -> dict[str, Any] | None:
    """State, error and result of a job."""
    rows = await db.fetch("SELECT id, kind, state, attempts, error, result FROM job WHERE id = ?", job_id)
    return {**rows[0], "result": db.read_json(rows[0]["result"])} if rows else None


async def states(keys: Sequence[str]) -> set[str]:
    """The states of the jobs with these keys: waiting, done, dead."""
    if not keys:
        return set()
    marks = ", ".join("?" * len(keys))
    return {row["state"] for row in await db.fetch(f"SELECT state FROM job WHERE key IN ({marks})", *keys)}


async def dead_of(kind: str, limit: int = 1000) -> list[dict[str, Any]]:
    """Number and error of a kind's jobs that used up their attempts, newest first."""
    sql = "SELECT id, error FROM job WHERE state = 'dead' AND kind = ? ORDER BY id DESC LIMIT ?"
    return await db.fetch(sql, kind, limit)


async def dead(limit: int = 50) -> list[dict[str, Any]]:
    """Jobs that used up their attempts, newest first."""
    return await db.fetch(
        "SELECT id, kind, key, attempts, error, created_at, done_at FROM job"
        " WHERE state = 'dead' ORDER BY id DESC LIMIT ?",
        limit,
    )


async def retry(job_id: int, now: datetime) -> bool:
    """Do a dead job again; False when it is not dead."""
    async with db.transaction():
        sql = "UPDATE job SET state = 'waiting', attempts = 0, error = '', done_at = NULL"
        if not await db.execute(sql + " WHERE id = ? AND state = 'dead'", job_id):
            return False
        await lanes.push("job", job_id, now)
    return True
