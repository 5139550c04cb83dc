"""What the customer does when nobody comes, and when the call is over."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bots.web import i18n
from bots.web.app_keys import CONFIG
from bots.web.call import places
from bots.web.desk.frame import body
from crm import live_after, live_instead
from crm.errors import Conflict, Invalid
from crm.live_links import Place


def _customer(place: Place) -> None:
    if place.participant.side != "customer":
        raise Conflict("not_yours")


@places.api
async def offers(request: web.Request, place: Place) -> web.StreamResponse:
    """`GET /call/{token}/offers`: the number we would call, and times at which we could come."""
    _customer(place)
    now, lang, tz = datetime.now(UTC), request[i18n.LANG], request.app[CONFIG].timezone
    days: list[dict[str, Any]] = []
    for day in await live_instead.visit_days(place.session, now):
        slots = [
            {"at": start.isoformat(), "text": i18n.moment(start, tz, lang, now)} for start, _ in day.slots
        ]
        days.append({"slots": slots})
    return web.json_response({"phone": await live_instead.phone_known(place.session), "days": days})


@places.api
async def callback(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/callback` `{"phone"?}`: call me instead."""
    _customer(place)
    given, now = await body(request), datetime.now(UTC)
    made = await live_instead.callback(place.session.id, str(given.get("phone") or "")[:40], at=None, now=now)
    return _done(request, "call.instead.called", made.due_at, now)


@places.api
async def visit(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/visit` `{"at"}`: come to me instead."""
    _customer(place)
    given, now = await body(request), datetime.now(UTC)
    try:
        at = datetime.fromisoformat(str(given.get("at")))
    except ValueError as error:
        raise Invalid("visit_from", "not_offered") from error
    if at.tzinfo is None:
        raise Invalid("visit_from", "not_offered")
    booked = await live_instead.visit(place.session.id, at, now=now)
    return _done(request, "call.instead.visited", booked.visit_from or at, now)


def _done(request: web.Request, key: str, at: datetime, now: datetime) -> web.Response:
    lang, tz = request[i18n.LANG], request.app[CONFIG].timezone
    return web.json_response({"text": i18n.t(lang, key, at=i18n.moment(at, tz, lang, now))})


@places.api
async def rate(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/rate` `{"score", "comment"?}`."""
    _customer(place)
    given = await body(request)
    score = given.get("score")
    if not isinstance(score, int):
        raise Invalid("score", "not_a_number")
    await live_after.rate(
        place.session.id, score, str(given.get("comment") or "")[:1000], now=datetime.now(UTC)
    )
    return web.json_response({"ok": True})


def routes(app: web.Application) -> None:
    app.router.add_get("/call/{token}/offers", offers)
    app.router.add_post("/call/{token}/callback", callback)
    app.router.add_post("/call/{token}/visit", visit)
    app.router.add_post("/call/{token}/rate", rate)
