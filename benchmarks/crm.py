"""What the CRM costs above its driver, and whether it stays as fast when the company grows.

    python -m benchmarks.crm [--quick] [--only sqlite|postgres] [--sizes 10000,100000,1000000]

Reads: the service and the bare driver (aiosqlite, asyncpg) with the very statements that the service issued,
in turn, on one database. Writes: the service on one copy of the database and its statements, replayed by the
driver in the same order, on another; so both write the same rows. CPU is that of this process (on SQLite the
engine is in it); for PostgreSQL the server's is shown beside it.
"""

import argparse
import asyncio
import gc
import random
import shutil
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg

from benchmarks import common
from benchmarks.crm_data import LONG_THREAD, LONG_THREADS, NOW, Postgres, Sqlite, fill, names, phone_of
from bots.cli import COLLECT
from crm import contacts, db, inbox_views, migrate, requests, search, threads, vault
from crm.actor import Actor

MANAGER = Actor("staff", 1, "manager", "직원1")
SIZES = (10_000, 100_000, 1_000_000)
ROUNDS, ENOUGH = 6, 0.12  # rounds of each side in turn; CPU seconds a round
Statement = tuple[str, str, Any]  # how: fetch, execute, many, begin, commit


@dataclass(frozen=True)
class Operation:
    """One thing that front ends do; `make` draws its arguments, as a call to be awaited."""

    name: str
    make: Callable[[random.Random], Callable[[], Awaitable[Any]]]
    writes: bool = False


