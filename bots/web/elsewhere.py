"""`POST /channels/web/telegram`: whoever writes in the web chat goes on as the same customer on Telegram."""

import time
from datetime import UTC, datetime

from aiohttp import web

from bots.web import chat_session, i18n, security
from bots.web.app_keys import CONFIG, OPENING
from bots.web.qr import picture
from crm import identities, linking
from crm.actor import SYSTEM

BRAKE = web.AppKey("elsewhere_brake", security.RateLimit)


async def telegram(request: web.Request) -> web.Response:
    """Answer `{"url", "svg"}`: an address of our bot that is good once, for a day; else `{"text"}` with why
    there is none (401, 429, 503)."""
    if not security.origin_allowed(request):
        raise web.HTTPForbidden(text="origin")
    now = datetime.now(UTC)
    session = await chat_session.resume(request.app[CONFIG], request.headers.get("X-Dangol-Session", ""), now)
    if session is None:
        return _none(request, 401)
    if not request.app[BRAKE].take(session.external_user, time.monotonic()):
        return _none(request, 429)
    identity = await identities.find_or_create(
        session.channel, session.account, session.external_user, locale=i18n.negotiate(request), now=now
    )
    token = await linking.link_for(SYSTEM, identity.contact_id, now=now)
    url = await request.app[OPENING](token)
    if not url:
        return _none(request, 503)
    return web.json_response({"url": url, "svg": picture(url)}, headers={"Cache-Control": "no-store"})


def _none(request: web.Request, status: int) -> web.Response:
    return web.json_response({"text": i18n.t(i18n.negotiate(request), "chat.telegram.failed")}, status=status)


def routes(app: web.Application) -> None:
    app[BRAKE] = security.RateLimit(rate=5 / 60, burst=5)
    app.router.add_post("/channels/web/telegram", telegram)
