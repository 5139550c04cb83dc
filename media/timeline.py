"""The acts of a room on their way into the journal: in order, in batches, again after a fault."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog

from media.ports import ACTS, Act, Journal

log = structlog.get_logger()

FLUSH_SECONDS: Final = 0.5  # what a killed process may lose of the timeline
BATCH: Final = 200
KEEP: Final = 10_000  # acts kept while the database is away; then the oldest pointer acts go first


class Timeline:
    """Collects acts of one room and writes them."""

    def __init__(self, room: str, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._room, self._journal, self._clock = room, journal, clock
        self._acts: deque[Act] = deque()
        self._waiting = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name=f"timeline of {room}")

    def note(self, kind: str, participant: str = "", **details: Any) -> None:
        """Add an act that happened now."""
        if kind not in ACTS:
            raise KeyError(kind)
        if len(self._acts) >= KEEP:
            self._forget_one()
        self._acts.append(Act(kind, self._clock(), participant, details))
        self._waiting.set()

    async def close(self) -> None:
        """Write what is left."""
        self._closing = True
        self._waiting.set()
        await self._task

    def _forget_one(self) -> None:
        least = next((act for act in self._acts if act.kind == "pointed"), self._acts[0])
        self._acts.remove(least)
        log.warning("media.act_lost", room=self._room, act=least.kind)

    async def _run(self) -> None:
        pause = FLUSH_SECONDS
        while not self._closing or self._acts:
            await self._waiting.wait()
            if not self._closing:
                await asyncio.sleep(pause)
            batch = [self._acts[i] for i in range(min(BATCH, len(self._acts)))]
            try:
                if batch:
                    await self._journal.record(self._room, batch)
            except Exception as fault:
                log.warning("media.journal", room=self._room, fault=type(fault).__name__)
                if self._closing and pause > 4.0:
                    log.error("media.acts_lost", room=self._room, count=len(self._acts))
                    return
                pause = min(pause * 2, 10.0)
                await asyncio.sleep(pause if self._closing else 0)
                continue
            pause = FLUSH_SECONDS
            for _ in batch:
                self._acts.popleft()
            if not self._acts:
                self._waiting.clear()
                if self._closing:
                    return
