"""Frames on their way to one page, and how many it may send."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import web

from media.members import Frame

QUEUE: Final = 512  # frames waiting for a page; more means it reads no longer
RATE: Final = 60.0  # frames a second from a page: a pointer moves 30 times a second at most
BURST: Final = 180.0


class SocketPost:
    """Writes to a socket in order, off the room's way."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self._queue: asyncio.Queue[Frame | int] = asyncio.Queue(maxsize=QUEUE)
        self._task = asyncio.create_task(self._write(), name="frames to a page")

    def send(self, frame: Frame) -> None:
        """Queue a frame; a page that does not keep up is cut off and comes again."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self._task.cancel()

    def close(self, code: int) -> None:
        """Close after what is queued."""
        try:
            self._queue.put_nowait(code)
        except asyncio.QueueFull:
            self._task.cancel()

    async def finish(self) -> None:
        """The socket is done with: stop writing once what is queued has gone."""
        self.close(1000)
        try:
            async with asyncio.timeout(3.0):
                await asyncio.gather(self._task, return_exceptions=True)
        except TimeoutError:
            self._task.cancel()

    async def _write(self) -> None:
        try:
            while True:
                item = await self._queue.get()
                if isinstance(item, int):
                    await self._ws.close(code=item)
                    return
                await self._ws.send_str(json.dumps(item, ensure_ascii=False, separators=(",", ":")))
        except (ConnectionError, asyncio.CancelledError):
            if not self._ws.closed:
                await self._ws.close(code=1008)


class Pace:
    """A token bucket for the frames of one page."""

    def __init__(self) -> None:
        self._left, self._at = BURST, 0.0

    def take(self, now: float) -> bool:
        """Whether one more frame is allowed at `now` (monotonic s)."""
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
