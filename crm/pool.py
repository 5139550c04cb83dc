"""PostgreSQL for Tortoise with a pool of our own: lending a connection costs a list's pop.

asyncpg's pool wraps every loan in a proxy, shields every return with a task and asks the server to reset the
session: 50 to 80 microseconds beside a statement that costs 60. We leave nothing in a session, and asyncpg
itself waits for a cancelled statement before the next one on the same connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.exceptions import IntegrityError, TransactionManagementError

STATEMENTS = 1000  # kept prepared by each connection
Rows = tuple[list[Any], tuple[str, ...]]


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg's connection that keeps what `rows` and `affected` prepared: asyncpg's own way to a statement
    at hand passes four more coroutines, a quarter of what a row by its key costs."""

    def __init__(self, *args: Any, **known: Any) -> None:
        super().__init__(*args, **known)
        self._kept: dict[str, tuple[Any, tuple[str, ...]]] = {}

    async def rows(self, sql: str, args: Sequence[Any]) -> Rows:
        """The rows of a statement as asyncpg gives them, and the names of their columns. Raises the
        driver's errors."""
        kept = self._kept.get(sql) or await self._keep(sql)
        try:
            return await kept[0].fetch(*args), kept[1]
        except asyncpg.OutdatedSchemaCacheError:  # it was run; only its answer could not be read
            self._kept.clear()
            raise
        except asyncpg.InvalidCachedStatementError:  # a column changed its type under us
            self._kept.clear()
            if self.is_in_transaction():
                raise
        kept = await self._keep(sql)
        return await kept[0].fetch(*args), kept[1]

    async def affected(self, sql: str, args: Sequence[Any]) -> int:
        """How many rows a statement changed. Raises the driver's errors."""
        await self.rows(sql, args)
        status = self._kept[sql][0].get_statusmsg()
        return int(status.rsplit(" ", 1)[-1]) if status[-1].isdigit() else 0

    async def _keep(self, sql: str) -> tuple[Any, tuple[str, ...]]:
        if len(self._kept) >= STATEMENTS:
            del self._kept[next(iter(self._kept))]
        statement = await self.prepare(sql)
        kept = statement, tuple(column.name for column in statement.get_attributes())
        self._kept[sql] = kept
        return kept


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
        """`give_back`, as Tortoise calls it."""
        self.give_back(connection)

    def give_back(self, connection: Any) -> None:
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


class Transaction(TransactionWrapper):
    """Tortoise's open transaction, said in plain words instead of by an asyncpg object for each.

    `depth`: 0 for the transaction itself, above it for its savepoints.
    """

    depth = 0

    def _in_transaction(self) -> TransactionContext:
        inner = Transaction(self)
        inner.depth = self.depth + 1
        return NestedTransactionContext(inner)

    async def _say(self, whole: str, part: str) -> None:
        if self._finalized:
            raise TransactionManagementError("Transaction already finalised")
        statement = f"{part} dangol_{self.depth}" if self.depth else whole
        try:
            done = await self._connection.execute(statement)
        except asyncpg.IntegrityConstraintViolationError as error:  # of a constraint checked at the end
            raise IntegrityError(error) from error
        if statement == "COMMIT" and done != "COMMIT":  # an earlier statement failed: PostgreSQL undid it all
            self._finalized = True
            raise TransactionManagementError(
                "Nothing was stored: a statement of this transaction had failed and the failure was passed"
                " over; give a statement that may fail its own savepoint"
            )

    async def begin(self) -> None:
        """Open the transaction, or a savepoint inside one."""
        await self._say("BEGIN", "SAVEPOINT")

    async def commit(self) -> None:
        """Commit, or release the savepoint.

        Raises TransactionManagementError if PostgreSQL rolled back instead, which it says only in its answer
        (PostgreSQL documentation, COMMIT).
        """
        await self._say("COMMIT", "RELEASE SAVEPOINT")
        self._finalized = True

    async def rollback(self) -> None:
        """Undo all, or what came after the savepoint."""
        await self._say("ROLLBACK", "ROLLBACK TO SAVEPOINT")
        self._finalized = True

    async def fetch(self, sql: str, args: Sequence[Any]) -> Rows:
        """`Connection.rows`; one statement at a time. Raises the driver's errors."""
        async with self._lock:
            found: Rows = await self._connection.rows(sql, args)
            return found

    async def affected(self, sql: str, args: Sequence[Any]) -> int:
        """`Connection.affected`; one statement at a time. Raises the driver's errors."""
        async with self._lock:
            changed: int = await self._connection.affected(sql, args)
            return changed


class Client(AsyncpgDBClient):
    """Tortoise's client of PostgreSQL with that pool."""

    def _in_transaction(self) -> TransactionContext:
        return TransactionContextPooled(Transaction(self), self._pool_init_lock)

    async def fetch(self, sql: str, args: Sequence[Any]) -> Rows:
        """`Connection.rows` on a connection lent for it alone. Raises the driver's errors."""
        pool: Any = self._pool or await self._made()
        connection = await pool.acquire()
        try:
            found: Rows = await connection.rows(sql, args)
            return found
        finally:
            pool.give_back(connection)

    async def affected(self, sql: str, args: Sequence[Any]) -> int:
        """`Connection.affected` on a connection lent for it alone. Raises the driver's errors."""
        pool: Any = self._pool or await self._made()
        connection = await pool.acquire()
        try:
            changed: int = await connection.affected(sql, args)
            return changed
        finally:
            pool.give_back(connection)

    async def _made(self) -> Any:
        async with self.acquire_connection():
            return self._pool

    async def create_pool(self, **known: Any) -> Pool:
        """The pool, with its first connection open: a wrong address is told now."""
        size = known.pop("max_size")
        for unused in ("min_size", "loop"):
            known.pop(unused)
        known["connection_class"] = Connection

        async def connect() -> Any:
            return await asyncpg.connect(**known)

        pool = Pool(connect, size)
        await pool.release(await pool.acquire())
        return pool


client_class = Client
