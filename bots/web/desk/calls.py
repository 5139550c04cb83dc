"""Live support on the desk: who waits, the staff's call page, and what a session left behind."""

from typing import Any

from aiohttp import web

from bots.web import i18n, pages
from bots.web.call import page as call_page
from bots.web.call import places
from bots.web.desk import words
from bots.web.desk.frame import Desk, api, json_answer, page
from bots.web.desk.nav import shell
from bots.web.desk.side import request_view, staff_list
from bots.web.qr import picture
from crm import company, knowledge, live_links, live_people, live_sessions, live_views
from crm.errors import Conflict
from crm.live_links import Place
from crm.live_views import Whole
from crm.models import LiveParticipant, LiveSession
from crm.request_rules import OPEN

STEPS = 6  # of an article, shown beside the call


@page
async def listed(desk: Desk) -> web.StreamResponse:
    """Running and coming sessions, or with `state=past` those that are over."""
    past = desk.request.query.get("state") == "past"
    if past:
        found = await live_views.past(desk.actor, before=desk.asked("before"))
    else:
        found = await live_views.open_ones(desk.actor)
    return desk.render(
        "calls.html",
        **await shell(desk, "calls"),
        page="calls",
        rows=[row(desk, session) for session in found],
        past=past,
        more=found[-1].id if past and len(found) == live_views.LISTED else 0,
    )


def row(desk: Desk, session: LiveSession) -> dict[str, Any]:
    """A session in a list."""
    name = session.contact.name or desk.t("desk.nameless")
    at = session.scheduled_at if session.status == "scheduled" else session.started_at or session.created_at
    since = session.waiting_since
    waited = int((desk.now - since).total_seconds() // 60) if since and session.status == "waiting" else None
    return {
        "id": session.id,
        "name": name,
        "person": words.person(session.contact_id, name),
        "status": session.status,
        "purpose": desk.t(f"desk.live.purpose_of.{session.purpose}"),
        "staff": session.staff.name if session.staff else "",
        "request": {"id": session.request.id, "number": session.request.number} if session.request else None,
        "when": i18n.moment(at or session.created_at, desk.tz, desk.lang, desk.now),
        "waited": i18n.duration(waited, desk.lang) if waited is not None else "",
        "minutes": _minutes(session),
        "rating": session.rating,
        "open": session.status in ("scheduled", "invited", "waiting", "live"),
        "suggested": session.summary_state == "suggested",
    }


def _minutes(session: LiveSession) -> int:
    if session.started_at is None or session.ended_at is None:
        return 0
    return -(-int((session.ended_at - session.started_at).total_seconds()) // 60)


@page
async def room(desk: Desk) -> web.StreamResponse:
    """The staff's call page: they are in the session, by this browser."""
    place = await live_people.take(desk.actor, desk.id(), now=desk.now)
    whole = await live_views.get(desk.actor, place.session_id)
    place, secret = await _entered(desk, place)
    call_page.reach_media(desk.request)
    seat = Place(place, whole.session)
    profile = await company.get()
    name = pages.company_name(profile, desk.lang)
    policy = await live_sessions.policy_in_force()
    response = desk.render(
        "call_room.html",
        company=name,
        keep_days=policy.keep_days,
        config={
            **call_page.settings(desk.request, seat, name),
            "browser": secret,
            "live": whole.session.id,
            "conversation": whole.session.conversation_id,
            "csrf": pages.page_context(desk.request)["csrf"],
        },
        s=await _session(desk, whole),
        request_card=await _request(desk, whole.session),
        staff=[one for one in await staff_list(desk) if one["id"] != desk.staff.id],
        pages_shown=await _pages(desk),
    )
    places.keep_secret(desk.request, response, place.id, secret)
    return response


async def _entered(desk: Desk, place: LiveParticipant) -> tuple[LiveParticipant, str]:
    """Who is signed in may change the browser: the link that another browser held is renewed."""
    given = places.secret_of(desk.request, place.id)
    try:
        found, secret = await live_links.enter(live_links.token_of(place), given, now=desk.now)
    except Conflict:
        place = await live_links.renew(place.id, ttl=place.expires_at - desk.now, now=desk.now)
        found, secret = await live_links.enter(live_links.token_of(place), "", now=desk.now)
    return found.participant, secret


async def _session(desk: Desk, whole: Whole) -> dict[str, Any]:
    session = whole.session
    name = session.contact.name or desk.t("desk.nameless")
    return {
        "id": session.id,
        "status": session.status,
        "name": name,
        "person": words.person(session.contact_id, name),
        "number": session.request.number if session.request else "",
        "purpose": desk.t(f"desk.live.purpose_of.{session.purpose}"),
        "link": f"{desk.origin}{live_links.path_of(whole.customer)}",
        "conversation": session.conversation_id,
        "contact": session.contact_id,
    }


async def _request(desk: Desk, session: LiveSession) -> dict[str, Any] | None:
    """The request beside the call, with the steps of the article that fits it best."""
    request = await live_views.request_of(session)
    if request is None:
        return None
    query = f"{request.product_text} {request.symptom}".strip()
    hits = await knowledge.search(query, locale=desk.lang, limit=1) if query else []
    article = hits[0].article if hits else None
    parts = pages.blocks(article.body) if article else []
    steps = [text for kind, lines in parts if kind == "ol" for text in lines]
    return {
        **request_view(desk, request),
        "open": request.status in OPEN,
        "article": {"title": article.title, "url": knowledge.url_of(article)} if article else None,
        "steps": steps[:STEPS],
    }


async def _pages(desk: Desk) -> list[dict[str, str]]:
    """Pages of ours that staff can show: articles in the desk's language."""
    found = await knowledge.list_articles(locale=desk.lang, published=True, limit=40)
    return [{"title": each.title, "url": knowledge.url_of(each)} for each in found.items]


@api
async def qr(desk: Desk) -> web.StreamResponse:
    """The customer's link as a picture and as text."""
    desk.need("live.write")
    whole = await live_views.get(desk.actor, desk.id())
    link = f"{desk.origin}{live_links.path_of(whole.customer)}"
    return json_answer({"link": link, "svg": str(picture(link))})


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/calls", listed)
    app.router.add_get(r"/desk/calls/{id:\d+}/room", room)
    app.router.add_get(r"/desk/api/calls/{id:\d+}/qr", qr)
