"""The worker's loop: claims conversations, prepares each turn outside and commits it inside one transaction.

What a turn does is a `Handler`'s business. A crash anywhere repeats the turn with no effect left, since all
effects are in the turn's transaction, whose first statement is the fenced write to the lane.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from crm import db, inbox, lanes, processes

SAFETY_SECONDS = 5.0  # the longest sleep: covers a lost wake-up
LANES_A_CLAIM = 4
TURNS_A_CLAIM = 32  # then others get their turn
IN_FLIGHT = {"sqlite": 1, "postgres": 3}
SUSPECT_ATTEMPTS = 3  # from here on a turn runs alone in its process
GROUP = 16  # conversations whose turns share a transaction at most
# How long turns may share a transaction, and with it SQLite's only write lock, which the front needs too. A
# turn of dialogue takes about as long alone; those which a person will answer are many times shorter.
SHARED_SECONDS = 0.01
SMOOTHING = 0.1  # how fast the estimate of a turn's time falls

log = structlog.get_logger()


class Handler(Protocol):
    """What is done about a message."""

    async def prepare(self, turn: inbox.Turn) -> Any:
        """Outside any transaction: parse, load the snapshot (the lease protects both). Repeatable."""

    async def commit(self, prepared: Any) -> None:
        """Inside the turn's transaction: dialogue, CRM changes, replies. Awaits nothing slow."""


