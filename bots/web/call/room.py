"""`GET /call/{token}/room`: the page's socket to the CRM: waiting, chat, what others decided.

It works before, during and after the media: a customer in the waiting room chats here, and hears here that
somebody came. Frames in: `wait`, `say`, `act`, `end`, `ping`. Out: `state`, `message`, `stored`, `error`.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bots.web import i18n, security
from bots.web.call import places
from bots.web.call.telling import line, state
from bots.web.hub import HUB
from crm import db, live_chat, live_events, live_sessions, live_views
from crm.actor import Actor
from crm.customer_view import View
from crm.errors import CrmError
from crm.happenings import Happened
from crm.live_links import Place

HEARTBEAT_SECONDS = 20.0
FRAME_BYTES = 16 * 1024
REFUSED = 4403  # the socket closes with this when the link opens nothing (any more)
LOOK_SECONDS = 30.0  # from look to look at what is said to one who waits
QUEUE_MOVES = frozenset(f"live.{act}" for act in ("waiting", "started", "stepped_out", "missed", "cancelled"))
AWAY_SECONDS = 20.0  # a waiting customer whose page is gone for so long has stepped out
# Acts that a page tells of, each with the sides that may.
EVERYBODY = ("customer", "staff", "expert")
TOLD = {"camera": EVERYBODY, "mic": EVERYBODY, "torch": ("customer",), "guided": ("staff",)}

log = structlog.get_logger(__name__)


class Rooms:
    """The open pages of this process, by session; one watcher tells them what happened."""

    def __init__(self) -> None:
        self.open: dict[int, set[RoomSocket]] = defaultdict(set)
        self.pace = security.RateLimit(rate=10.0, burst=100)

    async def run(self, app: web.Application) -> None:
        with app[HUB].watch() as queue:
            while True:
                self._tell(await queue.get())

    def _tell(self, happened: Happened | None) -> None:
        if happened is None:
            for sockets in self.open.values():
                for socket in sockets:
                    socket.wake()
            return
        if happened.kind.startswith(("live.", "recording.")):
            for socket in self.open.get(happened.data.get("live_id", 0), ()):
                socket.wake()
            if happened.kind in QUEUE_MOVES:
                self._queue_moved()

    def _queue_moved(self) -> None:
        """Who waits hears their place anew."""
        for sockets in self.open.values():
            for socket in sockets:
                if socket.waits:
                    socket.wake()


ROOMS = web.AppKey("call_rooms", Rooms)


class RoomSocket:
    """One open page of a participant."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse, place: Place) -> None:
        self.request, self.ws, self.place = request, ws, place
        self.lang = places.language(request, place)
        self.waits = False
        self._seq = 0
        self._news = asyncio.Event()
        self._told: dict[str, Any] = {}

    # -- what the hub tells

    def wake(self) -> None:
        self._news.set()

    def changed(self, view: View) -> None:
        self._news.set()

    def finished(self, frame: str) -> None:
        """Nothing waits for an answer of the bot's here."""

    def typing(self) -> None:
        if not self.ws.closed:
            db.spawn(self._send({"type": "typing"}))

    # -- running

    async def run(self) -> None:
        hub, session = self.request.app[HUB], self.place.session
        rooms = self.request.app[ROOMS]
        rooms.open[session.id].add(self)
        if session.conversation_id is not None:
            hub.follow(session.conversation_id, self)
        telling = db.spawn(self._tell(), name="call-room")
        self.wake()
        try:
            async for message in self.ws:
                if message.type is WSMsgType.TEXT:
                    await self._receive(message.data)
        finally:
            hub.leave(session.conversation_id, self)
            rooms.open[session.id].discard(self)
            if not rooms.open[session.id]:
                del rooms.open[session.id]
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            if self.waits:
                db.spawn(self._step_out(), name="call-stepped-out")

    async def _step_out(self) -> None:
        await asyncio.sleep(AWAY_SECONDS)
        mine = self.place.participant.id
        others = self.request.app[ROOMS].open.get(self.place.session.id, ())
        if not any(other.place.participant.id == mine for other in others):
            with contextlib.suppress(CrmError):
                await live_sessions.step_out(mine, datetime.now(UTC))

    async def _tell(self) -> None:
        """Send what is new whenever something happened."""
        while True:
            await self._something_new()
            self._news.clear()
            try:
                await self._send_news()
            except ConnectionResetError:
                return
            except Exception as error:
                log.warning("call_room_failed", error=type(error).__name__, exc_info=True)
                await asyncio.sleep(1.0)
                self._news.set()

    async def _something_new(self) -> None:
        """Something happened; or time passed for one who waits: staff came or went, the hours ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS if self.waits else None):
                await self._news.wait()

    async def _send_news(self) -> None:
        whole = await live_views.whole(self.place.session.id)
        self.place = Place(self.place.participant, whole.session)
        self.waits = whole.session.status == "waiting" and self.place.participant.side == "customer"
        told = await state(self.request, whole, self.place.participant, self.lang)
        if told != self._told:
            self._told = told
            await self._send(told)
        while said := await live_chat.since(whole.session, self._seq):
            for one in said:
                if live_chat.is_way_in(one):
                    self._seq = one.seq  # they are here already
                    continue
                await self._send(line(one, self.place.participant, self.lang))
                self._seq = one.seq
            if len(said) < live_chat.PAGE:
                return

    # -- frames in

    async def _receive(self, text: str) -> None:
        frame: dict[str, Any] = {}
        try:
            parsed = orjson.loads(text)
            frame = parsed if isinstance(parsed, dict) else {}
            if not self.request.app[ROOMS].pace.take(str(self.place.participant.id), time.monotonic()):
                await self._send({"type": "error", "id": frame.get("id"), "code": "busy", "text": ""})
                return
            await self._act(frame)
        except orjson.JSONDecodeError:
            await self._send({"type": "error", "id": None, "code": "bad_frame", "text": ""})
        except CrmError as error:
            fault = places.fault(self.request, error)
            await self._send({"type": "error", "id": frame.get("id"), **fault})

    async def _act(self, frame: dict[str, Any]) -> None:
        kind, now = frame.get("type"), datetime.now(UTC)
        participant = self.place.participant
        if kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "wait" and participant.side == "customer":
            await live_sessions.wait(participant.id, now)
        elif kind == "say":
            await self._say(frame, now)
        elif kind == "act":
            await self._told_act(frame, now)
        elif kind == "end" and participant.side in ("customer", "staff"):
            await self._end(now)

    async def _say(self, frame: dict[str, Any], now: datetime) -> None:
        name, text = str(frame.get("id") or "")[:100], str(frame.get("text") or "")
        given = frame.get("files")
        tokens = [str(token) for token in given[:10]] if isinstance(given, list) else []
        if not name or not (text.strip() or tokens):
            await self._send({"type": "error", "id": name or None, "code": "bad_frame", "text": ""})
            return
        actor = await places.actor_of(self.place.participant)
        await live_chat.say(
            self.place.participant, self.place.session, name, text, actor=actor, files_of=tokens, now=now
        )
        await self._send({"type": "stored", "id": name})

    async def _told_act(self, frame: dict[str, Any], now: datetime) -> None:
        kind, data = str(frame.get("kind")), frame.get("data")
        if self.place.participant.side not in TOLD.get(kind, ()):
            return
        await live_events.record(
            self.place.session.id, kind, participant_id=self.place.participant.id,
            data=data if isinstance(data, dict) else {}, now=now,
        )  # fmt: skip

    async def _end(self, now: datetime) -> None:
        """Hang up for everybody; before the call began the customer calls it off."""
        session = self.place.session
        actor = await places.actor_of(self.place.participant) or Actor("contact", session.contact_id)
        current = await live_views.whole(session.id)
        if current.session.status == "live":
            await live_sessions.end(session.id, actor, now=now)
        elif actor.kind == "contact":
            await live_sessions.cancel(actor, session.id, now=now)

    async def _send(self, frame: dict[str, Any]) -> None:
        await self.ws.send_str(orjson.dumps(frame).decode())


async def connect(request: web.Request) -> web.StreamResponse:
    """Open the socket for the browser that the link belongs to."""
    if not security.origin_allowed(request):
        raise web.HTTPForbidden(text="origin")
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=FRAME_BYTES)
    if not ws.can_prepare(request).ok:
        raise web.HTTPUpgradeRequired(text="websocket", headers={"Upgrade": "websocket"})
    await ws.prepare(request)
    try:
        place = await places.own(request)
    except CrmError:
        await ws.close(code=REFUSED)
        return ws
    request[i18n.LANG] = places.language(request, place)
    with contextlib.suppress(ConnectionResetError):
        await RoomSocket(request, ws, place).run()
    return ws


async def _close_all(app: web.Application) -> None:
    sockets = [socket.ws for room in app[ROOMS].open.values() for socket in room]
    going = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in sockets)
    await asyncio.gather(*going, return_exceptions=True)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """Run the watcher as long as the application; stands after the hub in `app.cleanup_ctx`."""
    task = db.spawn(app[ROOMS].run(app), name="call-rooms")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def routes(app: web.Application) -> None:
    app[ROOMS] = Rooms()
    app.cleanup_ctx.append(lifespan)
    app.on_shutdown.append(_close_all)
    app.router.add_get("/call/{token}/room", connect)
