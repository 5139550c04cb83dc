"""The storm of `benchmarks.durability`: everything is killed in mid-work, then every trace checked."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.durability_fleet import Fleet
from crm import db


@dataclass
class Outcome:
    """What a run left behind."""

    messages: int
    kills: int
    stops: int
    seconds: float
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    number_gaps: int = 0
    parked: int = 0
    wires_missing: int = 0
    wires_doubled: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every promise was kept; a kill may cost one repeated wire."""
        wrong = self.lost + self.doubled + self.out_of_order + self.number_gaps + self.parked
        return not wrong and not self.wires_missing and self.wires_doubled <= self.kills + self.stops


async def endure(
    url: str, folder: Path, *, messages: int, users: int, kills: int, stops: int, workers: int, limit: float
) -> Outcome:
    """Run one storm on a migrated database and judge it; gives up waiting after `limit` seconds."""
    each = messages // users
    roles: dict[str, tuple[str, ...]] = {f"worker {at}": ("worker",) for at in range(workers)}
    roles |= {"sender": ("sender",), "storer": ("storer", str(users), str(each), "0.3")}
    fleet = Fleet(url, folder, roles)
    outcome = Outcome(users * each, 0, 0, 0.0)
    began = time.monotonic()
    await fleet.start_all()
    await db.connect(url, wake_dir=folder / "wake", pool=2)
    try:
        storm = asyncio.create_task(_storm(fleet, outcome, kills, stops, began + limit))
        while time.monotonic() - began < limit:
            await asyncio.sleep(0.25)
            if storm.done() and fleet.running["storer"].returncode == 0 and await settled(outcome.messages):
                break
        else:
            outcome.faults.append("not settled in time")
        storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)
        outcome.seconds = time.monotonic() - began
        await fleet.end()
        await _judge(outcome, folder, each)
    finally:
        await fleet.end()
        await db.close()
    return outcome


async def _storm(fleet: Fleet, outcome: Outcome, kills: int, stops: int, until: float) -> None:
    """Kills at random moments; stops beside them."""
    stopped: list[asyncio.Task[None]] = []
    every = max(1, kills // max(1, stops))
    while outcome.kills < kills and time.monotonic() < until:
        await asyncio.sleep(random.uniform(0.3, 1.2))
        victim = random.choice(list(fleet.running))
        if outcome.stops < stops and outcome.kills >= outcome.stops * every:
            victim = random.choice([name for name in fleet.running if name.startswith("worker")])
            stopped.append(asyncio.create_task(fleet.stop_for(victim, 12)))
            outcome.stops += 1
        else:
            await fleet.kill(victim)
            outcome.kills += 1
    await asyncio.gather(*stopped)


async def settled(messages: int) -> bool:
    done = await db.fetch("SELECT count(*) AS n FROM inbox WHERE state <> 'waiting'")
    waiting = await db.fetch("SELECT count(*) AS n FROM outbox WHERE state = 'waiting'")
    return bool(done[0]["n"] >= messages and waiting[0]["n"] == 0)


async def _judge(outcome: Outcome, folder: Path, each: int) -> None:
    """Compare what is there with what a calm run leaves."""
    received = await db.fetch(
        "SELECT i.conversation_id, i.state, m.text FROM inbox i JOIN message m ON m.id = i.message_id"
        " ORDER BY i.conversation_id, i.seq"
    )
    outcome.parked = sum(row["state"] == "parked" for row in received)
    replies = await db.fetch(
        "SELECT conversation_id, text, key FROM message WHERE direction = 'out' ORDER BY conversation_id, seq"
    )
    asked: dict[int, list[int]] = defaultdict(list)
    answered: dict[int, list[int]] = defaultdict(list)
    counts: dict[int, list[int]] = defaultdict(list)
    numbers = []
    for row in received:
        asked[row["conversation_id"]].append(int(row["text"]))
    for row in replies:
        said, count, number = row["text"].split("|")
        answered[row["conversation_id"]] += [int(one) for one in said.split()]
        counts[row["conversation_id"]].append(int(count))
        numbers.append(number)
    for conversation, texts in asked.items():
        seen = Counter(answered[conversation])
        outcome.lost += sum(1 for one in range(each) if not seen[one])
        outcome.doubled += sum(count - 1 for count in seen.values() if count > 1)
        outcome.out_of_order += texts != list(range(each)) or answered[conversation] != sorted(
            answered[conversation]
        )
        outcome.out_of_order += counts[conversation] != sorted(set(counts[conversation]))
    outcome.lost += outcome.messages - sum(map(len, asked.values()))
    last = max((int(number.rsplit("-", 1)[1]) for number in numbers), default=0)
    outcome.number_gaps = abs(last - len(set(numbers))) + len(numbers) - len(set(numbers))
    wires = Counter(line.split("\t")[0] for line in (folder / "wires").read_text().splitlines())
    outcome.wires_missing = sum(1 for row in replies if not wires[row["key"]])
    outcome.wires_doubled = sum(count - 1 for count in wires.values())
