"""Whose link a request came by, and whether this is the browser that the link belongs to."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps

from aiohttp import web

from bots.web import i18n, security
from crm import live_links
from crm.actor import Actor
from crm.errors import Conflict, CrmError, Forbidden, Invalid, NotFound
from crm.live_links import Place
from crm.models import LiveParticipant, Staff

COOKIE = "dangol_call_"
KEPT_SECONDS = 86_400 * 92

Handler = Callable[[web.Request, Place], Awaitable[web.StreamResponse]]


def secret_of(request: web.Request, participant_id: int) -> str:
    """What this browser kept when it entered by that link; '' for another browser."""
    return request.cookies.get(f"{COOKIE}{participant_id}", "")


def keep_secret(request: web.Request, response: web.StreamResponse, participant_id: int, secret: str) -> None:
    """Let this browser come back. No script reads the cookie, no other site sends it."""
    security.set_cookie(request, response, f"{COOKIE}{participant_id}", secret, max_age=KEPT_SECONDS)


async def own(request: web.Request) -> Place:
    """The place of a browser that entered. Raises what `live_links.find` raises, `Conflict other_browser`."""
    place = await live_links.find(request.match_info["token"], now=datetime.now(UTC))
    if not live_links.is_bound_to(place.participant, secret_of(request, place.participant.id)):
        raise Conflict("other_browser")
    return place


async def actor_of(participant: LiveParticipant) -> Actor | None:
    """The staff member behind a place; None for customers and guests, and for who no longer works here."""
    if participant.staff_id is None:
        return None
    staff = await Staff.get_or_none(id=participant.staff_id, active=True)
    return Actor("staff", staff.id, staff.role, staff.name) if staff else None


def language(request: web.Request, place: Place) -> str:
    """As asked for, now or before; else as the customer speaks, colleagues as their desk, guests as their
    browser says."""
    if wanted := i18n.chosen(request):
        return wanted
    if place.participant.side == "customer":
        return place.session.locale
    staff = place.participant.staff
    return str(staff.locale) if staff is not None else i18n.negotiate(request)


def status_of(error: CrmError) -> int:
    """The HTTP status of a fault."""
    if isinstance(error, NotFound) or (isinstance(error, Invalid) and error.field == "link"):
        return 410 if isinstance(error, Invalid) and error.reason in ("expired", "revoked") else 404
    if isinstance(error, Forbidden):
        return 403
    return 409 if isinstance(error, Conflict) else 422


def api(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A JSON address below a link: own page only, own browser only, faults as JSON with words."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        if not security.origin_allowed(request) or request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise web.HTTPForbidden(text="origin")
        try:
            place = await own(request)
            request[i18n.LANG] = language(request, place)
            return await handler(request, place)
        except CrmError as error:
            return web.json_response(fault(request, error), status=status_of(error))

    return answer


def fault(request: web.Request, error: CrmError) -> dict[str, str]:
    """`code` and `text` in the reader's language."""
    code = getattr(error, "reason", error.code)
    lang = request.get(i18n.LANG) or i18n.negotiate(request)
    key = f"call.fault.{code}"
    known = key in i18n.catalogue(lang)
    return {"code": str(code), "text": i18n.t(lang, key if known else "call.fault.other")}
