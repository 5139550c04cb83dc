"""The ticker: an in-memory clock that looks at due rows. Any number of processes may tick.

What is due lies in the database, and each tick takes it there (once, by its own conditions), so a missed or
doubled tick does no harm.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bots.worker import utc_now
from crm import db, lanes

log = structlog.get_logger()


@dataclass(frozen=True)
class Tick:
    """Something to look at every so often: `run` takes what is due at `now`, idempotently."""

    name: str
    every_seconds: float
    run: Callable[[datetime], Awaitable[Any]]


class Ticker:
    """Runs ticks on the event loop; one that still runs is not started again, one that fails is logged."""

    def __init__(self, ticks: Sequence[Tick], *, now: Callable[[], datetime] = utc_now) -> None:
        self._ticks = ticks
        self._now = now
        self._scheduler: Any = None
        self.failures = 0

    def start(self) -> None:
        """Begin: each tick soon, in turn, and then at its interval, spread by a tenth.

        Soon, since a process that restarts every day would never come to a daily tick.
        """
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for place, tick in enumerate(self._ticks, 1):
            self._scheduler.add_job(
                self._run,
                "interval",
                seconds=tick.every_seconds,
                jitter=tick.every_seconds / 10,
                args=[tick],
                id=tick.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
                next_run_time=utc_now() + timedelta(seconds=min(tick.every_seconds, place)),
            )
        self._scheduler.start()

    def stop(self) -> None:
        """Start no more ticks."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def once(self) -> None:
        """Every tick now, in order: at the start of a process, and in tests."""
        for tick in self._ticks:
            await self._run(tick)

    async def _run(self, tick: Tick) -> None:
        try:
            await db.retried(lambda: tick.run(self._now()))
        except Exception as error:
            self.failures += 1
            log.error("tick.failed", tick=tick.name, fault=lanes.fault(error), at=lanes.place(error))
