"""`GET /channels/web/history`: what was said before, for a page that opens again."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bots.web import chat_session, i18n
from bots.web.app_keys import CONFIG
from bots.web.chat_frames import history_frame
from crm import customer_view


async def history(request: web.Request) -> web.Response:
    """`GET /channels/web/history?before=` with X-Dangol-Session: the conversation so far, oldest first."""
    config = request.app[CONFIG]
    given = request.headers.get("X-Dangol-Session", "")
    session = await chat_session.resume(config, given, datetime.now(UTC))
    found = None
    if session is not None:
        found = await customer_view.latest(session.channel, session.account, session.external_user)
    view = found[1] if found else None
    messages: list[dict[str, Any]] = []
    if view is not None:
        before = request.query.get("before", "")
        rows = await customer_view.history(
            view.conversation_id, before=int(before) if before.isdecimal() and len(before) < 16 else None
        )
        lang = i18n.negotiate(request)
        messages = [history_frame(said, lang, request) for said in rows]
    body = {"seq": view.seq if view else 0, "read": view.staff_seen_seq if view else 0, "messages": messages}
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def routes(app: web.Application) -> None:
    app.router.add_get("/channels/web/history", history)
