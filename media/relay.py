"""From a page's socket to the media process of its room, and back. Fronts use it, and media processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

import aiohttp
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from media.frames import MAX_FRAME
from media.ports import Place, Registry

log = structlog.get_logger()

HELLO_SECONDS: Final = 10.0
OPEN_SECONDS: Final = 3.0  # to connect to a media process before the next is tried
PING_SECONDS: Final = 15.0  # a page that answers no ping for so long is gone
MOVED: Final = 4900  # between processes only: the room is at the address in the reason
RELAYED: Final = "X-Dangol-Relayed"  # header of a relay's own connection
BUSY: Final = 1013
HOPS: Final = 4
WAIT_SECONDS: Final = 5.0  # for a place where there is none: a process that died is back in two or three
LOOK_SECONDS: Final = 0.1  # between two looks for one; all sockets that wait share them
AGAIN_SECONDS: Final = 0.5  # before a place that could not take a socket is tried again
PATH: Final = "/call/socket"


def page_socket() -> web.WebSocketResponse:
    """The socket of a page, with the limits that every page has."""
    return web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=MAX_FRAME, compress=False)


async def first_text(ws: web.WebSocketResponse) -> str | None:
    """The first text of a socket; None when it does not come in time."""
    try:
        message = await ws.receive(timeout=HELLO_SECONDS)
    except TimeoutError:
        return None
    return str(message.data) if message.type is WSMsgType.TEXT else None


class Relay:
    """Connects sockets of pages with media processes."""

    def __init__(
        self, registry: Registry, clock: Callable[[], datetime], *, patience: float = WAIT_SECONDS
    ) -> None:
        """`patience`: the seconds a page waits where no process can take its room."""
        self._registry, self._clock, self._patience = registry, clock, patience
        self._session: aiohttp.ClientSession | None = None
        self._looking: asyncio.Task[Sequence[Place]] | None = None
        self._looked_at = 0.0

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        if self._session is not None:
            await self._session.close()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """A page's socket at the front."""
        ws = page_socket()
        with contextlib.suppress(ConnectionResetError):  # the page is gone, as its network may be at any time
            await ws.prepare(request)
            hello = await first_text(ws)
            if hello is None:
                await ws.close(code=WSCloseCode.POLICY_VIOLATION)
            else:
                await self.connect(ws, hello)
        return ws

    async def connect(self, ws: web.WebSocketResponse, hello: str, address: str | None = None) -> None:
        """Relay until either side closes; `address`: where the room is, if that is known.

        Where no process can take the room it waits for one, then answers `busy`.
        """
        loop = asyncio.get_running_loop()
        give_up, hops = loop.time() + self._patience, 0
        tried: dict[str, float] = {}  # address: when it may be tried again
        while not ws.closed and hops < HOPS:
            address = address or await self._best({one for one, at in tried.items() if at > loop.time()})
            if address is None:
                if loop.time() >= give_up:
                    break
                await asyncio.sleep(LOOK_SECONDS)
                continue
            code, reason = await self._through(ws, hello, address)
            if code not in (None, BUSY, MOVED):
                await ws.close(code=code, message=reason.encode())
                return
            tried[address] = loop.time() + AGAIN_SECONDS
            address = None
            if code == MOVED:
                address, hops = reason, hops + 1
        if not ws.closed:
            await ws.send_json({"type": "error", "code": "busy", "frame": "hello"})
            await ws.close(code=BUSY)

    async def _best(self, tried: Collection[str]) -> str | None:
        """The least loaded process that takes new rooms, else any; it knows whose the room is."""
        try:
            places = await self._places()
        except Exception as fault:
            log.warning("media.registry", fault=type(fault).__name__)
            return None
        left = [place for place in places if place.address not in tried]
        left.sort(key=lambda place: (not place.accepts, place.load))
        return left[0].address if left else None

    async def _places(self) -> Sequence[Place]:
        """The processes, at most `LOOK_SECONDS` old: after a death every page of a front asks at once."""
        now = asyncio.get_running_loop().time()
        if self._looking is None or (self._looking.done() and now - self._looked_at > LOOK_SECONDS):
            self._looked_at = now
            self._looking = asyncio.create_task(self._registry.places(self._clock()), name="media places")
        return await asyncio.shield(self._looking)

    async def _through(self, ws: web.WebSocketResponse, hello: str, address: str) -> tuple[int | None, str]:
        """Relay by one process; the code it closed with, None when it could not be reached."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=OPEN_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        try:
            inner = await self._session.ws_connect(
                address + PATH, headers={RELAYED: "1"}, max_msg_size=0, compress=0
            )
            await inner.send_str(hello)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None, ""
        outward = asyncio.create_task(self._outward(ws, inner))
        inward = asyncio.create_task(self._inward(ws, inner))
        try:
            await asyncio.wait({outward, inward}, return_when=asyncio.FIRST_COMPLETED)
            if outward.done():
                return outward.result()
            return 1000, ""
        finally:
            for task in (outward, inward):
                task.cancel()
            await asyncio.gather(outward, inward, return_exceptions=True)
            await inner.close()

    @staticmethod
    async def _outward(
        ws: web.WebSocketResponse, inner: aiohttp.ClientWebSocketResponse
    ) -> tuple[int | None, str]:
        while True:
            message = await inner.receive()
            if message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
            elif message.type is WSMsgType.CLOSE:
                return int(message.data), str(message.extra or "")
            elif message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return WSCloseCode.SERVICE_RESTART, ""  # it died: the page comes again

    @staticmethod
    async def _inward(ws: web.WebSocketResponse, inner: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                await inner.send_str(message.data)
