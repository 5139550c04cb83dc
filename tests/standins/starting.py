"""Starts a stand-in as a process of its own, and waits for what shall happen: for the stand-ins' clients."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@contextmanager
def started(module: str, *arguments: str) -> Iterator[str]:
    """`tests.standins.<module>` on a free port until the block ends; gives the line that it says when it
    listens. Its address is the last word."""
    command = (sys.executable, "-m", f"tests.standins.{module}", "--port", "0", *arguments)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            line = running.stdout.readline().strip()
            assert line, f"{module} ended at its start"
            yield line
        finally:
            running.kill()


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
    """Look again and again until something is there, and return it."""
    for _ in range(int(seconds / 0.05)):
        if found := await look():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"nothing within {seconds:g} s")
