"""What the call page is told: the session's state as a frame, and a line of the chat."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bots.web import i18n
from bots.web.app_keys import CONFIG
from bots.web.files import signed
from crm import live_consents, live_record, live_views
from crm.customer_view import Said
from crm.live_views import Whole
from crm.models import LiveParticipant, LiveSession


async def state(request: web.Request, whole: Whole, me: LiveParticipant, lang: str) -> dict[str, Any]:
    """The frame `state`: everything but media that a page shows of the session."""
    session, now = whole.session, datetime.now(UTC)
    tz = request.app[CONFIG].timezone
    frame: dict[str, Any] = {
        "type": "state",
        "status": session.status,
        "mode": session.mode,
        "held": session.held,
        "started": session.started_at.isoformat() if session.started_at else None,
        "scheduled": i18n.moment(session.scheduled_at, tz, lang, now) if session.scheduled_at else "",
        "staff": _staff_name(session, lang),
        "number": session.request.number if session.request else "",
        "people": [_person(place, lang) for place in whole.places if place.revoked_at is None],
        "wait": None,
        "ended": None,
    }
    if session.status in ("scheduled", "invited", "waiting") and me.side == "customer":
        frame["wait"] = await _wait(session, lang, request, now)
    if session.status == "ended":
        frame["ended"] = {**await live_record.facts(session), "rating": session.rating}
        frame["ended"].pop("cost_minor")
        frame["consents"] = len(await live_consents.holding(session.id, "recording"))
    return frame


def _staff_name(session: LiveSession, lang: str) -> str:
    if session.staff is None:
        return ""
    return session.staff.name_en if lang == "en" and session.staff.name_en else session.staff.name


def _person(place: LiveParticipant, lang: str) -> dict[str, Any]:
    name = place.name
    if place.staff is not None:
        name = place.staff.name_en if lang == "en" and place.staff.name_en else place.staff.name
    here = place.joined_at is not None and place.left_at is None
    return {"id": str(place.id), "side": place.side, "name": name, "here": here}


async def _wait(session: LiveSession, lang: str, request: web.Request, now: datetime) -> dict[str, Any]:
    wait, tz = await live_views.standing(session, now), request.app[CONFIG].timezone
    return {
        "ahead": wait.ahead,
        "minutes": wait.minutes,
        "open": wait.open_now,
        "opens": i18n.moment(wait.opens_at, tz, lang, now) if wait.opens_at else "",
        "staffed": wait.staffed,
        "offered": session.offered_at is not None,
    }


def line(said: Said, me: LiveParticipant, lang: str) -> dict[str, Any]:
    """The frame `message`; `mine` is on the right."""
    customer = said.direction == "in"
    mine = customer if me.side == "customer" else said.author == "staff"
    staff = (said.staff_name_en or said.staff_name) if lang == "en" else said.staff_name
    own = said.external_id.rpartition(":")[2] if said.external_id.startswith("call:") else ""
    return {
        "type": "message",
        "seq": said.seq,
        "mine": mine,
        "from": "customer" if customer else said.author,
        "name": "" if customer else staff or i18n.t(lang, "chat.bot"),
        "text": said.text,
        "id": own,
        "state": said.state,
        "at": said.at.isoformat(),
        "files": [
            {"name": f.name, "type": f.type, "size": f.size, "url": signed(f.token)} for f in said.files
        ],
    }
