"""Jinja wiring, static files and the pages anyone may read: an article, the privacy notice."""

import json
from datetime import UTC, datetime
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from bots.web import i18n, security
from bots.web.app_keys import CONFIG, HERE, assets_version

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


def routes(app: web.Application) -> None:
    """Static files (with validators, revalidated on use)."""
    app.router.add_static("/static/", HERE / "static", append_version=False)
