"""`dangol serve`: every process in one group, started again when it dies, gone when we go."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()
CHILD = "_DANGOL_CHILD"  # set in the environment of what a command starts: it has warned already
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal a child gets when its parent dies
_STEADY_SECONDS = 30.0  # a process that ran this long starts again at once
_SHORTEST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Child:
    """A command to keep running: of `dangol`, or of another module."""

    name: str
    arguments: Sequence[str]
    module: str = "bots"
    later: float = 0.0  # seconds before each start: what is wanted sooner gets the processor first
    quiet: bool = False  # what it prints is for programs; its log is heard all the same


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _start(child: Child, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        child.module,
        *child.arguments,
        env={**os.environ, **environment, CHILD: "1"},
        stdout=asyncio.subprocess.DEVNULL if child.quiet else None,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


async def _keep(child: Child, environment: Mapping[str, str], stopping: asyncio.Event) -> None:
    pause = _SHORTEST_PAUSE_SECONDS
    while not stopping.is_set():
        if child.later and await _stops_within(stopping, child.later):
            return
        began = time.monotonic()
        process = await _start(child, environment)
        code = await _until_either(process, stopping)
        if stopping.is_set():
            await _stop(process)
            return
        steady = time.monotonic() - began > _STEADY_SECONDS
        log.error("process died", child=child.name, code=code, again_in_seconds=0 if steady else pause)
        if steady:  # calls and conversations wait for it
            pause = _SHORTEST_PAUSE_SECONDS
            continue
        await _stops_within(stopping, pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def _stops_within(stopping: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()


async def _until_either(process: asyncio.subprocess.Process, stopping: asyncio.Event) -> int | None:
    ended, asked = asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    return process.returncode


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def supervise(children: Sequence[Child], environment: Mapping[str, str]) -> None:
    """Run the children until SIGINT or SIGTERM; then stop them all, gently first."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    await asyncio.gather(*(_keep(child, environment, stopping) for child in children))
