"""Works on lanes of one kind until stopped: claims what is due, keeps the leases, looks again in time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import structlog

from bots.worker import SAFETY_SECONDS
from crm import db, lanes

log = structlog.get_logger()


class Claimed(Protocol):
    """A held lane with what waits in it."""

    @property
    def lane(self) -> lanes.Lane: ...


C = TypeVar("C", bound=Claimed)


class LaneRunner(Generic[C]):
    """`claim` takes up to so many lanes of `kind` for the holder; `work` does what waits in one and gives it
    up. `at_once` lanes are worked on side by side.
    """

    def __init__(
        self,
        kind: str,
        claim: Callable[[str, datetime, int], Awaitable[Sequence[C]]],
        work: Callable[[C], Awaitable[None]],
        *,
        at_once: int,
        holder: str,
        now: Callable[[], datetime],
    ) -> None:
        self._kind, self._topic = kind, lanes.TOPICS[kind]
        self._claim, self._work = claim, work
        self._at_once = at_once
        self.holder = holder
        self._now = now
        self._held: dict[int, lanes.Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False

    async def run(self) -> None:
        """Until `stop`, which lets work in hand end, or until cancelled."""
        await lanes.take_back()
        beat = db.spawn(self._heartbeats(), name=f"{self._kind} heartbeats")
        try:
            while not self.stopping:
                await self._round()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            for task in (beat, *self._tasks):
                task.cancel()
            await asyncio.gather(beat, *self._tasks, return_exceptions=True)

    def stop(self) -> None:
        """Ask `run` to end soon."""
        self.stopping = True
        db.after_commit(self._topic)

    async def drain(self) -> int:
        """Work until nothing is due and return the number of lanes taken: for tests and tools."""
        count = 0
        while claims := await self._claim(self.holder, self._now(), self._at_once):
            count += len(claims)
            await asyncio.gather(*(self._lane(claim) for claim in claims))
        return count

    async def _round(self) -> None:
        try:
            free = self._at_once - len(self._tasks)
            claims = await self._claim(self.holder, self._now(), free) if free else []
            for claim in claims:
                self._held[claim.lane.id] = claim.lane
                task = db.spawn(self._lane(claim))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
            if not free:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            elif len(claims) < free:
                await self._sleep()
        except Exception as error:  # the database is away or busy: nothing is lost, try again
            log.warning("lanes.paused", kind=self._kind, fault=lanes.fault(error), at=lanes.place(error))
            await asyncio.sleep(1.0)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Look again: the lane may have more, or be due again after a pause."""
        self._tasks.discard(task)
        db.wake_here(self._topic)

    async def _sleep(self) -> None:
        due = await lanes.next_due([self._kind])
        seconds = (due - self._now()).total_seconds() if due else SAFETY_SECONDS
        if not self.stopping:
            await db.wait(self._topic, min(max(seconds, 0.01), SAFETY_SECONDS))

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(lanes.HEARTBEAT_SECONDS)
            try:
                for lost in await lanes.heartbeat(list(self._held.values()), self._now()):
                    self._held.pop(lost.id, None)
            except Exception as error:
                log.warning("lanes.heartbeat_failed", kind=self._kind, fault=lanes.fault(error))

    async def _lane(self, claim: C) -> None:
        try:
            await self._work(claim)
        except lanes.LaneLost:
            log.warning("lanes.lost", kind=self._kind)
        except Exception as error:  # the lease ends by itself, and the lane is claimed again
            log.error("lanes.failed", kind=self._kind, fault=lanes.fault(error), at=lanes.place(error))
        finally:
            self._held.pop(claim.lane.id, None)
