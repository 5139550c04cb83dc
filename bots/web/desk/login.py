"""Signing in and out of the desk."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bots.web import i18n, pages, security
from bots.web.desk.frame import COOKIE, identify
from crm import company, sessions, staff
from crm.errors import CrmError
from crm.logins import DemoRefused, LoginBlocked, WrongLogin, authenticate


async def show(request: web.Request) -> web.StreamResponse:
    """The form; who is signed in already goes on."""
    if await identify(request) is not None:
        raise web.HTTPFound(_next(request))
    return await _form(request)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Check login and password; a wrong one says how many tries are left."""
    await security.check_csrf(request)
    given = await security.form(request)
    login, password = str(given.get("login", "")), str(given.get("password", ""))
    keep = given.get("keep") == "on"
    try:
        session = await authenticate(
            login,
            password,
            address_key=security.client_address(request),
            loopback=security.is_loopback(request),
            now=datetime.now(UTC),
            keep=keep,
        )
    except CrmError as error:
        status = 429 if isinstance(error, LoginBlocked) else 401
        refusal = await _form(request, login=login, keep=keep, fault=_fault(request, error), status=status)
        if isinstance(error, LoginBlocked):
            refusal.headers["Retry-After"] = str(error.values.get("minutes", 15) * 60)
        return refusal
    # who signs in is there to work, and gets new conversations in turn until they say otherwise
    await staff.set_presence(sessions.actor_of(session.staff), "present", now=datetime.now(UTC))
    response = web.Response(status=302, headers={"Location": _next(request)})
    age = int((session.expires_at - datetime.now(UTC)).total_seconds()) if keep else None
    security.set_cookie(request, response, COOKIE, session.token, max_age=age)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    desk = await identify(request)
    if desk is not None:
        await security.check_csrf(request)
        await sessions.end(request.cookies[COOKIE])
        await staff.set_presence(desk.actor, "away", now=desk.now)
    response = web.Response(status=302, headers={"Location": "/desk/login"})
    response.del_cookie(COOKIE, path="/")
    return response


async def _form(request: web.Request, *, status: int = 200, **given: Any) -> web.StreamResponse:
    profile = await company.get()
    lang = i18n.negotiate(request)
    context = {"login": "", "keep": False, "fault": "", **given}
    response = pages.render(
        request,
        "desk/login.html",
        status=status,
        company=profile.name_en if lang == "en" and profile.name_en else profile.name,
        next=_next(request),
        **context,
    )
    security.keep_csrf(request, response)
    return response


def _fault(request: web.Request, error: CrmError) -> str:
    lang = i18n.negotiate(request)
    if isinstance(error, WrongLogin):
        return i18n.t(lang, "desk.login.wrong", n=error.values["tries_left"])
    if isinstance(error, LoginBlocked):
        return i18n.t(lang, "desk.login.blocked", minutes=error.values.get("minutes", 15))
    if isinstance(error, DemoRefused):
        return i18n.t(lang, "desk.login.demo")
    return i18n.t(lang, "desk.error.internal")


def _next(request: web.Request) -> str:
    """Where to go after signing in: a page of the desk, never another site."""
    wanted = request.query.get("next", "")
    parts = urlsplit(wanted)
    ours = not parts.scheme and not parts.netloc and parts.path.startswith("/desk") and "\\" not in wanted
    return wanted if ours and not parts.path.startswith("/desk/login") else "/desk"


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/login", show)
    app.router.add_post("/desk/login", sign_in)
    app.router.add_post("/desk/logout", sign_out)
