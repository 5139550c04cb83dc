"""The call page itself, entering by a link, and the files that are sent from it."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import BodyPartReader, web

from bots.web import i18n, pages, security
from bots.web.app_keys import CONFIG
from bots.web.call import places
from crm import company, files, live_chat, live_links, live_sessions
from crm.errors import Conflict, CrmError, Invalid
from crm.live_links import Place

DOOR = web.AppKey("call_door", security.RateLimit)
FORM_OVERHEAD = 64 * 1024


async def show(request: web.Request) -> web.StreamResponse:
    """`GET /call/{token}`: the page, or why the link opens nothing. Looking binds nothing."""
    if not request.app[DOOR].take(security.client_address(request), time.monotonic()):
        raise web.HTTPTooManyRequests(headers={"Retry-After": "5"})
    try:
        place = await live_links.find(request.match_info["token"], now=datetime.now(UTC))
        _check_browser(request, place)
    except CrmError as error:
        return await closed(request, error)
    if place.participant.side == "staff":
        raise web.HTTPFound(f"/desk/calls/{place.session.id}/room")
    request[i18n.LANG] = places.language(request, place)
    reach_media(request)
    return await render(request, place)


def _check_browser(request: web.Request, place: Place) -> None:
    secret = places.secret_of(request, place.participant.id)
    if place.participant.bound_hash and not live_links.is_bound_to(place.participant, secret):
        raise Conflict("other_browser")


def reach_media(request: web.Request) -> None:
    """Let the page connect to the media processes' own address."""
    media = request.app[CONFIG].media_url
    if media:
        host = urlsplit(media).netloc
        request[security.CONNECTS] = f" {media} wss://{host} ws://{host}"


async def closed(request: web.Request, error: CrmError) -> web.Response:
    """A page that says why, and what to do next."""
    lang = i18n.negotiate(request)
    profile = await company.get()
    words = places.fault(request, error)
    return pages.render(
        request,
        "call_closed.html",
        status=places.status_of(error),
        company=pages.company_name(profile, lang),
        company_phone=i18n.phone(profile.phone),
        code=words["code"],
        text=words["text"],
    )


async def render(request: web.Request, place: Place) -> web.Response:
    lang = request[i18n.LANG]
    profile = await company.get()
    policy = await live_sessions.policy_in_force()
    response = pages.render(
        request,
        "call.html",
        company=pages.company_name(profile, lang),
        side=place.participant.side,
        keep_days=policy.keep_days,
        config=settings(request, place, pages.company_name(profile, lang)),
    )
    pages.remember_language(request, response)  # its socket and its answers speak the same
    return response


def settings(request: web.Request, place: Place, company_name: str) -> dict[str, Any]:
    """What the page's scripts need to know."""
    config, token = request.app[CONFIG], live_links.token_of(place.participant)
    return {
        "base": f"/call/{token}",
        "token": token,
        "socket": f"{config.media_url}/call/{token}/socket",
        "side": place.participant.side,
        "me": str(place.participant.id),
        "purpose": place.session.purpose,
        "sprite": f"/static/icons.svg?v={request.app[pages.VERSION]}",
        "timezone": config.timezone.key,
        "maxMb": config.upload_max_mb,
        "maxBytes": config.upload_max_bytes,
        "company": company_name,
    }


async def enter(request: web.Request) -> web.StreamResponse:
    """`POST /call/{token}/enter`: bind the link to this browser; answers the key for the media room."""
    if not security.origin_allowed(request) or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise web.HTTPForbidden(text="origin")
    if not request.app[DOOR].take(security.client_address(request), time.monotonic()):
        return web.json_response({"code": "busy"}, status=429)
    token, now = request.match_info["token"], datetime.now(UTC)
    try:
        found = await live_links.find(token, now=now)
        given = places.secret_of(request, found.participant.id)
        if found.participant.side == "staff":
            raise Conflict("other_browser")  # colleagues enter by the desk, where they are signed in
        place, secret = await live_links.enter(token, given, now=now)
    except CrmError as error:
        return web.json_response(places.fault(request, error), status=places.status_of(error))
    lang = places.language(request, place)
    if place.participant.side == "customer" and lang != place.session.locale:
        await live_links.speaks(place.session, lang)
    answer = web.json_response({"browser": secret, "status": place.session.status})
    places.keep_secret(request, answer, place.participant.id, secret)
    return answer


@places.api
async def upload(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/upload`: one file; answers its token, to be said in the chat."""
    owner = await live_chat.owner_of(place.participant, place.session)
    name, data = await read_file(request, files.max_bytes())
    kept = await files.store(data, name=name, owner=owner, now=datetime.now(UTC))
    return web.json_response({"upload": kept.token, "name": kept.name, "type": kept.type, "size": kept.size})


@places.api
async def photo(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/photo`: what a colleague sees, kept with the request."""
    actor = await places.actor_of(place.participant)
    if actor is None:
        raise Conflict("no_chat")
    now = datetime.now(UTC)
    _, data = await read_file(request, files.max_bytes())
    kept = await files.store(data, name="photo.jpg", owner=actor.ref, now=now)
    await live_chat.photo(actor, place.participant, place.session, kept.token, now=now)
    return web.json_response({"photo": kept.token, "request": place.session.request_id})


async def read_file(request: web.Request, most: int) -> tuple[str, bytes]:
    """The field `file`. Raises `Invalid("file", "too_large" | "missing")`; never holds more than `most`."""
    if request.content_type != "multipart/form-data":
        raise Invalid("file", "missing")
    if (request.content_length or 0) > most + FORM_OVERHEAD:
        raise Invalid("file", "too_large", most=most)
    with security.reading():
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                data = bytearray()
                while chunk := await part.read_chunk(65_536):
                    data += chunk
                    if len(data) > most:
                        raise Invalid("file", "too_large", most=most)
                if data:
                    return part.filename or "file", bytes(data)
    raise Invalid("file", "missing")


def routes(app: web.Application) -> None:
    app[DOOR] = security.RateLimit(rate=2.0, burst=60)
    app.router.add_get("/call/{token}", show)
    app.router.add_post("/call/{token}/enter", enter)
    app.router.add_post("/call/{token}/upload", upload)
    app.router.add_post("/call/{token}/photo", photo)
