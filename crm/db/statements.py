"""Raw SQL with `?` placeholders, and the few words in which the two dialects differ."""

import functools
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from tortoise.exceptions import IntegrityError, OperationalError

from crm.db import state
from crm.db.state import run_first
from crm.db.values import read_rows


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
    if state.dialect() == "postgres":
        rows, names = await _ask(sql, args)
        return [dict(zip(names, row)) for row in rows]  # noqa: B905  (one driver's; strict costs a third)
    try:
        async with state.connection().acquire_connection() as raw:
            found: list[dict[str, Any]] = await raw.fetch_dicts(sql, args)
    except sqlite3.OperationalError as error:
        raise OperationalError(error) from error
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error
    return found


async def read(sql: str, *args: Any, times: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
    """`fetch` for rows that are only looked at, with their columns `times` read: on PostgreSQL they stay as
    the driver makes them, which spares a third of a long list's CPU."""
    if state.dialect() == "postgres":
        rows: list[Mapping[str, Any]] = (await _ask(sql, args))[0]
        return rows
    return read_rows(await fetch(sql, *args), times=times)


async def column(sql: str, *args: Any) -> list[Any]:
    """The first column of a statement with `?` placeholders; also of what it has RETURNING."""
    if state.dialect() == "postgres":
        rows = (await _ask(sql, args))[0]
    else:
        try:
            async with state.connection().acquire_connection() as raw:
                rows = await raw.fetch_tuples(sql, args)
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        except sqlite3.IntegrityError as error:
            raise IntegrityError(error) from error
    return [row[0] for row in rows]


async def _ask(sql: str, args: Sequence[Any]) -> Any:
    """PostgreSQL's rows and the names of their columns."""
    client = state.asked()
    await run_first()
    try:
        return await client.fetch(_numbered(sql), args)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(error) from error
    except (asyncpg.SyntaxOrAccessError, asyncpg.DataError) as error:
        raise OperationalError(error) from error


async def execute(sql: str, *args: Any) -> int:
    """The number of rows that a statement with `?` placeholders changed. Raises Tortoise's errors."""
    if state.dialect() == "sqlite":
        affected: int = (await state.connection().execute_query(sql, list(args)))[0]
        return affected
    client = state.asked()
    await run_first()
    try:
        changed: int = await client.affected(_numbered(sql), args)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(error) from error
    return changed


async def settle() -> None:
    """Write SQLite's journal into the file and empty it, so that neither holds what was erased.

    Outside a transaction; as far as readers let it. PostgreSQL does the like by itself (autovacuum).
    """
    if state.dialect() == "sqlite":
        await fetch("PRAGMA wal_checkpoint(TRUNCATE)")


async def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """One statement for every row of arguments."""
    if rows:
        sql = _numbered(sql) if state.dialect() == "postgres" else sql
        await state.connection().execute_many(sql, [list(row) for row in rows])


def placeholders(count: int) -> str:
    """`?, ?, ?` for an IN list or VALUES."""
    return ", ".join("?" * count)


def padded(ids: Sequence[int]) -> list[int]:
    """`ids` with the last one again until there are 4, 16, 64 and so on: an IN list of few lengths, so that
    its statement is prepared once for each length and not for each count."""
    wanted = 4
    while wanted < len(ids):
        wanted *= 4
    return [*ids, *[ids[-1]] * (wanted - len(ids))] if ids else []


def typed(*values: str, of: Sequence[str]) -> str:
    """`values` with PostgreSQL's types `of`, where it could not tell them (an INSERT from SELECT)."""
    if state.dialect() == "sqlite":
        return ", ".join(values)
    return ", ".join(f"{value}::{kind}" for value, kind in zip(values, of, strict=True))


def skip_locked() -> str:
    """The clause that lets several workers take different rows; SQLite needs none: it has one writer."""
    return "FOR UPDATE SKIP LOCKED" if state.dialect() == "postgres" else ""


def known_transaction() -> str:
    """A condition, always true, that gives the transaction its number before the row takes its own.

    `happenings.since` tells by it which lower numbers can still appear.
    """
    return "pg_current_xact_id() IS NOT NULL" if state.dialect() == "postgres" else "1 = 1"


def missing_numbers() -> dict[int, int]:
    """What `happenings.since` remembers for as long as this connection: missing number -> horizon."""
    return state.connected().memory


async def transaction_horizon() -> tuple[int, int]:
    """The oldest transaction still running and the next to start; zeros on SQLite, where writers queue."""
    if state.dialect() == "sqlite":
        return 0, 0
    row = (
        await fetch(
            "SELECT pg_snapshot_xmin(s)::text AS low, pg_snapshot_xmax(s)::text AS high"
            " FROM pg_current_snapshot() AS s"
        )
    )[0]
    return int(row["low"]), int(row["high"])
