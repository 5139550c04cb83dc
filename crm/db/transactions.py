"""Transactions, savepoints, locks between them, and tasks that stand outside them."""

import asyncio
import contextlib
import contextvars
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, TypeVar

import asyncpg
from tortoise.exceptions import DBConnectionError, OperationalError

from crm.db import state
from crm.db.state import Escaped, First, run_first
from crm.db.statements import fetch
from crm.db.waking import wake

T = TypeVar("T")
DEADLOCKS = ("deadlock detected", "database is locked", "could not serialize")

# Primary result codes of SQLite (sqlite.org/rescode.html) that tell of the file, the disk or a lock.
SQLITE_AWAY = frozenset({
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB,
})  # fmt: skip
# Classes and codes of PostgreSQL (its manual, appendix A): connection, log-in, no such database, rolled back
# for another, out of resources, stopped, its system; then read-only (a standby), a lock not had, no right.
POSTGRES_AWAY = frozenset({"08", "28", "3D", "40", "53", "57", "58", "XX", "25006", "55P03", "42501"})


def transaction(*, first: First | None = None) -> "_Transaction":
    """One transaction; joins the one that is open. Wake-ups collected inside go out after the commit.

    `first` is awaited before the first statement, whoever issues it (service, ORM or savepoint), and never
    when there is none: a turn's fenced write to its lane. Ignored when joining.
    """
    return _Transaction(first)


class _Transaction:
    """A class, where a generator would do: every service that joins pays for it."""

    __slots__ = ("_context", "_first", "_opened", "_token")

    def __init__(self, first: First | None) -> None:
        self._first = first
        self._opened: state.Open | None = None

    async def __aenter__(self) -> None:
        current = state.opened.get()
        if current is not None:
            if current.done:
                raise Escaped
            return
        self._opened = current = state.Open(self._first)
        self._context = state.connection()._in_transaction()
        self._token = state.opened.set(current)
        try:
            current.client = await _enter(self._context)
            _hook(current.client, current)
        except BaseException:
            self._close(current)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        current = self._opened
        if current is None:
            return
        current.done = True
        try:
            await self._context.__aexit__(kind, error, trace)
        finally:
            self._close(current)
        if error is None:
            for topic in current.topics:
                wake(topic)

    def _close(self, current: state.Open) -> None:
        current.done = True
        state.opened.reset(self._token)


async def _enter(context: Any) -> Any:
    """Begin; when interrupted half-way (a cancelled task) give the connection back, or it stays locked."""
    try:
        return await context.__aenter__()
    except BaseException as error:
        if hasattr(context, "token"):
            with contextlib.suppress(Exception):
                await context.__aexit__(type(error), error, error.__traceback__)
        raise


def _hook(client: Any, current: state.Open) -> None:
    """Let `first` run before the first statement that reaches `client`, the ORM's included."""
    if current.first is None:
        return
    acquire, nest = client.acquire_connection, client._in_transaction
    client.acquire_connection = lambda: _After(acquire)
    client._in_transaction = lambda: _After(nest)


class _After:
    """Enters the context that `make` makes, after the transaction's `first`."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    async def __aenter__(self) -> Any:
        await run_first()
        self._context = self._make()
        return await self._context.__aenter__()

    async def __aexit__(self, *error: Any) -> Any:
        return await self._context.__aexit__(*error)


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """A part of a transaction that may fail alone: an error inside undoes it and is raised again.

    Outside a transaction it is one.
    """
    if state.opened.get() is None:
        async with transaction():
            yield
        return
    async with state.connection()._in_transaction():
        yield


async def retried(work: Callable[[], Awaitable[T]], *, times: int = 5) -> T:
    """`work`, which is one transaction, again when the databases' lock decided against it.

    Raises the last error after `times` attempts. Inside an open transaction it is run once.
    """
    for attempt in range(1, times + 1):
        try:
            return await work()
        except (OperationalError, asyncpg.PostgresError) as error:
            if state.opened.get() is not None or attempt == times or not lost_lock(error):
                raise
        await asyncio.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def lost_lock(error: BaseException) -> bool:
    """Whether the statement may simply be tried again: a deadlock, or a lock that stayed busy."""
    return any(text in str(error) for text in DEADLOCKS)


def is_away(error: BaseException) -> bool:
    """Whether the database is at fault and not what was to be written: away, shutting down, full, locked.

    A statement it does not understand (no such table, bad syntax) or a value it refuses is our own fault.
    """
    fault = error
    while fault.args and isinstance(fault.args[0], Exception):
        fault = fault.args[0]
    if isinstance(fault, sqlite3.Error):
        return getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in SQLITE_AWAY
    if isinstance(fault, asyncpg.PostgresError):
        return (fault.sqlstate or "")[:2] in POSTGRES_AWAY or fault.sqlstate in POSTGRES_AWAY
    if isinstance(fault, asyncpg.InterfaceError):  # a connection that closed under us; not a value of ours
        return not isinstance(fault, ValueError)
    return isinstance(fault, DBConnectionError) or (isinstance(fault, OperationalError) and lost_lock(fault))


async def serialise(name: str) -> None:
    """Until the end of this transaction nobody else passes here with the same `name`.

    On SQLite the transaction must have written already: then it is alone anyway.
    """
    if state.dialect() == "postgres":
        await fetch("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", name)


async def limit_lock_waits(seconds: float) -> None:
    """From here to the end of this transaction a statement that waits longer for a lock of others fails.

    On PostgreSQL; SQLite has one lock, whose patience is `BUSY_TIMEOUT_MS` for everybody.
    """
    if state.dialect() == "postgres":
        await fetch("SELECT set_config('lock_timeout', ?, true)", str(int(seconds * 1000)))


def spawn(work: Coroutine[Any, Any, T], *, name: str | None = None) -> "asyncio.Task[T]":
    """A background task that inherits no transaction."""
    return asyncio.create_task(work, name=name, context=contextvars.Context())
