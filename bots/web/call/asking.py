"""`POST /channels/web/live`: the customer's own button in the web chat asks for live support."""

import time
from datetime import UTC, datetime

from aiohttp import web

from bots.web import chat_session, i18n, security
from bots.web.app_keys import CONFIG
from bots.web.call.places import status_of
from crm import conversations, hours, identities, live_asking, live_links
from crm.actor import Actor
from crm.errors import CrmError

BRAKE = web.AppKey("call_asking_brake", security.RateLimit)
TOPIC = "repair"


async def ask(request: web.Request) -> web.StreamResponse:
    """Answers `{"path"}` of the call page, or `{"text"}` that says why not now and from when."""
    if not security.origin_allowed(request):
        raise web.HTTPForbidden(text="origin")
    now = datetime.now(UTC)
    session = await chat_session.resume(request.app[CONFIG], request.headers.get("X-Dangol-Session", ""), now)
    if session is None:
        return web.json_response({"code": "not_allowed"}, status=403)
    if not request.app[BRAKE].take(session.external_user, time.monotonic()):
        return web.json_response({"code": "busy"}, status=429, headers={"Retry-After": "30"})
    lang, tz = i18n.negotiate(request), request.app[CONFIG].timezone
    calendar = await hours.load()
    if not calendar.is_open(now):
        opens = calendar.next_open(now)
        key = "call.wait.closed" if opens else "call.wait.closed_all"
        text = i18n.t(lang, key, opens=i18n.moment(opens, tz, lang, now) if opens else "")
        return web.json_response({"text": text}, status=409)
    identity = await identities.find_or_create(
        session.channel, session.account, session.external_user, locale=lang, now=now
    )
    conversation = await conversations.reach(identity, now=now, locale=lang)
    try:
        made = await live_asking.create(
            Actor("contact", identity.contact_id),
            identity.contact_id,
            conversation_id=conversation.id,
            now=now,
        )
    except CrmError as error:
        return web.json_response({"text": i18n.t(lang, "call.fault.other")}, status=status_of(error))
    await conversations.hand_over(conversation.id, reason="start_live_support", team_topic=TOPIC, now=now)
    return web.json_response({"path": live_links.path_of(made.customer)})


def routes(app: web.Application) -> None:
    app[BRAKE] = security.RateLimit(rate=1 / 30, burst=4)
    app.router.add_post("/channels/web/live", ask)
