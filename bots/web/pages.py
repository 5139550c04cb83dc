"""Jinja wiring, static files and the pages anyone may read: an article, the privacy notice."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from bots.web import i18n, security
from bots.web.app_keys import CONFIG, HERE, assets_version
from bots.web.chat_session import ROOM
from crm import company, customer_view, hours, knowledge, page_links
from crm.errors import Invalid, NotFound
from crm.models import CompanyProfile

VERSION = web.AppKey("assets_version", str)


def setup(app: web.Application) -> None:
    """Prepare templates and the security headers. Call once, before any module's `routes`."""
    app[VERSION] = assets_version()
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["script_json"] = script_json
    environment.globals.update(initials=i18n.initials, tint=i18n.tint, phone=i18n.phone)
    app.middlewares.append(security.headers)


def script_json(value: Any) -> Markup:
    """JSON that may stand inside a <script type="application/json"> element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704 - escaped on this line


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """An HTML answer from `template`, with `page_context` beneath the given words."""
    return aiohttp_jinja2.render_template(
        template, request, {**page_context(request), **context}, status=status
    )


def page_context(request: web.Request) -> dict[str, Any]:
    """What every template knows: lang, t(), static(), nonce, csrf, now and the ways to write a time."""
    lang = request.get(i18n.LANG) or i18n.negotiate(request)
    tz, now = request.app[CONFIG].timezone, datetime.now(UTC)
    version = request.app[VERSION]
    return {
        "lang": lang,
        "theme": request.cookies.get("dangol_theme", ""),
        "t": lambda key, **values: i18n.t(lang, key, **values),
        "static": lambda path: f"/static/{path}?v={version}",
        "sprite": f"/static/icons.svg?v={version}",
        "nonce": security.nonce(request),
        "csrf": security.csrf_token(request),
        "now": now,
        "clock": lambda at: i18n.clock(at, tz, lang),
        "moment": lambda at: i18n.moment(at, tz, lang, now),
        "ago": lambda at: i18n.ago(at, tz, lang, now),
        "day": lambda at: i18n.day(at.astimezone(tz).date(), lang, now.astimezone(tz).date()),
        "money": lambda minor, currency="KRW": i18n.money(minor, lang, currency),
        "messages": lambda *prefixes: i18n.section(lang, *prefixes),
    }


# -- what anyone may read --------------------------------------------------------------------------------


def remember_language(request: web.Request, response: web.StreamResponse) -> None:
    """Keep a language chosen by `?lang=` for a year."""
    if request.query.get("lang") in i18n.LANGUAGES:
        response.set_cookie(
            i18n.LANG_COOKIE, request.query["lang"], max_age=31_536_000, path="/", samesite="Lax"
        )


def company_name(profile: CompanyProfile, lang: str) -> str:
    return (profile.name_en or profile.name) if lang == "en" else profile.name


async def room(request: web.Request) -> web.Response:
    """`/c/{token}`: the chat page on another channel's conversation, for whoever holds its signed address."""
    token = request.match_info["token"]
    try:
        await page_links.open_page(token, now=datetime.now(UTC))
    except Invalid:
        lang = i18n.negotiate(request)
        name = company_name(await company.get(), lang)
        return render(request, "room_ended.html", status=410, company=name)
    response = await chat(request, session=f"{ROOM}{token}")
    response.headers["Cache-Control"] = "no-store"
    return response


