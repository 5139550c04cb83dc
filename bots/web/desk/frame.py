"""What every request to the desk stands on: who is signed in, their language, and how to answer them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web

from bots.staff import acts
from bots.web import i18n, pages, security
from bots.web.app_keys import CONFIG
from bots.web.desk import faults
from crm import sessions
from crm.actor import PERMISSIONS, Actor, check
from crm.errors import CrmError, Forbidden, NotFound
from crm.models import Staff
from crm.sessions import SignedIn

COOKIE = "dangol_desk"
FRAGMENT = "X-Fragment"  # a script asks for a part of a page by this header

KEYMAP = (
    ("J K", "move"), ("Enter", "open"), ("/", "search"), ("N", "next"), ("R", "reply"), ("M", "note"),
    ("T", "take"), ("B", "hand_back"), ("A", "assign"), ("S", "snooze"), ("L", "label"), ("E", "close"),
    ("I", "side"), ("Esc", "back"), ("G C", "go_conversations"), ("G R", "go_requests"),
    ("G P", "go_contacts"), ("G B", "go_callbacks"), ("Ctrl Enter", "send"), ("Ctrl K", "commands"),
    ("?", "help"),
)  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """One request of a signed-in staff member."""

    request: web.Request
    signed: SignedIn
    now: datetime
    lang: str
    tz: ZoneInfo

    @property
    def staff(self) -> Staff:
        return self.signed.staff

    @property
    def actor(self) -> Actor:
        return self.signed.actor

    @property
    def fragment(self) -> str:
        """The part of the page that a script asks for; "" for a whole page."""
        return self.request.headers.get(FRAGMENT, "")

    def t(self, key: str, **values: Any) -> str:
        return i18n.t(self.lang, key, **values)

    def need(self, permission: str) -> None:
        """Show a form only to who may send it. Raises `Forbidden`."""
        check(self.actor, permission)

    def may(self, permission: str) -> bool:
        """Whether to offer something; `crm` checks again when it is done."""
        return self.staff.role in PERMISSIONS[permission]

    @property
    def origin(self) -> str:
        """scheme://host of this server, for links in texts."""
        return security.own_origin(self.request)

    def id(self, name: str = "id") -> int:
        """The number in the path. Raises `NotFound` for one that no database holds."""
        found = number(self.request.match_info[name])
        if found is None:
            raise NotFound(name)
        return found

    def asked(self, name: str) -> int | None:
        """A number in the query, if there is one."""
        return number(self.request.query.get(name, ""))

    def render(self, template: str, **context: Any) -> web.Response:
        """A page or part of one, with the words every template of the desk needs."""
        return pages.render(self.request, f"desk/{template}", **{**self.common(), **context})

    def common(self) -> dict[str, Any]:
        return {
            "me": {**person(self.staff, self.lang), "role": self.staff.role, "presence": self.staff.presence},
            "may": {name: self.may(permission) for name, permission in OFFERED.items()},
            "telegram": self.request.app[CONFIG].telegram,
            "keymap": KEYMAP,
            "words": script_words(self.lang),
            "offset": self.now.astimezone(self.tz).isoformat()[-6:],  # +09:00, for times typed into forms
        }


OFFERED = {
    "write": "conversation.write",
    "contact": "contact.write",
    "reveal": "contact.reveal",
    "block": "contact.block",
    "merge": "contact.merge",
    "request": "request.write",
    "callback": "callback.write",
    "live": "live.write",
    "article": "article.write",
    "canned": "canned.write",
    "label": "label.write",
    "template": "template.write",
    "team": "team.write",
    "hours": "hours.write",
    "company": "company.write",
    "staff": "staff.write",
}

Handler = Callable[[Desk], Awaitable[web.StreamResponse]]


def person(staff: Staff, lang: str) -> dict[str, Any]:
    """A staff member as avatars and menus show them."""
    name = staff.name_en if lang == "en" and staff.name_en else staff.name
    return {
        "id": staff.id,
        "name": name,
        "login": staff.login,
        "initials": i18n.initials(name),
        "tint": i18n.tint(staff.id),
        "presence": staff.presence,
    }


def named(row: Mapping[str, Any], who: str, lang: str) -> str:
    """The name of `who` (assignee, staff, team) in a row, in the reader's language where it has one."""
    return str((lang == "en" and row[f"{who}_name_en"]) or row[f"{who}_name"] or "")


def script_words(lang: str) -> dict[str, str]:
    """The words that scripts show: `desk.js.*`, by the rest of the key."""
    return {key.removeprefix("desk.js."): text for key, text in i18n.section(lang, "desk.js.").items()}


def number(text: str) -> int | None:
    """A row's number as written in an address; None for anything that no database holds."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


async def identify(request: web.Request) -> Desk | None:
    """The signed-in staff member of this request; None without a valid cookie."""
    token = request.cookies.get(COOKIE, "")
    now = datetime.now(UTC)
    signed = await sessions.of_token(token, now=now) if token else None
    if signed is None:
        return None
    request[security.SESSION_CSRF] = signed.csrf
    chosen = request.query.get("lang") or request.cookies.get(i18n.LANG_COOKIE)
    lang = chosen if chosen in i18n.LANGUAGES else signed.staff.locale
    request[i18n.LANG] = lang
    return Desk(request, signed, now, lang, request.app[CONFIG].timezone)


def page(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A page of the desk: visitors go to the login, CSRF on writes, faults become words."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        desk = await identify(request)
        if desk is None:
            if request.headers.get(FRAGMENT):
                return web.json_response({"code": "signed_out"}, status=401)
            raise web.HTTPFound(f"/desk/login?next={quote(request.path_qs)}")
        await _guard_writes(request)
        try:
            response = await handler(desk)
        except CrmError as error:
            if isinstance(error, Forbidden):
                resource = request.match_info.route.resource
                acts.refused(desk.actor, resource.canonical if resource else "", error)
            return _fault_page(desk, error)
        if request.query.get("lang") in i18n.LANGUAGES:
            security.set_cookie(request, response, i18n.LANG_COOKIE, desk.lang, max_age=31_536_000)
        return response

    return answer


def api(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A JSON address of the desk: 401 for visitors, CSRF on writes, faults as JSON with words."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        desk = await identify(request)
        if desk is None:
            return web.json_response({"code": "signed_out"}, status=401)
        await _guard_writes(request)
        try:
            return await handler(desk)
        except CrmError as error:
            return web.json_response(faults.body(error, desk.lang), status=faults.status(error))

    return answer


async def _guard_writes(request: web.Request) -> None:
    if request.method not in ("GET", "HEAD"):
        await security.check_csrf(request)


def _fault_page(desk: Desk, error: CrmError) -> web.Response:
    if desk.fragment:
        return web.json_response(faults.body(error, desk.lang), status=faults.status(error))
    text = faults.words(error, desk.lang)
    return pages.render(desk.request, "desk/fault.html", status=faults.status(error), fault=text)


async def body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request. Raises 400 when it is none."""
    try:
        given = await request.json()
    except (ValueError, LookupError, RecursionError):  # no JSON, an unknown charset, a nesting without end
        raise web.HTTPBadRequest(text="json") from None
    if not isinstance(given, dict):
        raise web.HTTPBadRequest(text="object")
    return given


def json_answer(value: Any, status: int = 200) -> web.Response:
    return web.json_response(
        value, status=status, dumps=lambda v: json.dumps(v, ensure_ascii=False, default=str)
    )
