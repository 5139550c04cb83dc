"""A media process: its UDP port, its rooms, and the sockets that reach them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import WSMsgType, web

from media import frames
from media.backend import MediaBackend, PeerBackend
from media.forward import ForwardBackend
from media.members import Member
from media.ports import Place, Ports, Refused, Seat
from media.posting import Pace, SocketPost
from media.recording import Studio
from media.relay import MOVED, PATH, RELAYED, Relay, first_text, page_socket
from media.room import Room
from media.turn import Turn
from media.udp import UdpPort

log = structlog.get_logger()

TICK_SECONDS: Final = 0.2
BEAT_SECONDS: Final = 3.0
MEND_SECONDS: Final = 60.0  # between looks for recordings whose process died
FIRST_MEND_SECONDS: Final = 4.0  # after the start: those whose call broke off come back first
FULL_LOAD: Final = (
    0.70  # of a core: a new room is not forwarded any more; the rest is for the rooms there are
)
LATE_SECONDS: Final = 0.15  # by which the loop is late on average when its load counts as 1: voice breaks up
LATE_SHARE: Final = 0.05  # of a tick in that average, which so looks back over some 4 s
CLOSE_CODES: Final[Mapping[str, int]] = {"full": 4004, "internal": 1011, "busy": 1013}
REFUSED: Final = 4003


@dataclass(frozen=True)
class Config:
    """What the composition root decides for a media process."""

    addresses: Sequence[str]  # to bind for media
    udp_ports: Sequence[int]
    public_ip: str = ""
    turn: Turn = field(default_factory=Turn)
    folder: Path = Path("recordings")  # where recordings lie until they are handed over
    full_load: float = FULL_LOAD


class MediaProcess:
    """Rooms of this process. `name` is its holder's name in the registry, `address` where fronts reach it."""

    def __init__(self, name: str, ports: Ports, config: Config, clock: Callable[[], datetime]) -> None:
        self.name, self._ports, self._config, self._clock = name, ports, config, clock
        self.address = ""
        self.rooms: dict[str, Room] = {}
        self._share, self._late = 0.0, 0.0  # of a core; seconds by which the clock's ticks come late
        self._udp = UdpPort(config.addresses, config.udp_ports, config.public_ip)
        self._studio = Studio(config.folder, ports, clock)
        self._relay = Relay(ports.registry, clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False

    @property
    def load(self) -> float:
        """0 to 1 and beyond: the share of a core that this process uses, or how late its loop is where it is
        not given more, whichever is worse. Both smoothed over some seconds."""
        return max(self._share, self._late / LATE_SECONDS)

    @property
    def udp_port(self) -> int:
        """The UDP port for voice and pictures."""
        return self._udp.port

    def routes(self, app: web.Application) -> None:
        app.router.add_get(PATH, self.handle)
        app.router.add_get("/call/{token}/socket", self.handle)

    async def start(self, address: str) -> None:
        """Announce this process and begin its clocks."""
        self.address = address
        await self._beat()
        self._tasks = [
            asyncio.create_task(self._mend_first(), name="mending at the start"),
            asyncio.create_task(self._every(BEAT_SECONDS, self._beat), name="media heartbeat"),
            asyncio.create_task(self._every(TICK_SECONDS, self._tick), name="media ticks"),
            asyncio.create_task(self._every(MEND_SECONDS, self._mend), name="mending recordings"),
        ]

    async def stop(self) -> None:
        """Let the rooms go to other processes."""
        self._draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(room.move() for room in self.rooms.values()), return_exceptions=True)
        for room in self.rooms:
            await self._ports.registry.release(room, self.name)
        await self._ports.registry.gone(self.name)
        await self._relay.close()
        self._udp.close()
        await self._studio.close()

    # -- sockets

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """A page's socket, straight or through a relay."""
        ws, relayed = page_socket(), RELAYED in request.headers
        await ws.prepare(request)
        text = await first_text(ws)
        if text is None:
            await ws.close(code=1008)
            return ws
        try:
            hello = frames.read_hello(text)
            seat = await self._ports.tickets.resolve(hello.token, hello.browser, self._clock())
            holder = await self._ports.registry.hold(seat.room, self.name, self._clock())
            if holder != self.name:
                await self._elsewhere(ws, text, holder, relayed=relayed)
                return ws
            await self._serve(ws, seat, hello.keep)
        except Refused as refused:
            await _refuse(ws, refused.code, relayed=relayed)
        except frames.BadFrame as bad:
            await _refuse(ws, bad.code)
        except Exception as fault:
            log.error("media.socket_failed", fault=type(fault).__name__, exc_info=fault)
            await _refuse(ws, "internal")
        return ws

    async def _elsewhere(self, ws: web.WebSocketResponse, text: str, holder: str, *, relayed: bool) -> None:
        """The room is another process's."""
        places = await self._ports.registry.places(self._clock())
        address = next((place.address for place in places if place.process == holder), "")
        if not address:
            raise Refused("busy")
        if relayed:
            await ws.close(code=MOVED, message=address.encode())
        else:
            await self._relay.connect(ws, text, address)

    async def _serve(self, ws: web.WebSocketResponse, seat: Seat, keep: int) -> None:
        room = self._room(seat.room)
        post = SocketPost(ws)
        try:
            member = await room.join(seat, post, keep)
            await self._listen(ws, room, member, post)
        except Refused as refused:
            post.send(_refusal(refused.code))  # by the post, which closes the socket once this has gone
            post.close(_close_code(refused.code))
        finally:
            await post.finish()

    async def _listen(self, ws: web.WebSocketResponse, room: Room, member: Member, post: SocketPost) -> None:
        pace = Pace()
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                if not pace.take(time.monotonic()):
                    post.send({"type": "error", "code": "too_fast", "frame": None})
                    continue
                try:
                    frame = frames.read(message.data)
                except frames.BadFrame as bad:
                    post.send({"type": "error", "code": bad.code, "frame": bad.kind})
                    continue
                await room.heard(member, frame)
        finally:
            await room.lost(member, post)

    def _room(self, name: str) -> Room:
        if self._draining:
            raise Refused("busy")
        room = self.rooms.get(name)
        if room is None or room.ended is not None:
            room = Room(name, self._ports, self._clock, self._backend, self._ice, self._studio)
            self.rooms[name] = room
            log.info("media.room_opened", room=name, mode=room.media.mode)
        return room

    def _backend(self, room: Room) -> MediaBackend:
        if self.load >= self._config.full_load:
            return PeerBackend(room.members)
        made = ForwardBackend(self._udp, room.members, lambda member: room.controls.partners(member))
        made.taps = lambda member, leg: room.recording.tap(member, leg)
        return made

    def _ice(self, seat: Seat) -> list[Mapping[str, Any]]:
        return self._config.turn.ice(seat.participant, self._clock())

    # -- clocks

    async def _every(self, seconds: float, work: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception as fault:
                log.warning("media.clock", fault=type(fault).__name__, exc_info=fault)

    async def _beat(self) -> None:
        self._measure()
        accepts = self.load < self._config.full_load and not self._draining
        place = Place(self.name, self.address, len(self.rooms), self.load, accepts)
        await self._ports.registry.heartbeat(place, self._clock())
        for name, room in list(self.rooms.items()):
            if await self._ports.registry.hold(name, self.name, self._clock()) != self.name:
                log.warning("media.room_lost", room=name)
                self.rooms.pop(name)
                await room.move()

    async def _mend_first(self) -> None:
        await asyncio.sleep(FIRST_MEND_SECONDS)
        self._studio.spawn(self._mend())

    async def _mend(self) -> None:
        await self._studio.mend()

    def _measure(self) -> None:
        """The share of a core this process used since the last time, smoothed over about 10 s."""
        used, at = time.process_time(), time.monotonic()
        before = getattr(self, "_measured", (used, at))
        self._measured = (used, at)
        if at > before[1]:
            share = (used - before[0]) / (at - before[1])
            self._share += (share - self._share) * 0.3

    def _time(self, now: float) -> None:
        """A busy machine lets the loop wait: the CPU it is given says nothing of what it would need."""
        before = getattr(self, "_ticked", now - TICK_SECONDS)
        self._ticked = now
        self._late += (max(0.0, now - before - TICK_SECONDS) - self._late) * LATE_SHARE

    async def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        self._time(now)
        for name, room in list(self.rooms.items()):
            await room.tick(now)
            if room.ended is not None and self.rooms.get(name) is room:
                del self.rooms[name]
                await self._ports.registry.release(name, self.name)
                log.info("media.room_closed", room=name, reason=room.ended)


def _refusal(code: str) -> dict[str, str]:
    return {"type": "error", "code": code, "frame": "hello"}


def _close_code(code: str) -> int:
    return CLOSE_CODES.get(code, 1008 if code in ("bad_frame", "too_large") else REFUSED)


async def _refuse(ws: web.WebSocketResponse, code: str, *, relayed: bool = False) -> None:
    with contextlib.suppress(ConnectionError):
        if not (relayed and code == "busy"):  # a relay looks for another place before the page hears of it
            await ws.send_json(_refusal(code))
        await ws.close(code=_close_code(code))
