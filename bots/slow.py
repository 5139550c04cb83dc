"""The jobs process: slow work in a pool of subprocesses, off the loop that answers customers."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from bots import exports, transcripts, wiring
from bots.jobs import JobKind, JobRunner
from bots.settings import Settings
from crm import db, processes

log = structlog.get_logger()
HEARTBEAT_SECONDS = 5.0


def kinds(settings: Settings) -> Sequence[JobKind]:
    """Every kind of job, by the room that brings it."""
    return (transcripts.kind(settings.stt_model), exports.kind(settings.data_dir / "exports"))


async def run(settings: Settings) -> None:
    """Work on jobs until SIGTERM or SIGINT."""
    async with wiring.connected(settings):
        transcripts.warn(settings.stt_model)
        await transcripts.again(datetime.now(UTC))
        runner = JobRunner(kinds(settings))
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, runner.stop)
        beat = db.spawn(_beat(runner))
        try:
            await runner.run()
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            await processes.gone(runner.holder)


async def _beat(runner: JobRunner) -> None:
    while True:
        with contextlib.suppress(OSError):
            await processes.heartbeat(
                runner.holder, "jobs", now=datetime.now(UTC), metrics={"jobs": runner.results}
            )
        await asyncio.sleep(HEARTBEAT_SECONDS)
