"""What an operator watches: queues, outgoing messages, parked ones, live processes; few queries."""

from dataclasses import dataclass
from datetime import datetime

from crm import assistant, db, processes

QUEUES = ("inbox", "outbox", "job", "staff", "slack")


@dataclass(frozen=True)
class Queue:
    """Due rows of one queue; `age_seconds` of the oldest, 0 when empty."""

    depth: int
    age_seconds: float


@dataclass(frozen=True)
class Figures:
    """One look at everything."""

    queues: dict[str, Queue]
    outbox: dict[str, int]
    parked: int
    processes: list[processes.Running]
    model: str


async def figures(now: datetime) -> Figures:
    """Look now (aware)."""
    db.require_aware(now)
    return Figures(
        queues=await _queues(now),
        outbox=await _outbox(),
        parked=await parked(),
        processes=await processes.live(now),
        model=await assistant.in_force(),
    )


async def _queues(now: datetime) -> dict[str, Queue]:
    rows = await db.fetch(
        "SELECT kind, count(*) AS depth, min(due_at) AS oldest FROM lane WHERE due_at <= ? GROUP BY kind",
        db.stamp(now),
    )
    found = {kind: Queue(0, 0.0) for kind in QUEUES}
    for row in rows:
        oldest = db.read_stamp(row["oldest"])
        found[row["kind"]] = Queue(row["depth"], (now - oldest).total_seconds() if oldest else 0.0)
    return found


async def _outbox() -> dict[str, int]:
    rows = await db.fetch("SELECT state, count(*) AS count FROM outbox GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


async def parked() -> int:
    """Messages that were set aside after their attempts."""
    return int((await db.fetch("SELECT count(*) AS count FROM inbox WHERE state = 'parked'"))[0]["count"])
