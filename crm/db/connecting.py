"""Connecting to the database and leaving it; being alone among all processes that use it."""

import asyncio
import fcntl
import functools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from tortoise.context import TortoiseContext

from crm.database_url import database_file, tortoise_config
from crm.db import state
from crm.db.statements import fetch
from crm.wake import NotifyWakes, SocketWakes, Wakes


async def connect(
    url: str, *, synchronous: str = "FULL", wake_dir: Path | None = None, pool: int = 5
) -> None:
    """Connect this process; one database a process.

    `synchronous` is SQLite's (FULL survives a power cut, NORMAL a crash of the process). `wake_dir` holds the
    sockets of SQLite wake-ups (default: beside the file). `pool` is the largest number of PostgreSQL
    connections. Raises `Invalid` for an address it does not know, and what connecting raises.
    """
    if state.database is not None:
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
        post = NotifyWakes(functools.partial(_listener, config), wakes.wake)
    with context:  # only while models are set up; afterwards every task finds it by the global fallback
        await context.init(config=config, _enable_global_fallback=True)
    state.database = state.Database(url, name, context, wakes, post)
    state.database.client = state.connection()
    try:
        await fetch("SELECT 1 AS one")  # opens the connection now, not under the first transaction
        await post.start()
    except BaseException:
        await context.close_connections()
        state.database = None
        raise


async def close() -> None:
    """Close what `connect` opened; harmless when nothing is open."""
    if state.database is None:
        return
    await state.database.post.stop()
    await state.database.context.close_connections()
    state.database = None


async def _listener(config: dict[str, Any]) -> Any:
    known = dict(config["connections"]["postgres"]["credentials"])
    for unused in ("minsize", "maxsize", "statement_cache_size"):
        known.pop(unused)
    return await asyncpg.connect(**known)


@asynccontextmanager
async def exclusive(number: int) -> AsyncIterator[None]:
    """Alone among all processes of this database that come here with the same `number`."""
    database = state.connected()
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
