"""Small transactions that come at the same time share one on SQLite, and so one write to the disk.

PostgreSQL does that by itself for transactions side by side; there, sharing would only hold more locks at
once. What must keep its order (the messages of one user) is still done one after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from crm import db

T = TypeVar("T")
Work = Callable[[], Awaitable[Any]]


@dataclass
class _Waiting:
    work: Work
    order: str
    answer: asyncio.Future[Any]


class Shared:
    """Runs works in shared transactions: whatever comes while one commits goes into the next.

    Works of the same `order` follow one another as they came. A work may run twice, since those of a failed
    transaction are run again one by one; each must begin with a write (SQLite) and leave its effects in the
    database alone.
    """

    def __init__(self, size: int = 32) -> None:
        self._size = size
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._queues: dict[str, tuple[asyncio.Lock, int]] = {}

    async def run(self, work: Callable[[], Awaitable[T]], *, order: str = "") -> T:
        """The result of `work` after its commit, or its error. Inside a transaction it is just awaited."""
        if db.in_transaction():
            return await work()
        if db.dialect() == "postgres":
            return await self._alone(work, order)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Waiting(work, order, answer))
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = db.spawn(self._drain(), name="shared transactions")
        return await answer

    async def _alone(self, work: Callable[[], Awaitable[T]], order: str) -> T:
        """In a transaction of its own, after the earlier ones of its order."""

        async def transact() -> T:
            async with db.transaction():
                return await work()

        lock, waiting = self._queues.get(order) or (asyncio.Lock(), 0)
        self._queues[order] = lock, waiting + 1
        try:
            if not order:
                return await db.retried(transact)
            async with lock:
                return await db.retried(transact)
        finally:
            lock, waiting = self._queues.pop(order)
            if waiting > 1:
                self._queues[order] = lock, waiting - 1

    async def _drain(self) -> None:
        while self._waiting:
            batch = sorted(self._waiting[: self._size], key=lambda one: one.order)
            del self._waiting[: self._size]
            try:
                await self._commit(batch)
            except Exception as error:
                if len(batch) == 1:
                    _fail(batch[0], error)
                else:
                    await self._singly(batch)
            await asyncio.sleep(0.001)  # so that other processes come to write, too

    async def _singly(self, batch: list[_Waiting]) -> None:
        """One of them failed: only its own caller shall hear of it."""
        for one in batch:
            try:
                await self._commit([one])
            except Exception as error:
                _fail(one, error)

    async def _commit(self, batch: list[_Waiting]) -> None:
        async def together() -> list[Any]:
            async with db.transaction():
                return [await one.work() for one in batch]

        for one, result in zip(batch, await db.retried(together), strict=True):
            if not one.answer.done():
                one.answer.set_result(result)


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
