"""`/call/{token}/form`: the request's own page in guided co-browsing. The customer types; staff see where.

A colleague's copy holds no values at all: what is masked on their side was never sent to it.
"""

from datetime import UTC, datetime

from aiohttp import web

from bots.web import i18n, pages
from bots.web.call import places
from bots.web.desk.frame import body
from crm import contacts, requests
from crm.actor import Actor
from crm.errors import Conflict, CrmError, Invalid, NotFound
from crm.live_links import Place
from crm.models import ServiceRequest

FIELDS = {"symptom": 2000, "address": 300, "phone": 20}


async def show(request: web.Request) -> web.StreamResponse:
    """The form, filled for its customer alone."""
    try:
        place = await places.own(request)
        found = await _request(place)
    except CrmError as error:
        raise web.HTTPNotFound(text="not found") from error
    lang = request[i18n.LANG] = places.language(request, place)
    own = place.participant.side == "customer"
    values = {
        "symptom": found.symptom,
        "address": found.address,
        "phone": contacts.show_phone(found.phone) if found.phone else "",
    }
    return pages.render(
        request,
        "call_form.html",
        own=own,
        number=found.number,
        product=found.product_text,
        values=values if own else dict.fromkeys(values, ""),
        config={"base": f"/call/{request.match_info['token']}", "lang": lang},
    )


@places.api
async def save(request: web.Request, place: Place) -> web.StreamResponse:
    """`POST /call/{token}/form` `{"symptom"?, "address"?, "phone"?}`, by the customer."""
    if place.participant.side != "customer":
        raise Conflict("not_yours")
    found, given = await _request(place), await body(request)
    changes = {name: str(given[name])[:most] for name, most in FIELDS.items() if name in given}
    if changes.get("phone"):
        number = contacts.normalise_phone(changes["phone"])
        if number is None:
            raise Invalid("phone", "not_a_phone")
        changes["phone"] = number
    customer = Actor("contact", place.session.contact_id)
    await requests.amend(customer, found.id, changes, now=datetime.now(UTC))
    return web.json_response({"ok": True})


async def _request(place: Place) -> ServiceRequest:
    """The request of the call. Raises `NotFound`."""
    found = await ServiceRequest.get_or_none(id=place.session.request_id or 0)
    if found is None:
        raise NotFound("request")
    return found


def routes(app: web.Application) -> None:
    app.router.add_get("/call/{token}/form", show)
    app.router.add_post("/call/{token}/form", save)
