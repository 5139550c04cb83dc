"""Durability: nothing lost, nothing doubled, nothing out of order, whatever is killed; and how fast.

    python -m benchmarks.durability [--messages 20000] [--kills 100] [--stops 10] [--only sqlite|postgres]
    python -m benchmarks.durability --only postgres --messages 0 [--share 0.25] [--work 4]

Messages of many users are handed in (some again) while workers, sender and front are killed with kill -9
and restarted, and workers stopped past their lease and resumed. Then every trace is checked.

`cores` are those that the workers and the database's server kept busy while they drained what waited: two
workers cannot be faster than one by more than all cores divided by those that one and its server use already.
What two cost each other shows in the CPU a message beside that of one. With `--share` each worker may run for
that share of the time only; with `--work` each turn computes as long as a real one does (`benchmarks.turn`):
they tell whether two workers wait for one another or merely lack a processor.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import common
from benchmarks.durability_fleet import Fleet
from benchmarks.durability_storm import endure, settled
from crm import db, migrate

USERS = 64  # of the throughput runs
WAITING = 4  # messages in each conversation of what waits for the workers


@dataclass(frozen=True)
class Drained:
    """What waited, handled: messages a second, CPU of the workers and of the database's server a message in
    microseconds, and how many cores both kept busy."""

    rate: float
    workers_us: float
    server_us: float

    @property
    def cores(self) -> float:
        return self.rate * (self.workers_us + self.server_us) / 1e6


@dataclass(frozen=True)
class Speed:
    """Messages a second, and CPU a message of our processes (their start included, the database's not).

    `handled` is under way with the storing, `drained` with no front beside: what waits when workers come.
    """

    stored: float
    handled: float
    drained: Drained
    stored_cpu_ms: float
    handled_cpu_ms: float


async def throughput(
    url: str,
    folder: Path,
    *,
    messages: int,
    workers: int,
    group: int,
    share: float,
    work: float,
    server: int | None,
) -> Speed:
    """Messages stored by one front while workers handle them with a no-op handler; then as many that wait."""
    roles: dict[str, tuple[str, ...]] = {
        f"worker {at}": ("noop", str(group), str(work)) for at in range(workers)
    }
    fleet = Fleet(url, folder, roles)
    await fleet.start_all()
    await asyncio.sleep(2.5)
    storers = _storers(url, folder, "early", USERS, messages // USERS)
    await db.connect(url, wake_dir=folder / "wake", pool=2)
    try:
        await storers.start_all()
        began = await _when(_first)
        before = _children_cpu_ms()
        await storers.running["storer"].wait()
        stored, stored_cpu = messages / (time.monotonic() - began), _children_cpu_ms() - before
        handled = messages / (await _when(lambda: settled(messages // USERS * USERS)) - began)
        before = _children_cpu_ms()
        await fleet.end()
        handled_cpu = _children_cpu_ms() - before
        drained = await _drained(url, folder, roles, messages, share, server)
    finally:
        await fleet.end()
        await storers.end()
        await db.close()
    return Speed(stored, handled, drained, stored_cpu / messages, handled_cpu / messages)


def _storers(url: str, folder: Path, prefix: str, users: int, each: int) -> Fleet:
    return Fleet(url, folder, {"storer": ("storer", str(users), str(each), "0", prefix)})


async def _drained(
    url: str, folder: Path, roles: dict[str, tuple[str, ...]], messages: int, share: float, server: int | None
) -> Drained:
    """Workers that find `messages` waiting and nobody storing; their start not counted.

    Few wait in each conversation: many of one person would be answered together, as a flood.
    """
    before = await _done()
    storers = _storers(url, folder, "waiting", messages // WAITING, WAITING)
    await storers.start_all()
    await storers.running["storer"].wait()
    fleet = Fleet(url, folder, roles)
    await fleet.start_all()
    try:
        began = await _when(lambda: _done_since(before))
        if share < 1:
            fleet.hold_back(share)
        already, used = await _done(), _cpu(fleet, server)
        ended = await _when(lambda: settled(before + messages // WAITING * WAITING))
        workers, ours = (after - earlier for earlier, after in zip(used, _cpu(fleet, server), strict=True))
    finally:
        await fleet.end()
    handled = before + messages // WAITING * WAITING - already
    return Drained(handled / (ended - began), 1e6 * workers / handled, 1e6 * ours / handled)


def _cpu(fleet: Fleet, server: int | None) -> tuple[float, float]:
    """CPU seconds so far: of the workers, and of the server with all its processes."""
    workers = sum(common.cpu_of(process.pid) for process in fleet.running.values())
    return workers, common.cpu_of(server) if server else 0.0


async def _done() -> int:
    return int((await db.fetch("SELECT count(*) AS n FROM inbox WHERE state <> 'waiting'"))[0]["n"])


async def _done_since(before: int) -> bool:
    return await _done() > before


def _children_cpu_ms() -> float:
    """CPU of the processes that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


async def _first() -> bool:
    return bool(await db.fetch("SELECT 1 AS one FROM inbox LIMIT 1"))


async def _when(condition: Callable[[], Awaitable[bool]]) -> float:
    """The time when `condition` came to hold, looked at every 20 ms."""
    for _ in range(60_000):
        if await condition():
            break
        await asyncio.sleep(0.02)
    return time.monotonic()


# --- databases


async def prepared(url: str, name: str, folder: Path) -> str:
    """The address of a fresh database with all tables."""
    if url:
        import asyncpg

        connection = await asyncpg.connect(url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        made = url.replace("/postgres?", f"/{name}?")
    else:
        made = f"sqlite://{folder}/{name}.db"
    await db.connect(made)
    await migrate.migrate()
    await db.close()
    return made


async def measure(kind: str, url: str, server: int | None, options: argparse.Namespace) -> bool:
    workers = 1 if kind == "sqlite" else 2
    with tempfile.TemporaryDirectory(prefix="dangol-bench-") as home:
        folder = Path(home)
        for count in (1, workers) if workers > 1 else (1,):
            for group in (1, 16):
                name = f"speed_{count}_{group}"
                place = folder / name
                place.mkdir()
                made = await prepared(url, name, place)
                speed = await throughput(
                    made,
                    place,
                    messages=options.speed,
                    workers=count,
                    group=group,
                    share=options.share,
                    work=options.work,
                    server=server,
                )
                print(f"{kind:<9} {count:>7} {group:>5} {speed.stored:>8.0f} {speed.handled:>9.0f}", end=" ")
                print(f"{speed.stored_cpu_ms:>13.2f} {speed.handled_cpu_ms:>14.2f}", end=" ")
                drained = speed.drained
                print(f"{drained.rate:>9.0f} {drained.workers_us:>9.0f} {drained.server_us:>9.0f}", end=" ")
                print(f"{drained.cores:>5.2f}", flush=True)
        if options.messages:
            made = await prepared(url, "storm", folder)
            outcome = await endure(
                made,
                folder,
                messages=options.messages,
                users=50,
                kills=options.kills,
                stops=options.stops,
                workers=workers,
                limit=options.limit,
            )
            print(kind, outcome)
            return outcome.clean
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--speed", type=int, default=6_400, help="messages of the throughput runs")
    parser.add_argument("--share", type=float, default=1.0, help="of the time that a draining worker may run")
    parser.add_argument("--work", type=float, default=0.0, help="CPU-ms that each turn computes")
    parser.add_argument("--limit", type=float, default=1800, help="seconds a storm may take")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    options = parser.parse_args()
    clean = True
    print(
        "database  workers group stored/s handled/s store CPU-ms handle CPU-ms"
        " drained/s worker us server us cores",
        flush=True,
    )
    if options.only != "postgres":
        clean &= asyncio.run(measure("sqlite", "", None, options))
    if options.only != "sqlite":
        with common.postgres() as (url, server):
            clean &= asyncio.run(measure("postgres", url, server, options))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
