"""SQLite for Tortoise on a connection of our own: what is known to be quick runs where it is asked for.

A statement by key takes SQLite 3 to 20 microseconds; handing it to aiosqlite's thread and its rows back takes
60 to 100 of CPU. So a statement runs at once, on the event loop, when all of this holds; else in the thread:

- it waits for nobody: it only reads (readers never wait in WAL), or the transaction has the write lock
  already; what takes the lock, and what commits (a write to the disk), is the thread's;
- this very statement was quick of late: it is measured wherever it runs, and one that took long is the
  thread's for its next `PROBATION` runs;
- the loop has done other things within the last `WITHOUT_YIELD` seconds.
"""

import asyncio
import functools
import itertools
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Any, TypeVar

import aiosqlite
from tortoise.backends.base.client import NestedTransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.exceptions import TransactionManagementError

T = TypeVar("T")
QUICK = 0.001  # CPU seconds of a statement that may run on the event loop
QUICK_BY_CLOCK = 0.02  # seconds; the clock also sees a slow disk, and a busy machine: hence so many
PROBATION = 50  # runs in the thread after one that was not quick
TRUSTED_AFTER = 2  # quick runs in the thread before the first on the loop
WITHOUT_YIELD = 0.005
STATEMENTS = 1000  # kept prepared; Python's default is 128
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
_PLAIN = re.compile(r"\s*(SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


@dataclass(slots=True)
class _Known:
    """What is known of a statement. `distrust`: how many quick runs it still has to show in the thread."""

    writes: bool
    plain: bool  # neither PRAGMA nor DDL nor the like
    distrust: int = TRUSTED_AFTER

    def took(self, cpu: float, clock: float = 0.0) -> None:
        if cpu > QUICK or clock > QUICK_BY_CLOCK:
            self.distrust = PROBATION
        elif self.distrust:
            self.distrust -= 1


class Connection(aiosqlite.Connection):
    """aiosqlite's connection that may also run statements itself, in the order they were given."""

    def __init__(self, path: str) -> None:
        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
            )

        super().__init__(connect, iter_chunk_size=64)
        self._known: dict[str, _Known] = {}
        self._pending = 0  # given to the thread and not ended, those of cancelled tasks included
        self._locked = False  # whether the open transaction has written, and so has the write lock
        self._since: float | None = None  # since when statements have run here without the loop's going on

    # --- where a statement runs

    async def execute_fetchall(self, sql: str, parameters: Any = None) -> list[Any]:  # type: ignore[override]
        """All rows of a statement."""
        return await self._run(sql, lambda raw: raw.execute(sql, parameters or ()).fetchall())

    async def fetch_dicts(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        """All rows of a statement by the names of their columns, made where the statement runs."""

        def fetch(raw: sqlite3.Connection) -> list[dict[str, Any]]:
            cursor = raw.cursor()
            cursor.row_factory = None  # plain tuples, which zip reads faster than sqlite3.Row
            rows = cursor.execute(sql, parameters or ()).fetchall()
            if not rows:
                return []
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in rows]  # noqa: B905  (one statement's; strict costs a third)

        return await self._run(sql, fetch)

    async def fetch_tuples(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """All rows of a statement as bare tuples."""

        def fetch(raw: sqlite3.Connection) -> list[tuple[Any, ...]]:
            cursor = raw.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, parameters or ()).fetchall()

        return await self._run(sql, fetch)

    async def execute_insert(self, sql: str, parameters: Any = None) -> Any:  # type: ignore[override]
        """The number of the row that an INSERT made, in a row of its own."""

        def insert(raw: sqlite3.Connection) -> tuple[int | None]:
            return (raw.execute(sql, parameters or ()).lastrowid,)

        return await self._run(sql, insert)

    async def executemany(self, sql: str, parameters: Any) -> None:  # type: ignore[override]
        """A statement for each of many rows of arguments; always in the thread."""
        raw = self._conn
        await self._hop(lambda: raw.executemany(sql, parameters))
        self._locked = raw.in_transaction

    async def begin(self) -> None:
        """Open a transaction, which takes no lock yet."""
        if self._pending or self._conn.in_transaction:
            await self.commit()
        self._conn.execute("BEGIN")

    async def mark(self, sql: str) -> None:
        """SAVEPOINT, RELEASE or ROLLBACK TO inside a transaction: quick, and waits for nobody."""
        raw = self._conn
        if self._pending:
            await self._hop(lambda: raw.execute(sql))
        else:
            raw.execute(sql)

    async def commit(self) -> None:
        """Commit in the thread: it writes to the disk."""
        self._locked = False
        if self._pending or self._conn.in_transaction:
            await self._hop(self._conn.commit)

    async def rollback(self) -> None:
        """Undo the open transaction."""
        self._locked = False
        await self._hop(self._conn.rollback)

    async def _run(self, sql: str, work: Callable[[sqlite3.Connection], T]) -> T:
        known = self._known.get(sql) or self._met(sql)
        raw = self._conn
        if self._may_run_here(known):
            clock, cpu = perf_counter(), thread_time()
            try:
                return work(raw)
            finally:
                known.took(thread_time() - cpu, perf_counter() - clock)

        def timed() -> T:
            cpu = thread_time()
            try:
                return work(raw)
            finally:
                known.took(thread_time() - cpu)

        result = await self._hop(timed)
        if known.writes and raw.in_transaction:
            self._locked = True
        return result

    def _may_run_here(self, known: _Known) -> bool:
        if known.distrust or self._pending or not known.plain or (known.writes and not self._locked):
            return False
        if self._since is None:
            self._since = perf_counter()
            asyncio.get_running_loop().call_soon(self._loop_went_on)
            return True
        return perf_counter() - self._since < WITHOUT_YIELD

    def _loop_went_on(self) -> None:
        self._since = None

    def _met(self, sql: str) -> _Known:
        if len(self._known) >= STATEMENTS:
            self._known.clear()
        known = self._known[sql] = _Known(
            writes=_WRITES.search(sql) is not None, plain=_PLAIN.match(sql) is not None
        )
        return known

    # --- the thread

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._hop(functools.partial(fn, *args, **kwargs))

    async def _hop(self, work: Callable[[], T]) -> T:
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def ended(result: Any, error: BaseException | None) -> None:
            self._pending -= 1
            if answer.done():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                loop.call_soon_threadsafe(ended, None, error)
            else:
                loop.call_soon_threadsafe(ended, result, None)

        self._pending += 1
        self._tx.put_nowait((None, run))
        return await answer