OnParked = Callable[[inbox.Turn], Awaitable[None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Worker:
    """Answers what waits in the inbox until stopped.

    `on_parked` runs in the transaction that sets a turn aside after its attempts: it apologises and hands to
    a person. The turns of up to `group` conversations share a transaction, and so a disk write, while they
    are short enough together (`SHARED_SECONDS`); `turn_seconds` is how long one is taken to be before any was
    seen. When a shared transaction fails, its turns are done one by one.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        on_parked: OnParked | None = None,
        holder: str = "",
        in_flight: int | None = None,
        group: int = GROUP,
        turn_seconds: float = SHARED_SECONDS,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._handler = handler
        self._on_parked = on_parked
        self.holder = holder or processes.holder("worker")
        self._in_flight = in_flight or IN_FLIGHT[db.dialect()]
        self._most = group
        self._turn_seconds = turn_seconds
        self._now = now
        self._clock = clock
        self._held: dict[int, lanes.Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._runners = _Permits(self._in_flight)
        self.turns = 0
        self.failures = 0
        self.parked = 0

    @property
    def _group(self) -> int:
        """How many conversations may share a transaction now."""
        return max(1, min(self._most, int(SHARED_SECONDS / max(self._turn_seconds, 1e-6))))

    @property
    def _share(self) -> int:
        """Conversations of one task: on SQLite turns follow one another, and one claim serves several."""
        return max(self._group, LANES_A_CLAIM if self._in_flight == 1 else 1)

    def _took(self, seconds: float, turns: int) -> None:
        """A long turn ends the sharing at once; short ones bring it back little by little."""
        each = seconds / turns
        self._turn_seconds = max(each, self._turn_seconds + SMOOTHING * (each - self._turn_seconds))

    async def run(self) -> None:
        """Until `stop`: then finish the turns in hand and give the rest back."""
        await lanes.take_back()
        beat = db.spawn(self._heartbeats(), name="lane heartbeats")
        pause = lanes.backoff(1)
        try:
            while not self._stopping.is_set():
                try:
                    await self._round()
                    pause = lanes.backoff(1)
                except Exception as error:  # the database is away or busy: nothing is lost, try again
                    log.warning("worker.paused", fault=lanes.fault(error), at=lanes.place(error))
                    await asyncio.sleep(pause.total_seconds())
                    pause = min(pause * 2, lanes.backoff(5))
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            for task in (beat, *self._tasks):
                task.cancel()
            await asyncio.gather(beat, *self._tasks, return_exceptions=True)

    def stop(self) -> None:
        """Ask `run` to end soon."""
        self._stopping.set()
        db.wake_here("inbox")

    async def drain(self) -> int:
        """Work until nothing is due and return the number of claims: for tests and tools."""
        count = 0
        while claims := await inbox.claim(self.holder, self._now(), self._share):
            count += len(claims)
            await self._work_all(claims)
        return count

    async def _round(self) -> None:
        """One look at the inbox: as many conversations as there is room for, each share a task of its own."""
        free = self._in_flight - len(self._tasks)
        if not free:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            return
        share = self._share
        claims = await inbox.claim(self.holder, self._now(), free * share)
        for start in range(0, len(claims), share):
            task = db.spawn(self._work_all(claims[start : start + share]))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if len(claims) < free * share:
            await self._sleep()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Look again: its conversations may have more, or be due again after a pause."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):  # its lanes come back after their lease
            log.error("worker.failed", fault=lanes.fault(error), at=lanes.place(error))
        db.wake_here("inbox")

    async def _sleep(self) -> None:
        due = await lanes.next_due(["inbox"])
        seconds = (due - self._now()).total_seconds() if due else SAFETY_SECONDS
        if not self._stopping.is_set():
            await db.wait("inbox", min(max(seconds, 0.005), SAFETY_SECONDS))

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(lanes.HEARTBEAT_SECONDS)
            try:
                for lost in await lanes.heartbeat(list(self._held.values()), self._now()):
                    self._held.pop(lost.id, None)
            except Exception as error:
                log.warning("worker.heartbeat_failed", fault=lanes.fault(error))

    async def _work_all(self, claims: list[inbox.Claim]) -> None:
        self._held |= {claim.lane.id: claim.lane for claim in claims}
        claims = await self._share_all(claims)
        for claim in claims:
            if self._stopping.is_set():
                await lanes.give_back([claim.lane])
            else:
                permits = self._in_flight if claim.lane.attempts >= SUSPECT_ATTEMPTS else 1
                async with self._runners.take(permits):
                    await self._work(claim)
            self._held.pop(claim.lane.id, None)

    async def _share_all(self, claims: list[inbox.Claim]) -> list[inbox.Claim]:
        """Turns in shared transactions, for as long as that goes well; returns the claims with turns left."""
        while len(claims) > 1 and (size := self._group) > 1 and not self._stopping.is_set():
            left: list[inbox.Claim] = []
            for start in range(0, len(claims), size):
                some = claims[start : start + size]
                async with self._runners.take(1):
                    if not await self._together(some):
                        return left + claims[start:]
                left += [claim for claim in some if claim.turns]
            claims = left
        return claims

    async def _together(self, claims: list[inbox.Claim]) -> bool:
        """One transaction for the next turn of each; False, and nothing done, when it failed."""
        work = [(claim, claim.turns[:1]) for claim in claims]
        held = [claim.lane for claim in claims]
        try:
            prepared = [(turn, await self._prepared(turn)) for _, (turn,) in work]
            async with db.transaction(first=lambda: lanes.fence_all(held, self._now())):
                await self._commit(prepared)
                await inbox.finish_all(work, self._now())
        except Exception as error:
            ids = [turn.inbox_id for _, (turn,) in work]
            log.warning("turns.separated", inbox_ids=ids, fault=lanes.fault(error), at=lanes.place(error))
            return False
        for claim in claims:
            self._did(claim.turns[0])
            del claim.turns[0]
            if not claim.turns:
                self._held.pop(claim.lane.id, None)
        return True

    async def _prepared(self, turn: inbox.Turn) -> Any:
        with structlog.contextvars.bound_contextvars(inbox_id=turn.inbox_id):
            return await self._handler.prepare(turn)

    async def _commit(self, prepared: list[tuple[inbox.Turn, Any]]) -> None:
        """What was prepared, timed from when the lanes, and so the write lock, are ours."""
        await db.run_first()
        began = self._clock()
        for turn, what in prepared:
            with structlog.contextvars.bound_contextvars(inbox_id=turn.inbox_id):
                await self._handler.commit(what)
        self._took(self._clock() - began, len(prepared))

    async def _work(self, claim: inbox.Claim) -> None:
        """The turns of one conversation in order, until done, failed or lost."""
        done = 0
        while claim.turns:
            if done >= TURNS_A_CLAIM or self._stopping.is_set():
                await lanes.release(claim.lane, due_at=self._now())
                return
            if not await self._turn(claim, claim.turns[0]):
                return
            del claim.turns[0]
            done += 1

    async def _turn(self, claim: inbox.Claim, turn: inbox.Turn) -> bool:
        """Whether the lane is still ours and the next turn may begin."""
        with structlog.contextvars.bound_contextvars(inbox_id=turn.inbox_id):
            if turn.attempts > lanes.MAX_ATTEMPTS:
                return await self._park(claim, turn)
            try:
                prepared = await self._handler.prepare(turn)
                async with self._transaction(claim):
                    await self._commit([(turn, prepared)])
                    await inbox.finish(claim, [turn], self._now())
            except lanes.LaneLost:
                log.warning("turn.lane_lost")
                return False
            except Exception as error:
                await self._failed(claim, turn, error)
                return False
        self._did(turn)
        return True

    def _did(self, turn: inbox.Turn) -> None:
        self.turns += 1
        log.info("turn.done", inbox_id=turn.inbox_id, attempts=turn.attempts)

    @asynccontextmanager
    async def _transaction(self, claim: inbox.Claim) -> AsyncIterator[None]:
        """The fenced write comes before the first statement of whoever writes or reads first."""

        async def fence() -> None:
            await lanes.fence(claim.lane, self._now())

        async with db.transaction(first=fence):
            yield

    async def _failed(self, claim: inbox.Claim, turn: inbox.Turn, error: Exception) -> None:
        """Try again after a pause; a lock lost to another process costs no attempt."""
        self.failures += 1
        fault, at = lanes.fault(error), lanes.place(error)
        log.warning("turn.failed", fault=fault, at=at, attempts=turn.attempts)
        if db.lost_lock(error):
            await lanes.give_back([claim.lane])
            return
        due = self._now() + lanes.backoff(turn.attempts)
        with contextlib.suppress(lanes.LaneLost):
            await lanes.release(claim.lane, due_at=due, attempts=None, error=lanes.fault(error))

    async def _park(self, claim: inbox.Claim, turn: inbox.Turn) -> bool:
        """Set a poison message aside; the conversation goes on with an apology and a person."""
        for callback in (self._on_parked, None):
            try:
                async with self._transaction(claim):
                    await inbox.set_aside(turn, self._now())
                    if callback is not None:
                        await callback(turn)
                    await inbox.finish(claim, [turn], self._now(), state="parked")
            except lanes.LaneLost:
                return False
            except Exception as error:
                log.error("turn.parking_failed", fault=lanes.fault(error), at=lanes.place(error))
                continue
            break
        else:
            return False
        self.parked += 1
        log.error("turn.parked")
        return True


class _Permits:
    """So many turns at once; a suspect one takes all permits and runs alone."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._gate = asyncio.Lock()

    @asynccontextmanager
    async def take(self, count: int) -> AsyncIterator[None]:
        async with self._gate:  # in order: two suspects must not each hold half
            for _ in range(count):
                await self._free.acquire()
        try:
            yield
        finally:
            for _ in range(count):
                self._free.release()
