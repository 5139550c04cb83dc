"""PostgreSQL for Tortoise with a pool of our own: lending a connection costs a list's pop.

asyncpg's pool wraps every loan in a proxy, shields every return with a task and asks the server to reset the
session: 50 to 80 microseconds beside a statement that costs 60. We leave nothing in a session, and asyncpg
itself waits for a cancelled statement before the next one on the same connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient


class Pool:
    """Up to `size` connections, lent one at a time, the last returned first."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], size: int) -> None:
        self._connect = connect
        self._room = asyncio.Semaphore(size)
        self._idle: list[Any] = []
        self._lent: set[Any] = set()

    async def acquire(self) -> Any:
        """A connection of one's own until `release`. Raises what connecting raises."""
        await self._room.acquire()
        try:
            connection = self._living() or await self._connect()
        except BaseException:
            self._room.release()
            raise
        self._lent.add(connection)
        return connection

    def _living(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def release(self, connection: Any) -> None:
        """Take it back; one with a transaction left open is closed, which undoes it."""
        if connection not in self._lent:
            return
        self._lent.discard(connection)
        if not connection.is_closed():
            if connection.is_in_transaction():
                connection.terminate()
            else:
                self._idle.append(connection)
        self._room.release()

    async def close(self) -> None:
        """Close what lies idle; what is still lent is cut off."""
        for connection in self._lent:
            connection.terminate()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))

    def terminate(self) -> None:
        """Cut every connection off."""
        for connection in (*self._idle, *self._lent):
            connection.terminate()
        self._idle = []

    async def expire_connections(self) -> None:
        """Open new connections from now on."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))


class Client(AsyncpgDBClient):
    """Tortoise's client of PostgreSQL with that pool."""

    async def create_pool(self, **known: Any) -> Pool:
        """The pool, with its first connection open: a wrong address is told now."""
        size = known.pop("max_size")
        for unused in ("min_size", "loop"):
            known.pop(unused)

        async def connect() -> Any:
            return await asyncpg.connect(**known)

        pool = Pool(connect, size)
        await pool.release(await pool.acquire())
        return pool


client_class = Client
