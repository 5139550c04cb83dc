"""Makes the desktop agent's archive when it is first needed: staff ask for remote control, there is none."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from bots import assist_archive

GIVEN_UP_SECONDS: Final = 600.0  # a build that takes longer died; also the pause after one that failed
MARK: Final = "building"  # a file: every front sees that one of them is at it

log = structlog.get_logger(__name__)


class Building:
    """One build at a time, at the lowest priority, in a process of its own that ends with ours."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._mark = assist_archive.folder(data_dir) / MARK
        self._task: asyncio.Task[None] | None = None

    @property
    def going_on(self) -> bool:
        """Whether an archive is being made, by whichever front."""
        try:
            return time.time() - self._mark.stat().st_mtime < GIVEN_UP_SECONDS
        except FileNotFoundError:
            return False

    def wanted(self, server: str) -> None:
        """Make it for this address unless it is there, or on its way."""
        made = assist_archive.find(self._data_dir)
        if sys.platform != "linux" or self.going_on or (made is not None and made.server == server):
            return
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        self._mark.touch()
        self._task = asyncio.create_task(self._build(server), name="assist-archive")

    async def stop(self) -> None:
        """End a build that still runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _build(self, server: str) -> None:
        nice = [nice, "-n", "19"] if (nice := shutil.which("nice")) else []
        words = [*nice, sys.executable, "-m", "bots.assist_archive", str(self._data_dir), server]
        process = await asyncio.create_subprocess_exec(
            *words, cwd=assist_archive.ROOT, start_new_session=True
        )
        try:
            failed = await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)  # PyInstaller runs below it
            self._mark.unlink(missing_ok=True)
            raise
        if failed:
            log.warning("assist_archive_failed", status=failed)  # the mark stays: not again at once
            return
        self._mark.unlink(missing_ok=True)
        log.info("assist_archive_made", server=server)


BUILDING = web.AppKey("assist_building", Building)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """End with the application."""
    yield
    await app[BUILDING].stop()
