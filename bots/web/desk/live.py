"""Live updates of the desk: happenings, and who types where, to every signed-in browser.

One watcher a process looks once at each happening and sends it to all sockets. Typing a reply is recorded as
a happening, so that the customer and colleagues on other processes see it; typing a note stays in this one.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bots.web import security
from bots.web.desk.frame import Desk, identify, person
from bots.web.hub import HUB
from crm import db, happenings
from crm.actor import PERMISSIONS
from crm.happenings import Happened
from crm.models import Staff

PING_SECONDS = 25.0
FRAME_BYTES = 2048
SIGNED_OUT = 4401  # the socket closes with this when the session is over
QUIET = frozenset({"message.sent", "message.delivered", "job.done", "job.failed", "message.typing"})
SESSION_CHECK_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Browser:
    """One connected browser."""

    socket: web.WebSocketResponse
    staff: Staff
    lang: str
    watching: int | None = None

    async def send(self, frame: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await asyncio.wait_for(self.socket.send_str(json.dumps(frame, ensure_ascii=False)), 5)


class Live:
    """The connected browsers of this process."""

    def __init__(self) -> None:
        self.browsers: set[Browser] = set()

    async def run(self, app: web.Application) -> None:
        """Pass happenings on until cancelled."""
        with app[HUB].watch() as queue:
            while True:
                happened = await queue.get()
                try:
                    await self._pass_on(happened)
                except Exception as error:
                    log.warning("desk_live_failed", error=type(error).__name__)

    async def _pass_on(self, happened: Happened | None) -> None:
        if not self.browsers:
            return
        if happened is None:
            await self._tell_all({"type": "online", "again": True})
        elif happened.kind == "message.typing":
            await self._typed(happened)
        else:
            frame = await frame_of(happened)
            if happened.kind in QUIET:
                frame["quiet"] = True
            await self._tell_all(frame)

    async def _tell_all(self, frame: dict[str, Any]) -> None:
        await asyncio.gather(*(browser.send(frame) for browser in list(self.browsers)))

    async def _typed(self, happened: Happened) -> None:
        if happened.staff_id is None:
            await self._watchers(
                happened.conversation_id,
                {"type": "customer_typing", "conversation": happened.conversation_id},
            )
            return
        staff = await Staff.get_or_none(id=happened.staff_id)
        if staff is not None and happened.conversation_id is not None:
            await self.typing(staff, happened.conversation_id, "reply")

    async def typing(self, staff: Staff, conversation_id: int, mode: str) -> None:
        """Warn the others who look at the same conversation."""
        for browser in list(self.browsers):
            if browser.watching == conversation_id and browser.staff.id != staff.id:
                who = person(staff, browser.lang)
                await browser.send(
                    {"type": "typing", "conversation": conversation_id, "mode": mode, "staff": who}
                )

    async def stopped(self, staff: Staff, conversation_id: int) -> None:
        await self._watchers(conversation_id, {"type": "stopped", "conversation": conversation_id}, staff.id)

    async def _watchers(self, conversation_id: int | None, frame: dict[str, Any], but: int = 0) -> None:
        for browser in list(self.browsers):
            if browser.watching == conversation_id and browser.staff.id != but:
                await browser.send(frame)


LIVE = web.AppKey("desk_live", Live)


async def frame_of(happened: Happened) -> dict[str, Any]:
    """A happening for the page: references, the contact's name and whose conversation it is. One read."""
    frame: dict[str, Any] = {
        "type": "happened",
        "id": happened.id,
        "kind": happened.kind,
        "conversation_id": happened.conversation_id,
        "contact_id": happened.contact_id,
        "request_id": happened.request_id,
        "staff_id": happened.staff_id,
        "assignee": None,
        "name": "",
    }
    rows = await db.fetch(
        "SELECT c.name, v.assignee_id FROM contact c LEFT JOIN conversation v ON v.id = ?"
        " WHERE c.id = coalesce(v.contact_id, ?)",
        happened.conversation_id,
        happened.contact_id,
    )
    if rows:
        frame |= {"assignee": rows[0]["assignee_id"], "name": rows[0]["name"]}
    return frame


async def socket(request: web.Request) -> web.StreamResponse:
    """`GET /desk/live`: frames of `Live` to the browser; watch, typing and stopped from it."""
    desk = await identify(request)
    answer = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=FRAME_BYTES)
    await answer.prepare(request)
    if desk is None or not _same_origin(request):
        await answer.close(code=SIGNED_OUT)
        return answer
    browser = Browser(answer, desk.staff, desk.lang)
    live = request.app[LIVE]
    live.browsers.add(browser)
    guard = db.spawn(_guard(request, browser), name="desk-session")
    try:
        await _listen(live, browser, desk)
    finally:
        guard.cancel()
        live.browsers.discard(browser)
    return answer


def _same_origin(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    return origin is None or origin == security.own_origin(request) or origin.split("://")[-1] == request.host


async def _guard(request: web.Request, browser: Browser) -> None:
    """Close the socket once its session is over."""
    while True:
        await asyncio.sleep(SESSION_CHECK_SECONDS)
        if await identify(request) is None:
            await browser.socket.close(code=SIGNED_OUT)
            return


async def _listen(live: Live, browser: Browser, desk: Desk) -> None:
    async for message in browser.socket:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            frame = json.loads(message.data)
            conversation = frame.get("conversation")
            kind = frame.get("type")
        except (ValueError, AttributeError):
            continue
        if kind == "watch":
            browser.watching = conversation if isinstance(conversation, int) else None
        elif isinstance(conversation, int):
            await _heard(live, desk, str(kind), conversation, str(frame.get("mode", "")))


async def _heard(live: Live, desk: Desk, kind: str, conversation: int, mode: str) -> None:
    if desk.staff.role not in PERMISSIONS["conversation.write"]:
        return
    if kind == "stopped":
        await live.stopped(desk.staff, conversation)
    elif kind == "typing" and mode == "note":
        await live.typing(desk.staff, conversation, "note")
    elif kind == "typing":
        await happenings.record(
            "message.typing", now=datetime.now(UTC), conversation_id=conversation, staff_id=desk.staff.id
        )


async def close(app: web.Application) -> None:
    """Let every browser go at shutdown; they reconnect by themselves."""
    going = [browser.socket.close(code=WSCloseCode.GOING_AWAY) for browser in list(app[LIVE].browsers)]
    await asyncio.gather(*going, return_exceptions=True)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """Run the watcher as long as the application; stands after the hub in `app.cleanup_ctx`."""
    task = db.spawn(app[LIVE].run(app), name="desk-live")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def routes(app: web.Application) -> None:
    app[LIVE] = Live()
    app.cleanup_ctx.append(lifespan)
    app.on_shutdown.append(close)
    app.router.add_get("/desk/live", socket)
