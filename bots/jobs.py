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

from bots.lane_runner import LaneRunner
from bots.worker import utc_now
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
        self._runner = LaneRunner(
            "job",
            jobs.claim,
            self._job,
            at_once=workers,
            holder=self.holder,
            now=lambda: self._now(),
        )
        self.results = {"done": 0, "failed": 0}

    async def run(self) -> None:
        """Until `stop`: then let the jobs in hand end."""
        try:
            await self._runner.run()
        finally:
            self.close()

    def stop(self) -> None:
        """Ask `run` to end soon."""
        self._runner.stop()

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
        return await self._runner.drain()

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
            raise
        except Exception as error:
            self.results["failed"] += 1
            log.warning("job.failed", job_id=job.id, fault=lanes.fault(error), at=lanes.place(error))
            with contextlib.suppress(lanes.LaneLost):
                await jobs.failed(claim, lanes.fault(error), self._now())

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