class Client(SqliteClient):
    """Tortoise's client of SQLite on that connection."""

    async def create_connection(self, with_db: bool) -> None:
        """Open the file and set the pragmas. Raises what SQLite raises."""
        if self._connection:
            return
        self._connection = await Connection(self.filename)
        self._connection._conn.row_factory = sqlite3.Row
        for pragma, value in self.pragmas.items():
            await self._connection.execute_fetchall(f"PRAGMA {pragma}={value}")
        await self._post_connect()

    def _in_transaction(self) -> Any:
        return SqliteTransactionContext(Transaction(self), self._lock)


class Transaction(SqliteTransactionWrapper):
    """A transaction on that connection, or a savepoint in one."""

    _connection: Connection

    def _in_transaction(self) -> Any:
        return NestedTransactionContext(Transaction(self))

    async def begin(self) -> None:
        """Raises `TransactionManagementError`."""
        try:
            await self._connection.begin()
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error

    async def savepoint(self) -> None:
        """Set a savepoint."""
        self._savepoint = f"savepoint_{next(_numbers)}"
        await self._connection.mark(f"SAVEPOINT {self._savepoint}")

    async def savepoint_rollback(self) -> None:
        """Undo what was done since the savepoint. Raises `TransactionManagementError`."""
        await self._connection.mark(f"ROLLBACK TO {self._named()}")
        self._savepoint = None

    async def release_savepoint(self) -> None:
        """Keep what was done since the savepoint. Raises `TransactionManagementError`."""
        await self._connection.mark(f"RELEASE {self._named()}")

    def _named(self) -> str:
        if self._finalized or self._savepoint is None:
            raise TransactionManagementError("no savepoint")
        return self._savepoint


_numbers = itertools.count()
client_class = Client