async def chat(request: web.Request, session: str = "") -> web.Response:
    """`/chat`: the customer's page, also inside the widget of another site (`?embed=1`).

    `session`: of a conversation that is not this browser's own; what the page keeps is kept apart.
    """
    config, lang = request.app[CONFIG], i18n.negotiate(request)
    origins = [origin.rstrip("/") for origin in config.chat_origins]
    request[security.FRAME_ANCESTORS] = " ".join(["'self'", *([] if session else origins)])
    profile = await company.get()
    version = request.app[VERSION]
    name = company_name(profile, lang)
    embedded = request.query.get("embed") == "1"
    settings = {
        "socket": "/channels/web",
        "upload": "/channels/web/upload",
        "history": "/channels/web/history",
        "page": customer_view.PAGE,
        "sprite": f"/static/icons.svg?v={version}",
        "timezone": config.timezone.key,
        "maxMb": config.upload_max_mb,
        "maxBytes": config.upload_max_bytes,
        "company": name,
        "embedded": embedded,
        "session": session,
        "room": hashlib.sha256(session.encode()).hexdigest()[:12] if session else "",
        "origins": [] if session else origins,
    }
    response = render(
        request,
        "chat.html",
        company=name,
        company_phone=i18n.phone(profile.phone),
        hours=await opening(lang),
        embedded=embedded,
        telegram=config.telegram and not session,
        config=settings,
    )
    remember_language(request, response)
    return response


async def opening(lang: str) -> str:
    """When people are there, in words: 평일 오전 9시부터 오후 6시까지. Empty when the week is irregular."""
    week = await hours.week_of(None)
    workdays = {(day[0].opens, day[-1].closes) for day in week[:5] if day}
    if len(workdays) != 1 or not all(week[:5]):
        return ""
    opens, closes = workdays.pop()
    if closes - opens == 1440:  # minutes
        return i18n.t(lang, "chat.start.all_day")
    return i18n.t(
        lang, "chat.start.weekdays", opens=i18n.o_clock(opens, lang), closes=i18n.o_clock(closes, lang)
    )


async def chat_script(request: web.Request) -> web.StreamResponse:
    """`/chat.js`: what another site puts on its pages to get the launcher."""
    response = web.FileResponse(HERE / "static" / "chat-embed.js")
    response.headers["Content-Type"] = "text/javascript; charset=utf-8"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


async def article(request: web.Request) -> web.Response:
    """`/kb/{slug}`: a published knowledge article in the reader's language, else in the other."""
    lang = i18n.negotiate(request)
    profile = await company.get()
    name = company_name(profile, lang)
    try:
        found = await knowledge.get(request.match_info["slug"], locale=lang)
    except NotFound:
        return render(request, "article.html", status=404, article=None, company=name, blocks=[])
    await knowledge.viewed(found.id)
    response = render(request, "article.html", article=found, company=name, blocks=blocks(found.body))
    remember_language(request, response)
    return response


def blocks(body: str) -> list[tuple[str, list[str]]]:
    """Paragraphs ("p"), "- " lists ("ul") and "1. " steps ("ol") of an article's plain text."""
    made: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        text = line.strip()
        kind, text = _line(text)
        if not text:
            made.append(("", []))
        elif made and made[-1][0] == kind:
            made[-1][1].append(text)
        else:
            made.append((kind, [text]))
    return [block for block in made if block[0]]


def _line(text: str) -> tuple[str, str]:
    if text.startswith("- "):
        return "ul", text[2:].strip()
    number, dot, rest = text.partition(". ")
    return ("ol", rest.strip()) if dot and number.isdigit() and len(number) < 3 else ("p", text)


async def privacy(request: web.Request) -> web.Response:
    """`/privacy`: the notice that the company wrote, or the plain one of the catalogue."""
    lang = i18n.negotiate(request)
    profile = await company.get()
    own = (profile.privacy_notice_en or profile.privacy_notice) if lang == "en" else profile.privacy_notice
    name = company_name(profile, lang)
    text = own or i18n.t(lang, "page.privacy_text", company=name)
    response = render(request, "privacy.html", company=name, blocks=blocks(text))
    remember_language(request, response)
    return response


def routes(app: web.Application) -> None:
    """Static files (revalidated on use), the chat page, its script, articles and the privacy notice."""
    app.router.add_static("/static/", HERE / "static", append_version=False)
    app.router.add_get("/chat", chat)
    app.router.add_get("/c/{token}", room)
    app.router.add_get("/chat.js", chat_script)
    app.router.add_get("/kb/{slug}", article)
    app.router.add_get("/privacy", privacy)
