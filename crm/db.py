"""The database: connecting, transactions, raw SQL and wake-ups. The one file that knows both SQL dialects.

Rules that this file keeps for everyone:
- on SQLite a transaction's first statement is a write (reading first and writing later fails when another
  process wrote in between); `transaction(first=...)` runs that write before whatever comes first;
- a transaction inside a transaction joins it; an expected fault inside one goes into a `savepoint()`;
- a task started inside a transaction would inherit it, so background tasks start with `spawn()`;
- times are aware and stored in UTC.
"""

import asyncio
import contextlib
import contextvars
import fcntl
import functools
import json
import json.scanner
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import tortoise.fields.data
from tortoise.context import TortoiseContext
from tortoise.exceptions import IntegrityError, OperationalError

from crm.database_url import database_file, tortoise_config
from crm.errors import Invalid
from crm.wake import NotifyWakes, SocketWakes, Wakes

T = TypeVar("T")
First = Callable[[], Awaitable[None]]
DEADLOCKS = ("deadlock detected", "database is locked", "could not serialize")


class NotConnected(RuntimeError):
    """The database is not connected: call `connect` first."""


class Escaped(RuntimeError):
    """A task outlived the transaction it was started in: start background tasks with `spawn`."""


@dataclass
class _Database:
    url: str
    dialect: str
    context: TortoiseContext
    wakes: Wakes
    post: SocketWakes | NotifyWakes
    memory: dict[int, int] = field(default_factory=dict)


@dataclass
class _Open:
    """A transaction in progress."""

    first: First | None = None
    topics: set[str] = field(default_factory=set)
    done: bool = False


_database: _Database | None = None
_open: contextvars.ContextVar[_Open | None] = contextvars.ContextVar("transaction", default=None)


def require_aware(at: datetime) -> datetime:
    """The same instant in UTC. Raises `Invalid` for a naive datetime."""
    if at.tzinfo is None:
        raise Invalid("at", "naive_datetime")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


# SQLite compares times as text, so all of them are written in UTC and in one form.
sqlite3.register_adapter(datetime, lambda at: require_aware(at).isoformat(" "))
# Python 3.11 reads ISO 8601 in C; Tortoise's library takes 20 us for each time of each row.
vars(tortoise.fields.data)["parse_datetime"] = datetime.fromisoformat


async def connect(
    url: str, *, synchronous: str = "FULL", wake_dir: Path | None = None, pool: int = 5
) -> None:
    """Connect this process; one database a process.

    `synchronous` is SQLite's (FULL survives a power cut, NORMAL a crash of the process). `wake_dir` holds the
    sockets of SQLite wake-ups (default: beside the file). `pool` is the largest number of PostgreSQL
    connections. Raises `Invalid` for an address it does not know, and what connecting raises.
    """
    global _database
    if _database is not None:
        raise RuntimeError("already connected")
    config = tortoise_config(url, synchronous=synchronous, pool=pool)
    (name,) = config["connections"]
    context = TortoiseContext()
    wakes = Wakes()
    post: SocketWakes | NotifyWakes
    if name == "sqlite":
        path = Path(config["connections"][name]["credentials"]["file_path"])
        post = SocketWakes(wake_dir or path.with_name(path.name + ".wake"), wakes.wake)
    else:
        post = NotifyWakes(functools.partial(_listener, config), _notify, wakes.wake)
    with context:  # only while models are set up; afterwards every task finds it by the global fallback
        await context.init(config=config, _enable_global_fallback=True)
    _database = _Database(url, name, context, wakes, post)
    try:
        await fetch("SELECT 1 AS one")  # opens the connection now, not under the first transaction
        await post.start()
    except BaseException:
        await context.close_connections()
        _database = None
        raise


async def close() -> None:
    """Close what `connect` opened; harmless when nothing is open."""
    global _database
    if _database is None:
        return
    await _database.post.stop()
    await _database.context.close_connections()
    _database = None


async def _listener(config: dict[str, Any]) -> Any:
    known = dict(config["connections"]["postgres"]["credentials"])
    for unused in ("minsize", "maxsize", "statement_cache_size"):
        known.pop(unused)
    return await asyncpg.connect(**known)


async def _notify(channel: str, payload: str) -> None:
    await fetch("SELECT pg_notify(?, ?)", channel, payload)


def _connected() -> _Database:
    if _database is None:
        raise NotConnected
    return _database


def dialect() -> str:
    """`sqlite` or `postgres`."""
    return _connected().dialect


def _connection() -> Any:
    database = _connected()
    current = _open.get()
    if current is not None and current.done:
        raise Escaped
    return database.context.connections.get(database.dialect)


def client() -> Any:
    """Tortoise's connection in force here, for Tortoise's own tools."""
    return _connection()


def apps() -> Any:
    """Tortoise's registry of the models."""
    return _connected().context.apps


