"""Runs jobs: the slow part in a pool of subprocesses, what it led to in one transaction here."""

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from bots.worker import SAFETY_SECONDS, utc_now
from crm import db, jobs, lanes, processes

PROGRESS_SECONDS = 2.0  # between looks at how far a job is
TASKS_A_CHILD = 50  # then a fresh subprocess: what leaks in libraries ends with it
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal a child gets when its parent dies

log = structlog.get_logger()
Payload = dict[str, Any]


@dataclass(frozen=True)
class JobKind:
    """One kind of slow work.

    `work` runs in a subprocess: a plain function of a module, without a database. `load` fetches what it
    needs beforehand, `hand_over` does what is slow with the result and may be repeated, `apply` writes what
    it led to, in the transaction that ends the job. With `progress`, `work` finds in `progress_file` where to
    write the share that is done (0 to 1), which is shown as the job's result until it is over.
    """

    name: str
    work: Callable[[Payload], Payload]
    load: Callable[[Payload], Awaitable[Payload]] | None = None
    apply: Callable[[Payload, Payload, datetime], Awaitable[None]] | None = None
    hand_over: Callable[[Payload, Payload], Awaitable[None]] | None = None
    timeout_seconds: float = 600.0
    progress: bool = False


class JobRunner:
    """Works on what is due until stopped."""

    def __init__(
        self,
        kinds: Sequence[JobKind],
        *,
        workers: int = 1,
        holder: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kinds: Mapping[str, JobKind] = {kind.name: kind for kind in kinds}
        self._workers = workers
        self.holder = holder or processes.holder("jobs")
        self._now = now
        self._pool: ProcessPoolExecutor | None = None
        self._held: dict[int, lanes.Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.results = {"done": 0, "failed": 0}

    async def run(self) -> None:
        """Until `stop`: then let the jobs in hand end."""
        await lanes.take_back()
        beat = db.spawn(self._heartbeats(), name="job heartbeats")
        try:
            while not self._stopping:
                await self._round()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            self.close()

    def stop(self) -> None:
        """Ask `run` to end soon."""
        self._stopping = True
        db.after_commit("jobs")

    def close(self) -> None:
        """End the subprocesses."""
        pool, self._pool = self._pool, None
        if pool is not None:
            children = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:  # one that hangs would never hear of the shutdown
                child.kill()

    async def drain(self) -> int:
        """Work until nothing is due and return the number of jobs taken: for tests and tools."""
        count = 0
        while claims := await jobs.claim(self.holder, self._now(), self._workers):
            count += len(claims)
            await asyncio.gather(*(self._job(claim) for claim in claims))
        return count

    async def _round(self) -> None:
        try:
            free = self._workers - len(self._tasks)
            claims = await jobs.claim(self.holder, self._now(), free) if free else []
            for claim in claims:
                self._held[claim.lane.id] = claim.lane
                task = db.spawn(self._job(claim))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not free:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            elif not claims:
                due = await lanes.next_due(["job"])
                seconds = (due - self._now()).total_seconds() if due else SAFETY_SECONDS
                await db.wait("jobs", min(max(seconds, 0.01), SAFETY_SECONDS))
        except Exception as error:  # the database is away or busy: nothing is lost, try again
            log.warning("jobs.paused", fault=lanes.fault(error), at=lanes.place(error))
            await asyncio.sleep(1.0)

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(lanes.HEARTBEAT_SECONDS)
            try:
                for lost in await lanes.heartbeat(list(self._held.values()), self._now()):
                    self._held.pop(lost.id, None)
            except Exception as error:
                log.warning("jobs.heartbeat_failed", fault=lanes.fault(error))

    async def _job(self, claim: jobs.Claim) -> None:
        kind, job = self._kinds.get(claim.job.kind), claim.job
        try:
            if kind is None:
                await jobs.failed(claim, "unknown_kind", self._now(), final=True)
            elif claim.lane.attempts > jobs.MAX_ATTEMPTS:
                await jobs.failed(claim, "process_died", self._now(), final=True)
            else:
                await self._do(kind, claim)
        except lanes.LaneLost:
            log.warning("job.lane_lost", job_id=job.id)
        except Exception as error:
            self.results["failed"] += 1
            log.warning("job.failed", job_id=job.id, fault=lanes.fault(error), at=lanes.place(error))
            with contextlib.suppress(lanes.LaneLost):
                await jobs.failed(claim, lanes.fault(error), self._now())
        finally:
            self._held.pop(claim.lane.id, None)

    async def _do(self, kind: JobKind, claim: jobs.Claim) -> None:
        payload = claim.job.payload
        given = await kind.load(payload) if kind.load else payload
        result = (
            await self._watched(kind, claim, given)
            if kind.progress
            else await self._in_subprocess(kind, given)
        )
        if kind.hand_over:
            await kind.hand_over(payload, result)
        async with db.transaction(first=lambda: lanes.fence(claim.lane, self._now())):
            if kind.apply:
                await kind.apply(payload, result, self._now())
            await jobs.done(claim, result if kind.apply is None else {}, self._now())
        self.results["done"] += 1

    async def _watched(self, kind: JobKind, claim: jobs.Claim, given: Payload) -> Payload:
        """Work, and tell how far it is."""
        with tempfile.TemporaryDirectory(prefix="dangol-job-") as folder:
            file = Path(folder) / "progress"
            telling = db.spawn(self._tell(claim.job.id, file), name="job progress")
            try:
                return await self._in_subprocess(kind, {**given, "progress_file": str(file)})
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    @staticmethod
    async def _tell(job_id: int, file: Path) -> None:
        last = -1.0
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            try:
                share = float(await asyncio.to_thread(file.read_text))
                if share > last:
                    await jobs.progress(job_id, share)
                    last = share
            except (OSError, ValueError):  # nothing was written yet
                continue

    async def _in_subprocess(self, kind: JobKind, given: Payload) -> Payload:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(os.getpid(),),
                max_tasks_per_child=TASKS_A_CHILD,
            )
        try:
            async with asyncio.timeout(kind.timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, kind.work, given)
        except (TimeoutError, BrokenProcessPool):
            self.close()
            raise


def _begin(parent: int) -> None:
    """In the subprocess: ignore Ctrl+C, which is the parent's to handle, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
