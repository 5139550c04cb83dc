"""The web chat socket `GET /channels/web`: frames in and out, one object a page."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from aiohttp import WSCloseCode, WSMessage, web

from bots import logs
from bots.channels.web import (
    TEXT_MAX,
    AnyFrame,
    ChoiceFrame,
    FileFrame,
    Hello,
    Seen,
    TextFrame,
    Typing,
    WebChannel,
    clean,
    frame_id,
)
from bots.web import chat_history, chat_session, i18n, security
from bots.web.app_keys import CONFIG
from bots.web.chat_frames import Refused, id_of, language, message_frame, parse
from bots.web.chat_session import ChatSession
from bots.web.chat_visitor import introduce
from bots.web.hub import HUB
from crm import choices, customer_view, db, happenings, inbox, taking, threads
from crm.customer_view import View
from crm.errors import CrmError
from crm.models import Identity

SOCKET_MAX = 4 * 1024 * 1024  # bytes at which the socket is closed instead (status 1009)
HEARTBEAT_SECONDS = 25.0
TYPING_SECONDS = 4.0  # a page's typing is passed on once in this time

log = structlog.get_logger(__name__)


class Sockets:
    """The open pages of this process."""

    def __init__(self) -> None:
        self.open: set[ChatSocket] = set()


SOCKETS = web.AppKey("chat_sockets", Sockets)
PACE = web.AppKey("chat_pace", security.RateLimit)
DOORS = web.AppKey("chat_doors", security.RateLimit)

Writing = TextFrame | ChoiceFrame | FileFrame


class ChatSocket:
    """One open page. `sent` is the highest number given out here: everything above it is still to come."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self._request = request
        self._ws = ws
        self._config = request.app[CONFIG]
        self._hub = request.app[HUB]
        self._channel = WebChannel()
        self._session: ChatSession | None = None
        self._lang = self._config.locale
        self._conversation: int | None = None
        self._sent = 0
        self._speaker: tuple[str, str] | None = None
        self._read_seq = 0
        self._own_keys: dict[int, str] = {}
        self._done: list[str] = []
        self._view: View | None = None
        self._news = asyncio.Event()
        self._typed_at = 0.0

    async def run(self) -> None:
        """Read frames until the page leaves."""
        delivering = db.spawn(self._deliver(), name="chat-deliver")
        try:
            async for message in self._ws:
                await self._receive(message)
        finally:
            self._hub.leave(self._conversation, self)
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    # -- what the hub tells ------------------------------------------------------------------------------

    def changed(self, view: View) -> None:
        self._view = view
        self._news.set()

    def finished(self, frame: str) -> None:
        self._done.append(frame)
        self._news.set()

    def typing(self) -> None:
        if not self._ws.closed:
            db.spawn(self._send({"type": "typing"}))

    # -- frames in ---------------------------------------------------------------------------------------

    async def _receive(self, message: WSMessage) -> None:
        try:
            frame = parse(message)
            await self._act(frame)
        except Refused as refused:
            await self._refuse(refused.code, refused.frame)
        except CrmError as error:
            log.info("chat_refused", code=error.code)
            await self._refuse("not_allowed", id_of(message))
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.error("chat_failed", error=type(error).__name__, exc_info=True)
            await self._refuse("internal", id_of(message))

    async def _act(self, frame: AnyFrame) -> None:
        if isinstance(frame, Hello):
            await self._hello(frame)
        elif self._session is None:
            raise Refused("not_allowed", getattr(frame, "id", None))
        elif isinstance(frame, Writing):
            await self._store(frame, self._session)
        elif isinstance(frame, Seen):
            if self._conversation is not None:
                await self._seen(self._conversation, frame.seq, self._session)
        elif isinstance(frame, Typing):
            await self._typing()

    async def _hello(self, frame: Hello) -> None:
        if self._session is not None:
            raise Refused("not_allowed")
        self._lang = language(frame.locale) or i18n.negotiate(self._request)
        visitor = None
        if frame.visitor:
            try:
                visitor = chat_session.read_visitor(self._config, frame.visitor, datetime.now(UTC))
            except chat_session.BadVisitor as error:
                if isinstance(error, chat_session.ExpiredVisitor):
                    visitor = chat_session.still_known(self._config, frame.session, error.sub)
                if visitor is None:
                    log.info("chat_bad_visitor", reason=str(error))
                    await self._refuse("not_allowed", None, words="chat.nameless")
        room = await chat_session.open_room(frame.session, datetime.now(UTC))
        self._session = room or chat_session.open_session(self._config, frame.session, visitor)
        found = await self._latest(self._session)
        view = found[1] if found else None
        await self._send({"type": "welcome", "session": self._session.token, "seq": view.seq if view else 0})
        if view is None:
            await self._say_who("bot", "")
        else:
            if room is None and (wanted := i18n.chosen(self._request)):
                await threads.speaks(view.conversation_id, wanted)  # else their own words tell
            self._follow(view.conversation_id, view.seen_seq)
            self._read_seq = view.staff_seen_seq
            self.changed(view)

    def _follow(self, conversation_id: int, sent: int) -> None:
        self._hub.unfollow(self._conversation, self)
        self._conversation, self._sent = conversation_id, sent
        self._hub.follow(conversation_id, self)

    async def _store(self, frame: Writing, session: ChatSession) -> None:
        if not self._request.app[PACE].take(session.external_user, time.monotonic()):
            raise Refused("busy", frame.id)
        said = await self._said(frame)
        now = datetime.now(UTC)
        inbound = self._channel.parse(
            {
                "frame": frame,
                "external_user": session.external_user,
                "at": now,
                "locale": self._lang,
                "display_name": session.visitor.name if session.visitor else "",
                "said": said,
                "data": {"visitor": bool(session.visitor)},
            }
        )
        if inbound is None:
            raise Refused("bad_frame", frame.id)
        inbound = replace(inbound, channel=session.channel, channel_account=session.account)
        stored = await inbox.store(inbound, now=now)
        logs.stored(stored.inbox_id, inbound.channel, duplicate=stored.duplicate)
        await self._send({"type": "stored", "id": frame.id, "seq": stored.seq})
        if stored.conversation_id != self._conversation:
            self._follow(stored.conversation_id, 0)
            for view in await customer_view.views([stored.conversation_id]):
                self.changed(view)
        await self._hub.expect(stored.inbox_id, self, frame.id)
        await introduce(session, now=now)

    async def _said(self, frame: Writing) -> str:
        """What a choice says in words. Refuses a text too long or empty, and an unknown choice."""
        if isinstance(frame, TextFrame):
            if len(frame.text) > TEXT_MAX:
                raise Refused("too_large", frame.id)
            if not clean(frame.text):
                raise Refused("bad_frame", frame.id)
        if isinstance(frame, FileFrame):
            await self._check_upload(frame)
        if not isinstance(frame, ChoiceFrame):
            return ""
        pressed = (
            await choices.known(self._conversation, frame.value) if self._conversation is not None else None
        )
        if pressed is None:
            raise Refused("unknown_choice", frame.id)
        return choices.said(pressed)

    async def _check_upload(self, frame: FileFrame) -> None:
        found = await self._latest(self._session) if self._session else None
        about = clean(frame.description)
        if found is None or not await customer_view.describe_upload(found[0].id, frame.upload, about):
            raise Refused("not_allowed", frame.id)

    async def _latest(self, session: ChatSession) -> tuple[Identity, View | None] | None:
        return await customer_view.latest(session.channel, session.account, session.external_user)

    async def _seen(self, conversation_id: int, seq: int, session: ChatSession) -> None:
        """What another channel's customer reads here goes out no other way."""
        now = datetime.now(UTC)
        await customer_view.seen(conversation_id, seq, now=now)
        if session.channel != self._channel.name:
            await taking.shown(conversation_id, seq, now)

    async def _typing(self) -> None:
        now = time.monotonic()
        if self._conversation is None or now - self._typed_at < TYPING_SECONDS:
            return
        self._typed_at = now
        if self._speaker and self._speaker[0] == "staff":
            async with db.transaction():
                await happenings.record(
                    "message.typing", now=datetime.now(UTC), conversation_id=self._conversation
                )

    # -- frames out --------------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        """Send what is new, in order, whenever the hub says that something is."""
        while True:
            await self._news.wait()
            self._news.clear()
            done, self._done = self._done, []
            try:
                await self._send_news()
                for frame in done:
                    await self._send({"type": "done", "id": frame})
            except ConnectionResetError:
                return
            except Exception as error:
                log.error("chat_delivery_failed", error=type(error).__name__, exc_info=True)
                self._done = done + self._done
                await asyncio.sleep(1.0)
                self._news.set()

    async def _send_news(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            await self._say_who(view.owner, self._named(view.staff_name, view.staff_name_en))
            await self._say_read(view)
        conversation = self._conversation
        while conversation is not None and conversation == self._conversation:
            found = await customer_view.after(conversation, self._sent)
            for said in found:
                if conversation != self._conversation:
                    return
                await self._send(message_frame(said, self._lang, self._request))
                self._sent = max(self._sent, said.seq)
            if len(found) < customer_view.PAGE:
                return

    async def _say_who(self, owner: str, name: str) -> None:
        if (owner, name) != self._speaker:
            self._speaker = (owner, name)
            await self._send({"type": "owner", "owner": owner, "name": name or self._bot_name(owner)})

    async def _say_read(self, view: View) -> None:
        """Tell which of the customer's messages staff have read since we last told."""
        if view.staff_seen_seq > self._read_seq:
            since, self._read_seq = self._read_seq, view.staff_seen_seq
            for external_id in await customer_view.read_ids(view.conversation_id, since, view.staff_seen_seq):
                await self._send({"type": "delivered", "key": frame_id(external_id)})

    def _bot_name(self, owner: str) -> str:
        return i18n.t(self._lang, "chat.bot") if owner == "bot" else ""

    def _named(self, name: str, name_en: str) -> str:
        return name_en or name if self._lang == "en" else name

    async def _refuse(self, code: str, frame: str | None, *, words: str = "") -> None:
        text = i18n.t(self._lang, words or f"chat.error.{code}")
        await self._send({"type": "error", "id": frame, "code": code, "text": text})

    async def _send(self, frame: dict[str, Any]) -> None:
        await self._ws.send_str(orjson.dumps(frame).decode())

    async def close(self) -> None:
        await self._ws.close(code=WSCloseCode.GOING_AWAY)


async def connect(request: web.Request) -> web.StreamResponse:
    """Open the socket for our own page or a site of CHAT_ORIGINS; others get 403, too many 429."""
    if not security.origin_allowed(request):
        raise web.HTTPForbidden(text="origin")
    if not request.app[DOORS].take(security.client_address(request), time.monotonic()):
        raise web.HTTPTooManyRequests(headers={"Retry-After": "5"})
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=SOCKET_MAX, compress=False)
    if not ws.can_prepare(request).ok:
        raise web.HTTPUpgradeRequired(text="websocket", headers={"Upgrade": "websocket"})
    await ws.prepare(request)
    socket = ChatSocket(request, ws)
    request.app[SOCKETS].open.add(socket)
    try:
        await socket.run()
    except ConnectionResetError:
        pass
    finally:
        request.app[SOCKETS].open.discard(socket)
    return ws


async def _close_all(app: web.Application) -> None:
    await asyncio.gather(*(socket.close() for socket in list(app[SOCKETS].open)), return_exceptions=True)


def routes(app: web.Application) -> None:
    """The socket. Needs the hub's lifespan on the same application."""
    app[SOCKETS] = Sockets()
    app[PACE] = security.RateLimit(rate=20.0, burst=200)
    app[DOORS] = security.RateLimit(rate=20.0, burst=200)
    app.router.add_get("/channels/web", connect)
    app.on_shutdown.append(_close_all)
    chat_history.routes(app)