@asynccontextmanager
async def exclusive(number: int) -> AsyncIterator[None]:
    """Alone among all processes of this database that come here with the same `number`."""
    database = _connected()
    if database.dialect == "postgres":
        connection = await _listener(tortoise_config(database.url))
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", number)
            yield
        finally:
            await connection.close(timeout=5)
    else:
        file = await asyncio.to_thread(_flock, Path(f"{database_file(database.url)}.lock"))
        try:
            yield
        finally:
            os.close(file)


def _flock(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


# --- transactions


@asynccontextmanager
async def transaction(*, first: First | None = None) -> AsyncIterator[None]:
    """One transaction; joins the one that is open. Wake-ups collected inside go out after the commit.

    `first` is awaited before the first statement, whoever issues it (service, ORM or savepoint), and never
    when there is none: a turn's fenced write to its lane. Ignored when joining.
    """
    current = _open.get()
    if current is not None:
        if current.done:
            raise Escaped
        yield
        return
    current = _Open(first)
    context = _connection()._in_transaction()
    token = _open.set(current)
    try:
        await _enter(context)
        _hook(_connection(), current)
        try:
            yield
        except BaseException as error:
            current.done = True
            await context.__aexit__(type(error), error, error.__traceback__)
            raise
        current.done = True
        await context.__aexit__(None, None, None)
    finally:
        current.done = True
        _open.reset(token)
    for topic in current.topics:
        _wake(topic)


async def _enter(context: Any) -> None:
    """Begin; when interrupted half-way (a cancelled task) give the connection back, or it stays locked."""
    try:
        await context.__aenter__()
    except BaseException as error:
        if hasattr(context, "token"):
            with contextlib.suppress(Exception):
                await context.__aexit__(type(error), error, error.__traceback__)
        raise


def in_transaction() -> bool:
    """Whether a transaction is open here."""
    current = _open.get()
    return current is not None and not current.done


async def run_first() -> None:
    """Run the open transaction's `first` now, if it still waits; a lane calls this before saving."""
    current = _open.get()
    if current is not None and current.first is not None:
        first, current.first = current.first, None
        await first()


def _hook(client: Any, current: _Open) -> None:
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
    if _open.get() is None:
        async with transaction():
            yield
        return
    async with _connection()._in_transaction():
        yield


async def retried(work: Callable[[], Awaitable[T]], *, times: int = 5) -> T:
    """`work`, which is one transaction, again when the databases' lock decided against it.

    Raises the last error after `times` attempts. Inside an open transaction it is run once.
    """
    for attempt in range(1, times + 1):
        try:
            return await work()
        except (OperationalError, asyncpg.PostgresError) as error:
            if _open.get() is not None or attempt == times or not lost_lock(error):
                raise
        await asyncio.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def lost_lock(error: BaseException) -> bool:
    """Whether the statement may simply be tried again: a deadlock, or a lock that stayed busy."""
    return any(text in str(error) for text in DEADLOCKS)


async def serialise(name: str) -> None:
    """Until the end of this transaction nobody else passes here with the same `name`.

    On SQLite the transaction must have written already: then it is alone anyway.
    """
    if dialect() == "postgres":
        await fetch("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", name)


async def limit_lock_waits(seconds: float) -> None:
    """From here to the end of this transaction a statement that waits longer for a lock of others fails.

    On PostgreSQL; SQLite has one lock, whose patience is `BUSY_TIMEOUT_MS` for everybody.
    """
    if dialect() == "postgres":
        await fetch("SELECT set_config('lock_timeout', ?, true)", str(int(seconds * 1000)))


def spawn(work: Coroutine[Any, Any, T], *, name: str | None = None) -> "asyncio.Task[T]":
    """A background task that inherits no transaction."""
    return asyncio.create_task(work, name=name, context=contextvars.Context())


# --- raw SQL


@functools.lru_cache(maxsize=1000)
def _numbered(sql: str) -> str:
    """`?` outside quotes as `$1`, `$2`, … of PostgreSQL."""
    pieces = re.split(r"('(?:[^']|'')*')", sql)
    count = 0
    for at in range(0, len(pieces), 2):
        while "?" in pieces[at]:
            count += 1
            pieces[at] = pieces[at].replace("?", f"${count}", 1)
    return "".join(pieces)


async def fetch(sql: str, *args: Any) -> list[dict[str, Any]]:
    """The rows of a statement with `?` placeholders; also of INSERT, UPDATE and DELETE with RETURNING."""
    connection = _connection()
    if dialect() == "postgres":
        await run_first()
        try:
            rows = await connection.fetch(_numbered(sql), args)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(error) from error
        except (asyncpg.SyntaxOrAccessError, asyncpg.DataError) as error:
            raise OperationalError(error) from error
        return _as_dicts(rows)
    try:
        async with connection.acquire_connection() as raw:
            rows = await raw.execute_fetchall(sql, args)
    except sqlite3.OperationalError as error:
        raise OperationalError(error) from error
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error
    return _as_dicts(rows)


def _as_dicts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """A driver's rows as dictionaries; not by dict(row), which looks every column up by its name."""
    names = tuple(rows[0].keys()) if rows else ()
    return [dict(zip(names, row)) for row in rows]  # noqa: B905  (one driver row; strict costs a third)


async def execute(sql: str, *args: Any) -> int:
    """The number of rows that a statement with `?` placeholders changed. Raises Tortoise's errors."""
    connection = _connection()
    if dialect() == "sqlite":
        affected: int = (await connection.execute_query(sql, list(args)))[0]
        return affected
    try:
        async with connection.acquire_connection() as raw:
            status: str = await raw.execute(_numbered(sql), *args)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(error) from error
    return int(status.rsplit(" ", 1)[-1]) if status[-1].isdigit() else 0


async def settle() -> None:
    """Write SQLite's journal into the file and empty it, so that neither holds what was erased.

    Outside a transaction; as far as readers let it. PostgreSQL does the like by itself (autovacuum).
    """
    if dialect() == "sqlite":
        await fetch("PRAGMA wal_checkpoint(TRUNCATE)")


async def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement for every row of arguments."""
    if rows:
        sql = _numbered(sql) if dialect() == "postgres" else sql
        await _connection().execute_many(sql, [list(row) for row in rows])


def placeholders(count: int) -> str:
    """`?, ?, ?` for an IN list or VALUES."""
    return ", ".join("?" * count)


def typed(*values: str, of: Sequence[str]) -> str:
    """`values` with PostgreSQL's types `of`, where it could not tell them (an INSERT from SELECT)."""
    if dialect() == "sqlite":
        return ", ".join(values)
    return ", ".join(f"{value}::{kind}" for value, kind in zip(values, of, strict=True))


def skip_locked() -> str:
    """The clause that lets several workers take different rows; SQLite needs none: it has one writer."""
    return "FOR UPDATE SKIP LOCKED" if dialect() == "postgres" else ""


def known_transaction() -> str:
    """A condition, always true, that gives the transaction its number before the row takes its own.

    `happenings.since` tells by it which lower numbers can still appear.
    """
    return "pg_current_xact_id() IS NOT NULL" if dialect() == "postgres" else "1 = 1"


def missing_numbers() -> dict[int, int]:
    """What `happenings.since` remembers for as long as this connection: missing number -> horizon."""
    return _connected().memory


async def transaction_horizon() -> tuple[int, int]:
    """The oldest transaction still running and the next to start; zeros on SQLite, where writers queue."""
    if dialect() == "sqlite":
        return 0, 0
    row = (
        await fetch(
            "SELECT pg_snapshot_xmin(s)::text AS low, pg_snapshot_xmax(s)::text AS high"
            " FROM pg_current_snapshot() AS s"
        )
    )[0]
    return int(row["low"]), int(row["high"])


def stamp(at: datetime) -> Any:
    """An aware datetime as an argument of raw SQL. Raises `Invalid` for a naive one."""
    at = require_aware(at)
    return at.isoformat(" ") if dialect() == "sqlite" else at


def read_stamp(value: Any) -> datetime | None:
    """A time column of a raw row as an aware datetime in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return require_aware(value)


def read_rows(
    rows: list[dict[str, Any]], *, times: Sequence[str] = (), documents: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The same rows with their columns `times` and `documents` (JSON) read, in place."""
    if dialect() == "postgres":
        times = ()  # the driver gives them in UTC
    for name in documents:
        for row in rows:
            value = row[name]
            row[name] = [] if value == "[]" else read_json(value)  # most are empty
    read = datetime.fromisoformat
    for name in times:
        for row in rows:
            if (value := row[name]) is not None:
                at = read(value)
                row[name] = at if at.tzinfo is UTC else require_aware(at)
    return rows


def read_day(value: Any) -> date | None:
    """A date read by raw SQL, of either database."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def read_json(value: Any) -> Any:
    """A JSON column of a raw row."""
    if type(value) is not str:
        return json.loads(value) if isinstance(value, bytes) else value
    if value == "[]":  # most are empty
        return []
    if value == "{}":
        return {}
    try:
        read, end = _scan_json(value, 0)  # json.loads at half its CPU, for text that begins with the value
    except StopIteration:
        end = -1
    return read if end == len(value) else json.loads(value)


# the C scanner that json.loads uses
_scan_json: Callable[[str, int], tuple[Any, int]] = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[arg-type]


# --- wake-ups


def after_commit(topic: str) -> None:
    """Wake those who wait for `topic`, here and in other processes: after the commit, or now outside one."""
    current = _open.get()
    if current is not None and not current.done:
        current.topics.add(topic)
    else:
        _wake(topic)


def _wake(topic: str) -> None:
    database = _connected()
    database.wakes.wake(topic)
    database.post.send(topic)


def wake_here(topic: str) -> None:
    """Wake those who wait for `topic` in this process alone, at once."""
    _connected().wakes.wake(topic)


async def wait(topic: str, timeout: float) -> bool:  # noqa: ASYNC109  (part of the meaning)
    """Sleep until `topic` is woken (True) or for `timeout` seconds (False); wake-ups may be spurious."""
    return await _connected().wakes.wait(topic, timeout)
