"""The two sides of `benchmarks.crm`: the bare driver, what the service says to it, and their databases."""

import asyncio
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg

from benchmarks import common
from benchmarks.crm_data import Postgres, Sqlite, fill
from crm import db, migrate
from crm.database_url import CACHE_KIB

Statement = tuple[str, str, Any]  # how: fetch, execute, many, begin, commit


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
            elif how == "many":
                await self.raw.executemany(sql, args)
            else:
                await self.raw.fetch(sql, *args)


class PooledDriver(Driver):
    """The bare driver as a server has it, whose customers come at once: each statement, and each transaction,
    on a connection that its own pool lends."""

    async def replay(self, statements: Sequence[Statement]) -> None:
        """Run the statements as the service did."""
        held = None
        for how, sql, args in statements:
            if sql == "BEGIN":
                held = await self.raw.acquire()
            on = held or self.raw
            if how == "execute":
                await on.execute(sql)
            elif how == "many":
                await on.executemany(sql, args)
            else:
                await on.fetch(sql, *args)
            if sql == "COMMIT":
                await self.raw.release(held)
                held = None


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

    def fetch_tuples(self, sql: str, args: Any = None) -> Any:
        self._heard.append(("fetch", sql, args or []))
        return self._raw.fetch_tuples(sql, args)

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

    async with client.acquire_connection() as connection:
        for name in ("rows", "fetch", "execute", "executemany"):
            setattr(connection, name, _noted(getattr(connection, name), name, heard))
    try:
        yield heard
    finally:
        async with client.acquire_connection() as connection:
            for name in ("rows", "fetch", "execute", "executemany"):
                delattr(connection, name)


def _noted(method: Any, name: str, heard: list[Statement]) -> Any:
    """A method of the pool's connection that notes what it is told before it does it."""

    def rows(sql: str, args: Sequence[Any]) -> Any:
        heard.append(("fetch", sql, args))
        return method(sql, args)

    def other(sql: str, *args: Any) -> Any:
        if name == "executemany":
            heard.append(("many", sql, args[0]))
        else:
            heard.append(("fetch" if args or sql[:6] == "SELECT" else "execute", sql, args))
        return method(sql, *args)

    return rows if name == "rows" else other


@dataclass
class Place:
    """A database under measurement: the service is connected to it, the driver to it and to its copy."""

    kind: str
    same: Driver
    copy: Driver
    server: int | None  # process id of the postmaster

    def cpu(self) -> tuple[float, float]:
        return time.process_time(), common.cpu_of(self.server) if self.server else 0.0


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
            f"cache_size=-{CACHE_KIB}",
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
async def postgres(size: int, server: str, pid: int, *, pooled: bool = False) -> AsyncIterator[Place]:
    """Two equal PostgreSQL databases, filled; the service connected to the first. `pooled`: the driver's side
    goes through its pool."""
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
    drivers = [await _driver(url, pooled) for url in (first, second)]
    try:
        yield Place("postgres", *drivers, pid)
    finally:
        await db.close()
        for driver in drivers:
            await driver.raw.close()
        for which in ("first", "second"):
            await admin.execute(f"DROP DATABASE {which}_{size} WITH (FORCE)")
        await admin.close()


async def _driver(url: str, pooled: bool) -> Driver:
    if pooled:
        return PooledDriver(await asyncpg.create_pool(url, min_size=1, max_size=1, statement_cache_size=1000))
    return PostgresDriver(await asyncpg.connect(url, statement_cache_size=1000))


async def _tables(url: str) -> None:
    await db.connect(url)
    await migrate.migrate()
    await db.close()