def operations(size: int) -> list[Operation]:  # noqa: C901  (a list, of closures)
    """The hot reads and writes of a company of `size` contacts."""
    called = names(random.Random(410), size)
    threads_ = size // 4

    def contact(rng: random.Random) -> int:
        return 4 * rng.randrange(threads_) + 1

    def typed(rng: random.Random) -> str:
        """A name as far as it has been typed: two syllables, or the last half of the third."""
        name = rng.choice(called)
        return rng.choice([name[:2], name, search.jamo(name)[:-1]])

    def search_for(rng: random.Random, query: str) -> Callable[[], Awaitable[Any]]:
        return lambda: contacts.list_contacts(MANAGER, query=query, limit=20)

    def page(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        view = rng.choice(["all", "all", "mine", "unassigned", "closed"])
        return lambda: inbox_views.inbox_list(MANAGER, view=view)

    def thread(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        which, before = rng.randrange(LONG_THREADS) + 1, rng.choice([None, LONG_THREAD // 2])
        return lambda: inbox_views.messages(MANAGER, which, before_seq=before)

    def append(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        which = rng.randrange(threads_) + 1
        return lambda: threads.append(
            which, direction="in", author="contact", text="세탁기 물이 새요", now=NOW
        )

    def opened(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        who = contact(rng)
        return lambda: requests.open(
            Actor("contact", who), who, conversation_id=who // 4 + 1, product_id=rng.randrange(40) + 1,
            symptom="물이 새요", address="서울 마포구 월드컵로 12", phone=phone_of(who),
            visit_from=NOW + timedelta(days=2), now=NOW,
        )  # fmt: skip

    def comment(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        which = rng.randrange(threads_) + 1
        return lambda: requests.comment(MANAGER, which, "부품을 주문했어요", now=NOW)

    def words(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        text = rng.choice(
            ["세탁기", "물이 새요", "냉장고 소리", "leaking", "방문 예약", "수리비 얼마", "E21"]
        )
        return lambda: search.find_messages(text)

    def found(rng: random.Random) -> Callable[[], Awaitable[Any]]:
        text = typed(rng)
        return lambda: inbox_views.inbox_list(MANAGER, view="all", query=text)

    def reads(
        call: Callable[[int], Awaitable[Any]],
    ) -> Callable[[random.Random], Callable[[], Awaitable[Any]]]:
        def make(rng: random.Random) -> Callable[[], Awaitable[Any]]:
            who = contact(rng)
            return lambda: call(who)

        return make

    return [
        Operation("customer card", reads(lambda who: contacts.card(MANAGER, who))),
        Operation("inbox page", page),
        Operation("messages page", thread),
        Operation("request board", lambda rng: lambda: requests.board(MANAGER, now=NOW)),
        Operation("name search", lambda rng: search_for(rng, typed(rng))),
        Operation(
            "phone search",
            lambda rng: search_for(rng, phone_of(rng.randrange(size) + 1)[-rng.choice([4, 8]) :]),
        ),
        Operation("message search", words),
        Operation("inbox search", found),
        Operation("requests of contact", reads(lambda who: requests.of_contact(who))),
        Operation("threads of contact", reads(lambda who: inbox_views.of_contact(MANAGER, who))),
        Operation("append message", append, writes=True),
        Operation("open request", opened, writes=True),
        Operation("comment", comment, writes=True),
    ]


@dataclass
class Measured:
    """One side of one operation."""

    calls: int = 0
    cpu: float = 0.0
    server: float = 0.0
    seconds: list[float] = field(default_factory=list)

    @property
    def cpu_us(self) -> float:
        return 1e6 * self.cpu / self.calls

    @property
    def whole_us(self) -> float:
        return 1e6 * (self.cpu + self.server) / self.calls


# --- the driver, and what the service says to it


class Driver(ABC):
    """The bare driver on one connection."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    @abstractmethod
    async def replay(self, statements: Sequence[Statement]) -> None:
        """Run the statements as the service did."""


class SqliteDriver(Driver):
    async def replay(self, statements: Sequence[Statement]) -> None:
        for how, sql, args in statements:
            if how == "commit":
                await self.raw.commit()
            elif how == "many":
                await self.raw.executemany(sql, args)
            elif how == "execute":
                await self.raw.execute(sql)
            else:
                await self.raw.execute_fetchall(sql, args)


class PostgresDriver(Driver):
    async def replay(self, statements: Sequence[Statement]) -> None:
        for how, sql, args in statements:
            if how == "execute":
                await self.raw.execute(sql)
            else:
                await self.raw.fetch(sql, *args)


class _Overheard:
    """Stands before aiosqlite's connection and notes what passes."""

    def __init__(self, raw: Any, heard: list[Statement]) -> None:
        self._raw, self._heard = raw, heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def execute_fetchall(self, sql: str, args: Any = None) -> Any:
        self._heard.append(("fetch", sql, args or []))
        return self._raw.execute_fetchall(sql, args)

    def fetch_dicts(self, sql: str, args: Any = None) -> Any:
        self._heard.append(("fetch", sql, args or []))
        return self._raw.fetch_dicts(sql, args)

    def execute_insert(self, sql: str, args: Any = None) -> Any:
        self._heard.append(("fetch", sql, args or []))
        return self._raw.execute_insert(sql, args)

    def executemany(self, sql: str, args: Any) -> Any:
        self._heard.append(("many", sql, args))
        return self._raw.executemany(sql, args)

    def execute(self, sql: str, args: Any = None) -> Any:
        self._heard.append(("execute", sql, None) if args is None else ("fetch", sql, args))
        return self._raw.execute(sql, args)

    def begin(self) -> Any:
        self._heard.append(("execute", "BEGIN", None))
        return self._raw.begin()

    def mark(self, sql: str) -> Any:
        self._heard.append(("execute", sql, None))
        return self._raw.mark(sql)

    def commit(self) -> Any:
        self._heard.append(("commit", "", None))
        return self._raw.commit()


@asynccontextmanager
async def overheard() -> AsyncIterator[list[Statement]]:
    """What the service says to the database within, without what the pool adds."""
    heard: list[Statement] = []
    client = db.client()
    if db.dialect() == "sqlite":
        raw = client._connection
        client._connection = _Overheard(raw, heard)
        try:
            yield heard
        finally:
            client._connection = raw
        return

    def note(query: Any) -> None:
        if "pg_advisory_unlock_all" not in query.query:
            heard.append(
                ("fetch" if query.args or query.query[:6] == "SELECT" else "execute", query.query, query.args)
            )

    async with client.acquire_connection() as connection:
        connection.add_query_logger(note)
    try:
        yield heard
    finally:
        async with client.acquire_connection() as connection:
            connection.remove_query_logger(note)


# --- measuring


@dataclass
class Place:
    """A database under measurement: the service is connected to it, the driver to it and to its copy."""

    kind: str
    same: Driver
    copy: Driver
    server: int | None  # process id of the postmaster

    def cpu(self) -> tuple[float, float]:
        return time.process_time(), common.cpu_of(self.server) if self.server else 0.0


async def measure(place: Place, operation: Operation, quick: bool) -> tuple[Measured, Measured]:
    """The service and the driver in turn."""
    rng = random.Random(7)
    ours, raw = Measured(), Measured()
    rounds, enough = (2, 0.01) if quick else (ROUNDS, ENOUGH)
    calls = [operation.make(rng) for _ in range(20)]
    await _service(
        place, calls, Measured(), operation.writes and place.copy
    )  # warm; and how many are enough?
    warm = Measured()
    said = await _service(place, calls, warm, operation.writes and place.copy)
    count = max(10, min(400, int(enough / (warm.cpu / warm.calls))))
    for _ in range(rounds):
        calls = [operation.make(rng) for _ in range(count)]
        if operation.writes:
            said = await _service(place, calls, ours, place.copy, raw)
        else:
            async with overheard() as heard:
                said = []
                for call in calls:
                    await call()
                    await asyncio.sleep(0)
                    said.append(list(heard))
                    heard.clear()
            await _replay(place, said, place.same, raw)
            await _service(place, calls, ours, None)
    del said
    return ours, raw


async def _service(
    place: Place,
    calls: Sequence[Callable[[], Awaitable[Any]]],
    into: Measured,
    copy: Driver | bool | None,
    raw: Measured | None = None,
) -> None:
    """Call the service; replay what it wrote on the copy."""
    said: list[list[Statement]] = []
    if copy:
        async with overheard() as heard:
            await _timed(place, calls, into, lambda: (said.append(list(heard)), heard.clear()))
        await _replay(place, said, copy, raw or Measured())
    else:
        await _timed(place, calls, into, lambda: None)


async def _replay(place: Place, said: list[list[Statement]], driver: Any, into: Measured) -> None:
    def replayed(one: list[Statement]) -> Callable[[], Awaitable[Any]]:
        return lambda: driver.replay(one)

    await _timed(place, [replayed(one) for one in said], into, lambda: None)


async def _timed(
    place: Place, calls: Sequence[Callable[[], Awaitable[Any]]], into: Measured, after: Callable[[], Any]
) -> None:
    cpu, server = place.cpu()
    for call in calls:
        began = time.perf_counter()
        await call()
        into.seconds.append(time.perf_counter() - began)
        await asyncio.sleep(0)  # asyncpg tells of a query in the next round of the loop
        after()
    ended = place.cpu()
    into.calls += len(calls)
    into.cpu += ended[0] - cpu
    into.server += ended[1] - server


# --- databases


@asynccontextmanager
async def sqlite(size: int, folder: Path) -> AsyncIterator[Place]:
    """Two equal SQLite files, filled; the service connected to the first."""
    paths = [folder / f"{size}-{which}.db" for which in range(2)]
    await _tables(f"sqlite://{paths[0]}")
    with Sqlite(str(paths[0])) as into:
        await fill(into, size)
    await asyncio.to_thread(shutil.copy, *paths)
    await db.connect(f"sqlite://{paths[0]}", synchronous="FULL")
    drivers = []
    for path in paths:
        raw = await aiosqlite.connect(path, isolation_level=None)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
            "journal_size_limit=67108864",
        ):
            await raw.execute(f"PRAGMA {pragma}")
        drivers.append(SqliteDriver(raw))
    try:
        yield Place("sqlite", *drivers, None)
    finally:
        await db.close()
        for driver in drivers:
            await driver.raw.close()
        for path in paths:
            path.unlink()


@asynccontextmanager
async def postgres(size: int, server: str, pid: int) -> AsyncIterator[Place]:
    """Two equal PostgreSQL databases, filled; the service connected to the first."""
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE first_{size}")
    first, second = (server.replace("/postgres?", f"/{which}_{size}?") for which in ("first", "second"))
    await _tables(first)
    connection = await asyncpg.connect(first)
    into = Postgres(connection)
    await into.begin()
    await fill(into, size)
    await into.end()
    await connection.close()
    await admin.execute(f"CREATE DATABASE second_{size} TEMPLATE first_{size} STRATEGY file_copy")
    await admin.execute("CHECKPOINT")
    await db.connect(first, pool=1)
    drivers = [
        PostgresDriver(await asyncpg.connect(url, statement_cache_size=1000)) for url in (first, second)
    ]
    try:
        yield Place("postgres", *drivers, pid)
    finally:
        await db.close()
        for driver in drivers:
            await driver.raw.close()
        for which in ("first", "second"):
            await admin.execute(f"DROP DATABASE {which}_{size} WITH (FORCE)")
        await admin.close()


async def _tables(url: str) -> None:
    await db.connect(url)
    await migrate.migrate()
    await db.close()


Found = dict[str, dict[int, tuple[Measured, Measured]]]  # by operation and size


async def one_size(place: Place, size: int, quick: bool, only: str, into: Found) -> None:
    for operation in operations(size):
        if only in operation.name:
            into.setdefault(operation.name, {})[size] = await measure(place, operation, quick)


async def run(kinds: Sequence[str], sizes: Sequence[int], quick: bool, only: str) -> dict[str, Found]:
    vault.use(b"a key that protects nothing but made-up people")
    found: dict[str, Found] = {kind: {} for kind in kinds}
    if "sqlite" in kinds:
        with tempfile.TemporaryDirectory(prefix="dangol-bench-") as folder:
            for size in sizes:
                async with sqlite(size, Path(folder)) as place:
                    await one_size(place, size, quick, only, found["sqlite"])
                show("sqlite", size, found["sqlite"])
    if "postgres" in kinds:
        with common.postgres() as (server, pid):
            for size in sizes:
                async with postgres(size, server, pid) as place:
                    await one_size(place, size, quick, only, found["postgres"])
                show("postgres", size, found["postgres"])
    return found


# --- telling


def show(kind: str, size: int, found: Found) -> None:
    head = ["operation", "calls", "CPU us", "driver us", "ratio", "p50 ms", "p95 ms"]
    if kind == "postgres":
        head.append("ratio with server")
    rows = []
    for name, by_size in found.items():
        ours, raw = by_size[size]
        row = [name, ours.calls, ours.cpu_us, raw.cpu_us, ours.cpu_us / raw.cpu_us]
        row += [1000 * common.percentile(ours.seconds, share) for share in (0.5, 0.95)]
        rows.append([*row, ours.whole_us / raw.whole_us] if kind == "postgres" else row)
    common.table(f"{kind}, {size:,} contacts", head, rows)


def judge(found: dict[str, Found], sizes: Sequence[int]) -> bool:
    """The worst operation of each kind beside what was wanted."""
    wanted: dict[str, tuple[float, str, float]] = {}
    for kind, by_name in found.items():
        for name, by_size in by_name.items():
            worst = max(ours.cpu_us / raw.cpu_us for ours, raw in by_size.values())
            wanted[f"{kind}: {name}: CPU against the driver, worst size"] = (worst, "<=", 1.5)
            small, large = (common.median(by_size[size][0].seconds) for size in (sizes[0], sizes[-1]))
            wanted[f"{kind}: {name}: p50 at {sizes[-1]:,} against {sizes[0]:,}"] = (large / small, "<=", 2)
        if "name search" in by_name:
            p95 = 1000 * common.percentile(by_name["name search"][sizes[-1]][0].seconds, 0.95)
            wanted[f"{kind}: name search p95 ms at {sizes[-1]:,}"] = (p95, "<=", 5)
    return common.judged(wanted)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small company and few calls: does it run?")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--operation", default="", help="only those whose name holds this")
    parser.add_argument("--sizes", default="", help="numbers of contacts, with commas")
    options = parser.parse_args()
    gc.set_threshold(*COLLECT)  # as in our processes
    sizes = [int(size) for size in options.sizes.split(",") if size] or (
        [1000] if options.quick else list(SIZES)
    )
    kinds = [options.only] if options.only else ["sqlite", "postgres"]
    found = asyncio.run(run(kinds, sizes, options.quick, options.operation))
    met = judge(found, sizes)
    plain = {
        kind: {
            name: {size: [_plain(one) for one in both] for size, both in by_size.items()}
            for name, by_size in by_name.items()
        }
        for kind, by_name in found.items()
    }
    common.save("crm", {"measured": plain})
    return 0 if met or options.quick else 1


def _plain(one: Measured) -> dict[str, float]:
    p50, p95 = (1000 * common.percentile(one.seconds, share) for share in (0.5, 0.95))
    return {
        "calls": one.calls,
        "cpu_us": one.cpu_us,
        "server_us": one.whole_us - one.cpu_us,
        "p50_ms": p50,
        "p95_ms": p95,
    }


if __name__ == "__main__":
    sys.exit(main())
