"""Processes of `benchmarks.durability`, started again when they die, and held back when asked."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PERIOD = 0.04  # seconds in which a worker that is held back runs once


class Fleet:
    """Processes of some roles, each started again when it dies."""

    def __init__(self, url: str, folder: Path, roles: dict[str, tuple[str, ...]]) -> None:
        self._url, self._folder, self._roles = url, folder, roles
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self._held: list[asyncio.Task[None]] = []

    async def start(self, name: str) -> None:
        role, *numbers = self._roles[name]
        self.running[name] = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "benchmarks.durability_roles",
                role,
                self._url,
                str(self._folder),
                *numbers,
            ),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    async def start_all(self) -> None:
        for name in self._roles:
            await self.start(name)

    async def kill(self, name: str) -> None:
        """kill -9, and a new one at once."""
        process = self.running[name]
        if process.returncode is None:
            process.kill()
        await process.wait()
        await self.start(name)

    async def stop_for(self, name: str, seconds: float) -> None:
        """Stopped past its lease, then resumed, while others go on."""
        process = self.running[name]
        if process.returncode is None:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)

    def hold_back(self, share: float) -> None:
        """From now on each process runs for this share of the time, one after the other as far as it goes."""
        lag = PERIOD / len(self.running)
        for at, process in enumerate(self.running.values()):
            self._held.append(asyncio.create_task(_held_back(process, share, at * lag)))

    async def end(self) -> None:
        for held in self._held:
            held.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)
        for process in self.running.values():
            if process.returncode is None:
                process.terminate()
        for process in self.running.values():
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _held_back(process: asyncio.subprocess.Process, share: float, lag: float) -> None:
    try:
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(lag)
        while process.returncode is None:
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(PERIOD * share)
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(PERIOD * (1 - share))
    except ProcessLookupError:
        return
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
