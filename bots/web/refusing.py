"""`/u/{token}`: refusing advertising with one click, without a login (`crm/refusals.py`).

GET only shows what would be done: mail filters open every link. POST does it, from the page's button or from
a mail program (RFC 8058: `List-Unsubscribe=One-Click`, without cookies and without reading an answer).
"""

import time

from aiohttp import web

from bots.web import i18n, pages, security
from bots.web.security import RateLimit
from crm import company, refusals
from crm.errors import NotFound
from crm.refusals import Refusal

ONE_CLICK = "One-Click"
LONGEST_BODY = 4096
_asked = web.AppKey("refusals_asked", RateLimit)


async def show(request: web.Request) -> web.Response:
    """`GET /u/{token}`: one sentence and one button, or that it is done already."""
    try:
        return await _page(request, await refusals.look(request.match_info["token"]))
    except NotFound:
        return await _page(request, None)


async def refuse(request: web.Request) -> web.Response:
    """`POST /u/{token}`: refuse. From the page the confirmation is read at once; a mail program's click is
    confirmed by a message."""
    if (request.content_length or 0) > LONGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LONGEST_BODY, request.content_length or 0)
    if not request.app[_asked].take(security.client_address(request), time.monotonic()):
        raise web.HTTPTooManyRequests
    one_click = (await security.form(request)).get("List-Unsubscribe") == ONE_CLICK
    now = pages.page_context(request)["now"]
    try:
        done = await refusals.refuse(request.match_info["token"], told=not one_click, now=now)
    except NotFound:
        return await _page(request, None)
    return web.Response(text="ok") if one_click else await _page(request, done)


async def _page(request: web.Request, refusal: Refusal | None) -> web.Response:
    lang = i18n.negotiate(request)
    name = pages.company_name(await company.get(), lang)
    channel = i18n.t(lang, f"channel.{refusal.channel}") if refusal and refusal.channel else ""
    response = pages.render(
        request,
        "refuse.html",
        status=200 if refusal else 404,
        company=name,
        refusal=refusal,
        channel=channel,
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    pages.remember_language(request, response)
    return response


def routes(app: web.Application) -> None:
    app[_asked] = RateLimit(rate=1.0, burst=30)  # a second, by address
    app.router.add_get("/u/{token}", show)
    app.router.add_post("/u/{token}", refuse)
