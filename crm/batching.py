"""Work that comes at the same time shares a transaction, and so one write to the disk.

What must keep its order (the messages of one user) is still done one after the other.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from crm import db

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[], Awaitable[Any]]
LOCK_SECONDS = 0.2  # how long a shared transaction waits for somebody else's lock before its parts go alone


@dataclass
class _Waiting(Generic[T]):
    item: T
    order: str
    answer: asyncio.Future[Any]


class Grouped(Generic[T, R]):
    """Does items together in transactions: whatever comes while one commits goes into the next.

    `together` takes the items and gives their results in the same order; it begins with a write (SQLite) and
    leaves its effects in the database alone, since the items of a failed transaction are done again one by
    one. Items of the same `order` follow one another as they came. On PostgreSQL, where others' locks are of
    single rows, a shared transaction that meets a lock for longer than `LOCK_SECONDS` counts as failed: one
    stopped process must not hold up everybody.
    """

    def __init__(self, together: Callable[[Sequence[T]], Awaitable[Sequence[R]]], size: int = 64) -> None:
        self._together = together
        self._size = size
        self._waiting: list[_Waiting[T]] = []
        self._draining: asyncio.Task[None] | None = None
        self._alone: set[asyncio.Task[None]] = set()
        self._queues: dict[str, tuple[asyncio.Lock, int]] = {}  # of orders whose items go alone just now
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, item: T, *, order: str = "") -> R:
        """The result of `item` after its commit, or its error. Inside a transaction it is just awaited."""
        if db.in_transaction():
            return (await self._together([item]))[0]
        one = self._made(item, order)
        self._waiting.append(one)
        if self._draining is None or self._draining.done():
            self._draining = db.spawn(self._drain(), name="shared transactions")
        return cast(R, await one.answer)

    def _made(self, item: T, order: str) -> _Waiting[T]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # what an earlier loop left is nobody's
            self._loop, self._draining = loop, None
            self._waiting.clear()
            self._queues.clear()
        return _Waiting(item, order, loop.create_future())

    async def _drain(self) -> None:
        while self._waiting:
            taken = sorted(self._waiting[: self._size], key=lambda one: one.order)
            del self._waiting[: self._size]
            batch = [one for one in taken if one.order not in self._queues]
            self._separate([one for one in taken if one.order in self._queues])
            try:
                await self._commit(batch)
            except Exception as error:
                if len(batch) == 1:
                    _fail(batch[0], error)
                else:
                    self._separate(batch)
            await asyncio.sleep(0.001)  # so that other processes come to write, too

    async def _commit(self, batch: list[_Waiting[T]]) -> None:
        if not batch:
            return

        async def transact() -> Sequence[R]:
            async with db.transaction():
                if len(batch) > 1:
                    await db.limit_lock_waits(LOCK_SECONDS)
                return await self._together([one.item for one in batch])

        for one, result in zip(batch, await db.retried(transact), strict=True):
            if not one.answer.done():
                one.answer.set_result(result)

    def _separate(self, items: Sequence[_Waiting[T]]) -> None:
        """Each in a transaction of its own: its error and its wait for a lock concern its caller alone."""
        for one in items:
            turn = self._turn(one.order) if one.order else contextlib.nullcontext()
            task = db.spawn(self._singly(one, turn), name="a transaction apart")
            self._alone.add(task)
            task.add_done_callback(self._alone.discard)

    async def _singly(self, one: _Waiting[T], turn: AbstractAsyncContextManager[None]) -> None:
        try:
            async with turn:
                await self._commit([one])
        except Exception as error:
            _fail(one, error)
        finally:
            one.answer.cancel()  # unless it is answered: the process is closing down

    def _turn(self, order: str) -> AbstractAsyncContextManager[None]:
        """A place in the queue of `order`, taken now and entered when those before have left."""
        lock, waiting = self._queues.get(order) or (asyncio.Lock(), 0)
        self._queues[order] = lock, waiting + 1

        @asynccontextmanager
        async def turn() -> AsyncIterator[None]:
            try:
                async with lock:
                    yield
            finally:
                _, waiting = self._queues.pop(order, (lock, 1))
                if waiting > 1:
                    self._queues[order] = lock, waiting - 1

        return turn()


def _fail(one: _Waiting[Any], error: Exception) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)


async def _each(works: Sequence[Work]) -> list[Any]:
    return [await work() for work in works]


class Shared(Grouped[Work, Any]):
    """`Grouped` for works of any kind, one after the other in the transaction they share.

    On PostgreSQL, which commits transactions side by side with one write to the disk by itself, each has its
    own: sharing would only hold more locks at once.
    """

    def __init__(self, size: int = 32) -> None:
        super().__init__(_each, size)

    async def run(self, item: Callable[[], Awaitable[T]], *, order: str = "") -> T:
        """The result of the work after its commit, or its error. Inside a transaction it is just awaited."""
        if db.in_transaction() or db.dialect() == "sqlite":
            return cast(T, await super().run(item, order=order))
        one = self._made(item, order)
        self._separate([one])
        return cast(T, await one.answer)
