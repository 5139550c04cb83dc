"""What the CRM costs above its driver, and whether it stays as fast when the company grows.

    python -m benchmarks.crm [--quick] [--only sqlite|postgres] [--sizes 10000,100000,1000000] [--pool]

Reads: the service and the bare driver (aiosqlite, asyncpg) with the very statements that the service issued,
in turn, on one database. Writes: the service on one copy of the database and its statements, replayed by the
driver in the same order, on another; so both write the same rows. CPU is that of this process (on SQLite the
engine is in it); for PostgreSQL the server's is shown beside it. The driver's side has one connection that
nobody else wants, which no server has; with `--pool` it asks asyncpg's pool for one, as our side asks ours.
"""

import argparse
import asyncio
import gc
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.crm_operations import Operation, operations
from benchmarks.crm_sides import Driver, Place, Statement, overheard, postgres, sqlite
from bots.cli import COLLECT
from crm import vault

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS, ENOUGH = 6, 0.12  # rounds of each side in turn; CPU seconds a round
FEWEST = 20  # calls that found as many rows, for their median to tell anything


@dataclass
class Measured:
    """One side of one operation."""

    calls: int = 0
    cpu: float = 0.0
    server: float = 0.0
    seconds: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # that each of these calls found

    @property
    def cpu_us(self) -> float:
        return 1e6 * self.cpu / self.calls

    @property
    def whole_us(self) -> float:
        return 1e6 * (self.cpu + self.server) / self.calls


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
        found = await call()
        into.seconds.append(time.perf_counter() - began)
        into.rows.append(_rows(found))
        await asyncio.sleep(0)  # asyncpg tells of a query in the next round of the loop
        after()
    ended = place.cpu()
    into.calls += len(calls)
    into.cpu += ended[0] - cpu
    into.server += ended[1] - server


def _rows(found: Any) -> int:
    found = getattr(found, "items", found)
    return len(found) if isinstance(found, list) else 1


Found = dict[str, dict[int, tuple[Measured, Measured]]]  # by operation and size


async def one_size(place: Place, size: int, quick: bool, only: str, into: Found) -> None:
    wanted = operations(size)
    gc.collect()
    gc.freeze()  # a million names that the benchmark holds; no process of ours would look through them
    for operation in wanted:
        if only in operation.name:
            into.setdefault(operation.name, {})[size] = await measure(place, operation, quick)


async def run(
    kinds: Sequence[str], sizes: Sequence[int], quick: bool, only: str, pooled: bool
) -> dict[str, Found]:
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
                async with postgres(size, server, pid, pooled=pooled) as place:
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
            small, large = by_size[sizes[0]][0], by_size[sizes[-1]][0]
            said = f"{kind}: {name}: p50 at {sizes[-1]:,} against {sizes[0]:,}"
            alike = _alike(small, large) if "search" in name else None
            if alike is None:
                wanted[said] = (common.median(large.seconds) / common.median(small.seconds), "<=", 2)
            else:
                wanted[f"{said}, as many found"] = (alike, "<=", 2)
        if "name search" in by_name:
            p95 = 1000 * common.percentile(by_name["name search"][sizes[-1]][0].seconds, 0.95)
            wanted[f"{kind}: name search p95 ms at {sizes[-1]:,}"] = (p95, "<=", 5)
    return common.judged(wanted)


def _alike(small: Measured, large: Measured) -> float | None:
    """How much longer a search takes that finds as many rows: the median of the ratios of medians, each row
    count weighing as many calls as both sizes have of it. A large company finds twenty people of a name where
    a small one has three; without this the two would be compared. None where too few calls are alike."""
    ratios: list[float] = []
    for rows in set(small.rows) & set(large.rows):
        less, more = (
            [took for took, found in zip(one.seconds, one.rows, strict=True) if found == rows]
            for one in (small, large)
        )
        calls = min(len(less), len(more))
        if calls >= FEWEST:
            ratios += [common.median(more) / common.median(less)] * calls
    return common.median(ratios) if ratios else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small company and few calls: does it run?")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--operation", default="", help="only those whose name holds this")
    parser.add_argument("--pool", action="store_true", help="asyncpg's pool on the driver's side")
    parser.add_argument("--sizes", default="", help="numbers of contacts, with commas")
    options = parser.parse_args()
    gc.set_threshold(*COLLECT)  # as in our processes
    sizes = [int(size) for size in options.sizes.split(",") if size] or (
        [1000] if options.quick else list(SIZES)
    )
    kinds = [options.only] if options.only else ["sqlite", "postgres"]
    found = asyncio.run(run(kinds, sizes, options.quick, options.operation, options.pool))
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
