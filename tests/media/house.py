"""The rest of the house, in memory: what `media.ports` asks for, strictly, for tests of the room alone."""

import asyncio
import contextlib
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from media.ports import ACTS, Act, Place, Ports, Refused, Seat, Segment
from media.relay import Relay
from media.server import Config, MediaProcess
from media.turn import Turn
from media.udp import local_addresses

CUSTOMER, STAFF = frozenset({"speak", "point"}), frozenset({"speak", "point", "record", "control", "admit"})
STATIC = Path(__file__).parent.parent.parent / "bots" / "web" / "static" / "call"
PAGE = Path(__file__).parent / "page.html"


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so. Raises `TimeoutError`."""
    for _ in range(int(seconds * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it never became so")


def clock() -> datetime:
    return datetime.now(UTC)


def seat(room: str, participant: str, role: Any = "customer", **more: Any) -> Seat:
    rights = CUSTOMER if role in ("customer", "agent") else STAFF
    return Seat(
        room, participant, role, more.pop("name", participant), "ko", more.pop("rights", rights), **more
    )


@dataclass
class House:
    """Everything the ports keep."""

    folder: Path
    seats: dict[str, Seat] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    acts: dict[str, list[Act]] = field(default_factory=lambda: defaultdict(list))
    transfers: list[tuple[str, str, str, str]] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)
    pins: dict[str, str] = field(default_factory=dict)
    alive: dict[str, Place] = field(default_factory=dict)
    agreed: dict[tuple[str, str], bool] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)
    rooms: dict[int, str] = field(default_factory=dict)
    kept: list[Segment] = field(default_factory=list)
    closed: dict[int, str] = field(default_factory=dict)
    recordings: Any = None  # another store than `Recordings`

    def ports(self) -> Ports:
        store = (self.recordings or Recordings)(self)
        return Ports(Tickets(self), Registry(self), Journal(self), Consents(self), store)

    def kinds(self, room: str) -> list[str]:
        """The kinds of a room's acts, in order."""
        return [act.kind for act in self.acts[room]]


@dataclass
class Tickets:
    house: House

    async def resolve(self, token: str, browser: str, now: datetime) -> Seat:
        found = self.house.seats.get(token)
        if found is None:
            raise Refused("unknown_token")
        if found.expires_at is not None and found.expires_at <= now:
            raise Refused("expired")
        if self.house.bound.setdefault(token, browser) != browser:
            raise Refused("bound_elsewhere")
        if found.room in self.house.over:
            raise Refused("ended")
        return found


@dataclass
class Registry:
    house: House

    async def heartbeat(self, place: Place, now: datetime) -> None:
        self.house.alive[place.process] = place

    async def gone(self, process: str) -> None:
        self.house.alive.pop(process, None)
        for room in [room for room, holder in self.house.pins.items() if holder == process]:
            del self.house.pins[room]

    async def places(self, now: datetime) -> Sequence[Place]:
        return sorted(self.house.alive.values(), key=lambda place: place.load)

    async def hold(self, room: str, process: str, now: datetime) -> str:
        holder = self.house.pins.get(room)
        if holder not in self.house.alive:
            self.house.pins[room] = process
        return self.house.pins[room]

    async def release(self, room: str, process: str) -> None:
        if self.house.pins.get(room) == process:
            del self.house.pins[room]

    async def holder(self, room: str, now: datetime) -> str | None:
        holder = self.house.pins.get(room)
        return holder if holder in self.house.alive else None


@dataclass
class Journal:
    house: House

    async def record(self, room: str, acts: Sequence[Act]) -> None:
        assert all(act.kind in ACTS and act.at.tzinfo for act in acts)
        self.house.acts[room] += acts

    async def transfer(self, room: str, by: str, to: str, note: str, now: datetime) -> None:
        self.house.transfers.append((room, by, to, note))

    async def ended(self, room: str, reason: str, now: datetime) -> None:
        self.house.ends.append((room, reason))
        self.house.over.add(room)


@dataclass
class Consents:
    house: House

    async def give(
        self, room: str, participant: str, *, agreed: bool, asking: bool = False, now: datetime
    ) -> None:
        self.house.agreed[room, participant] = agreed

    async def missing(self, room: str, participants: Sequence[str], now: datetime) -> Sequence[str]:
        return [one for one in participants if not self.house.agreed.get((room, one))]


@dataclass
class Recordings:
    house: House

    async def open(self, room: str, now: datetime) -> tuple[int, bytes]:
        number = len(self.house.keys) + 1
        self.house.keys[number], self.house.rooms[number] = os.urandom(32), room
        return number, self.house.keys[number]

    async def unfinished(self, room: str, now: datetime) -> int | None:
        return next(
            (n for n, r in self.house.rooms.items() if r == room and n not in self.house.closed), None
        )

    async def key(self, recording: int) -> bytes | None:
        return self.house.keys.get(recording)

    async def keep(self, segment: Segment) -> None:
        target = self.house.folder / segment.path.name
        await asyncio.to_thread(shutil.move, segment.path, target)
        self.house.kept.append(segment)

    async def close(self, recording: int, reason: str, now: datetime) -> None:
        self.house.closed[recording] = reason


@contextlib.asynccontextmanager
async def process(house: House, name: str = "p1", **more: Any) -> AsyncIterator[MediaProcess]:
    """A media process on loopback."""
    turn = more.pop("turn", Turn())
    settings = {"folder": house.folder / "parts", "udp_ports": range(42000, 42400), **more}
    config = Config(local_addresses(loopback=True), turn=turn, **settings)
    made = MediaProcess(name, house.ports(), config, clock)
    app = web.Application()
    made.routes(app)
    async with serving(app) as url:
        await made.start(url)
        try:
            yield made
        finally:
            await made.stop()


async def page(request: web.Request) -> web.FileResponse:
    """A page that uses the module of the pages."""
    return web.FileResponse(PAGE)


@contextlib.asynccontextmanager
async def front(house: House, **options: Any) -> AsyncIterator[str]:
    """A front that relays, with the module of the pages and a page that uses it."""
    relay = Relay(Registry(house), clock, **options)
    app = web.Application()
    app.router.add_get("/call/{token}/socket", relay.handle)
    app.router.add_static("/static/call", STATIC)
    app.router.add_get("/page", page)
    async with serving(app) as url:
        yield url
    await relay.close()


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
