"""How a service's transaction begins when it has to look before it writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crm import db


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """A transaction that may read first: on SQLite it takes the write lock at once (see crm/db.py)."""
    async with db.transaction(first=_write_nothing):
        yield


async def _write_nothing() -> None:
    await db.execute("DELETE FROM day_off WHERE 1 = 0")
