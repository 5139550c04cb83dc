"""Makes the desktop agent's archive when it is first needed: staff ask for remote control, there is none."""

import asyncio
import contextlib
import fcntl
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

PAUSE_SECONDS: Final = 600.0  # after a build that failed
MARK: Final = "building"  # a file that is locked while a build goes on, so that every front sees it
FAILED: Final = b"failed"  # what it holds after one that failed

log = structlog.get_logger(__name__)


class Building:
    """One build at a time, at the lowest priority, in a process of its own that ends with ours."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._mark = assist_archive.folder(data_dir) / MARK
        self._task: asyncio.Task[None] | None = None

    @property
    def going_on(self) -> bool:
        """Whether an archive is being made, by whichever front. A lock ends with whoever held it, so a build
        that was killed is not taken for one that goes on."""
        try:
            mark = os.open(self._mark, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _locked(mark, fcntl.LOCK_SH)
        finally:
            os.close(mark)

    def wanted(self, server: str) -> None:
        """Make it for this address unless it is there, or on its way."""
        made = assist_archive.find(self._data_dir)
        if sys.platform != "linux" or (made is not None and made.server == server) or self._failed_just_now():
            return
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        mark = os.open(self._mark, os.O_RDWR | os.O_CREAT, 0o600)
        if not _locked(mark, fcntl.LOCK_EX):  # on its way
            os.close(mark)
            return
        os.ftruncate(mark, 0)
        self._task = asyncio.create_task(self._build(server, mark), name="assist-archive")

    async def stop(self) -> None:
        """End a build that still runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _failed_just_now(self) -> bool:
        try:
            late = time.time() - self._mark.stat().st_mtime > PAUSE_SECONDS
            return not late and self._mark.read_bytes() == FAILED
        except FileNotFoundError:
            return False

    async def _build(self, server: str, mark: int) -> None:
        """`mark` is the locked file; the process below holds it as well, in case that this one is killed."""
        nice = [nice, "-n", "19"] if (nice := shutil.which("nice")) else []
        words = [*nice, sys.executable, "-m", "bots.assist_archive", str(self._data_dir), server]
        try:
            process = await asyncio.create_subprocess_exec(
                *words, cwd=assist_archive.ROOT, start_new_session=True, pass_fds=[mark]
            )
            try:
                failed = await process.wait()
            except asyncio.CancelledError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)  # PyInstaller runs below it
                raise
            if failed:
                os.write(mark, FAILED)
                log.warning("assist_archive_failed", status=failed)
            else:
                log.info("assist_archive_made", server=server)
        finally:
            os.close(mark)


def _locked(file: int, how: int) -> bool:
    """Lock it unless somebody else has it locked."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


BUILDING = web.AppKey("assist_building", Building)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """End with the application."""
    yield
    await app[BUILDING].stop()
