"""Remote control by the customer's desktop agent: its code, its seat, its log, and where to get it."""

import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bots.web import i18n, pages, security
from bots.web.app_keys import CONFIG
from bots.web.call import places
from bots.web.call.assist_building import BUILDING, Building, lifespan
from bots.web.call.page import read_file
from bots.web.desk.frame import Desk, api, body, json_answer
from bots.web.files import signed
from crm import company, control_log, files, live_codes, live_links, live_offers
from crm.control_log import Line
from crm.errors import Conflict, CrmError, Forbidden, Invalid
from crm.live_links import Place
from crm.models import LiveSession, Staff

ARCHIVE = "dangol-assist-linux-x86_64"
TRIES = web.AppKey("assist_tries", security.RateLimit)


@api
async def code(desk: Desk) -> web.StreamResponse:
    """`POST /desk/api/calls/{id}/code`: eight digits for the customer, shown once."""
    made = await live_codes.issue(desk.actor, desk.id(), now=datetime.now(UTC))
    desk.request.app[BUILDING].wanted(desk.origin)
    return json_answer({"code": made, "page": f"{desk.origin}/assist"})


async def join(request: web.Request) -> web.StreamResponse:
    """`POST /assist/join` `{"code"}`: the agent's seat in the room."""
    if not request.app[TRIES].take(security.client_address(request), time.monotonic()):
        return web.json_response(_words(request, "busy"), status=429, headers={"Retry-After": "60"})
    given, now = await body(request), datetime.now(UTC)
    try:
        place, secret = await live_codes.redeem(str(given.get("code") or "")[:20], now=now)
    except Conflict:
        return web.json_response(_words(request, "expired"), status=410)
    except CrmError:
        return web.json_response(_words(request, "unknown"), status=404)
    return web.json_response(await _seat(request, place, secret))


async def _seat(request: web.Request, place: Place, secret: str) -> dict[str, Any]:
    token, origin = live_links.token_of(place.participant), security.own_origin(request)
    media = request.app[CONFIG].media_url or origin
    session = await LiveSession.get(id=place.session.id)
    staff = await Staff.get_or_none(id=session.staff_id or 0)
    return {
        "token": token,
        "browser": secret,
        "socket": f"{media.replace('http', 'ws', 1)}/call/{token}/socket",
        "log": f"{origin}/assist/log/{token}",
        "who": (staff.name_en if staff and session.locale == "en" else staff.name if staff else "") or "",
        "company": await company.name(session.locale),
        "lang": session.locale,
    }


def _words(request: web.Request, code: str) -> dict[str, str]:
    return {"code": code, "text": i18n.t(i18n.negotiate(request), f"call.assist.{code}")}


async def log(request: web.Request) -> web.StreamResponse:
    """`POST /assist/log/{token}` `{"entries": [...]}`: lines of the agent's own chain."""
    try:
        place = await live_links.find(request.match_info["token"], now=datetime.now(UTC))
        if place.participant.side != "agent":
            raise Invalid("link", "forged")
        given = (await body(request)).get("entries")
        lines = [_line(one) for one in given] if isinstance(given, list) else []
        new = await control_log.take(place.session.id, place.participant.id, lines, now=datetime.now(UTC))
    except CrmError as error:
        return web.json_response(
            {"code": getattr(error, "reason", error.code), **error.values}, status=places.status_of(error)
        )
    return web.json_response({"new": new})


def _line(given: Any) -> Line:
    if not isinstance(given, dict) or not isinstance(given.get("data"), dict):
        raise Invalid("entries", "wrong")
    number, at, act, digest = (given.get(name) for name in ("number", "at", "act", "digest"))
    if not isinstance(number, int) or not all(isinstance(one, str) for one in (at, act, digest)):
        raise Invalid("entries", "wrong")
    return Line(number, str(at), str(act), given["data"], str(digest))


@places.api
async def offer(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/offer`: a file of staff for the controlled computer; answers its address."""
    actor = await places.actor_of(place.participant)
    if actor is None:
        raise Forbidden("live.write")
    name, data = await read_file(request, files.max_bytes())
    kept = await live_offers.keep(actor, place.session, name=name, data=data, now=datetime.now(UTC))
    return web.json_response({"name": kept.name, "size": kept.size, "url": signed(kept.token)})


async def about(request: web.Request) -> web.StreamResponse:
    """`GET /assist`: what the agent does and does not, and where to get it."""
    lang = i18n.negotiate(request)
    profile = await company.get()
    archive = request.app[CONFIG].assist_dir / ARCHIVE
    response = pages.render(
        request,
        "assist.html",
        company=pages.company_name(profile, lang),
        building=request.app[BUILDING].going_on,
        sha256=_digest(archive, archive.stat().st_mtime) if archive.is_file() else "",
        size=f"{archive.stat().st_size / 1e6:.0f} MB" if archive.is_file() else "",
    )
    pages.remember_language(request, response)
    return response


_digests: dict[tuple[Path, float], str] = {}


def _digest(path: Path, changed: float) -> str:
    """SHA-256 of the archive, worked out once for each of its versions."""
    if (path, changed) not in _digests:
        with path.open("rb") as file:
            _digests[path, changed] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[path, changed]


async def archive(request: web.Request) -> web.StreamResponse:
    """`GET /assist/linux-x86_64`: the agent for Linux."""
    path = request.app[CONFIG].assist_dir / ARCHIVE
    if not path.is_file():
        raise web.HTTPNotFound(text="not built")
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{ARCHIVE}"',
        },
    )


def routes(app: web.Application) -> None:
    app[BUILDING] = Building(app[CONFIG].assist_dir.parent)
    app.cleanup_ctx.append(lifespan)
    app[TRIES] = security.RateLimit(rate=1 / 60, burst=10)
    app.router.add_post(r"/desk/api/calls/{id:\d+}/code", code)
    app.router.add_post("/assist/join", join)
    app.router.add_post("/assist/log/{token}", log)
    app.router.add_post("/call/{token}/offer", offer)
    app.router.add_get("/assist", about)
    app.router.add_get("/assist/linux-x86_64", archive)
