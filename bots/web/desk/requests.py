"""The board and the list of service requests, one request with its history, and the form for a new one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from bots.web import i18n
from bots.web.desk import side, words
from bots.web.desk.frame import Desk, number, page
from bots.web.desk.nav import shell
from bots.web.desk.stored import file_view
from crm import contacts, live_views, products, requests, teams
from crm.models import Possession, ServiceRequest
from crm.requests import Filters

FOLDED = ("closed", "cancelled")
NEEDS_REASON = ("cancelled",)


@page
async def board(desk: Desk) -> web.StreamResponse:
    """Columns by status, or with `layout=list` one list of the open ones."""
    query = desk.request.query
    layout = "list" if query.get("layout") == "list" else "board"
    filters, chosen = _filters(desk)
    opened = query.get("unfold", "")
    folded = tuple(status for status in FOLDED if status != opened)
    found = await requests.board(desk.actor, filters=filters, folded=folded, now=desk.now, tz=desk.tz)
    context: dict[str, Any] = {
        "columns": [_column(desk, column, column.status in folded) for column in found.columns],
        "totals": {"open": found.open, "late": found.late, "tomorrow": found.visits_tomorrow},
        "layout": layout,
    }
    if layout == "list":
        context |= await _list(desk, filters)
    if desk.fragment == "board":
        return desk.render("_board.html", **context)
    if desk.fragment == "list":
        return desk.render("_request_rows.html", **context)
    return desk.render(
        "board.html",
        **await shell(desk, "requests"),
        **context,
        **await _choices(desk),
        page="board",
        chosen=chosen,
        q=query.get("q", "")[:100],
    )


async def _list(desk: Desk, filters: Filters) -> dict[str, Any]:
    cards, more = await requests.list_requests(
        desk.actor, filters=filters, after=desk.asked("after"), limit=50, tz=desk.tz
    )
    return {"cards": [_card(desk, card) for card in cards], "more": more or ""}


@page
async def column(desk: Desk) -> web.StreamResponse:
    """More cards of one column."""
    status = desk.request.match_info["status"]
    if status not in requests.STATUSES:
        raise web.HTTPNotFound
    found = await requests.column(
        desk.actor,
        status,
        filters=_filters(desk)[0],
        after=desk.asked("after"),
        limit=requests.PER_COLUMN,
        tz=desk.tz,
    )
    return desk.render("_cards.html", column=_column(desk, found, False))


def _column(desk: Desk, found: requests.Column, folded: bool) -> dict[str, Any]:
    return {
        "status": found.status,
        "count": found.count,
        "folded": folded,
        "cards": [_card(desk, card) for card in found.cards],
        "after": found.after or "",
    }


def _card(desk: Desk, card: Mapping[str, Any]) -> dict[str, Any]:
    """A request on the board. What it says at the foot depends on its status."""
    english = desk.lang == "en"
    name = (english and card["assignee_name_en"]) or card["assignee_name"]
    product = (english and card["product_name_en"]) or card["product"]
    if card["possession_kind"] == "rental":
        product = f"{product} · {desk.t('desk.board.rental')}"
    status, lang = card["status"], desk.lang
    foot: dict[str, Any] = {"due": None, "rating": card["rating"], "text": ""}
    if status == "waiting_customer":
        days = (desk.now.astimezone(desk.tz).date() - card["status_at"].astimezone(desk.tz).date()).days + 1
        foot["text"] = desk.t("desk.board.days", days=days)
    elif status in requests.OPEN:
        foot["due"] = words.due(card["due_at"], desk.tz, lang, desk.now)
    elif status == "resolved" and card["rating"] is None:
        foot["text"] = desk.t("desk.board.unrated")
    visit = words.span(card["visit_from"], None, desk.tz, lang, desk.now) if card["visit_from"] else ""
    return {
        **{key: card[key] for key in ("id", "number", "status", "channel", "version")},
        "next": sorted(requests.TRANSITIONS[status], key=requests.STATUSES.index),
        "priority": card["priority"] if card["priority"] in ("high", "urgent") else "",
        "title": card["symptom"] or desk.t(f"desk.category.{card['category']}"),
        "product": product,
        "contact": card["contact_name"] or desk.t("desk.nameless"),
        "assignee": words.person(card["assignee_id"], name) if card["assignee_id"] else None,
        "visit": visit,
        "when": words.ago(card["created_at"], desk.tz, lang, desk.now),
        **foot,
    }


def _filters(desk: Desk) -> tuple[Filters, dict[str, str]]:
    """The filters of the address, and what was chosen as text; wrong values are ignored."""
    query = desk.request.query
    chosen = {name: query.get(name, "") for name in ("team", "staff", "priority", "category", "visit")}
    chosen["staff"] = str(desk.staff.id) if chosen["staff"] == "me" else chosen["staff"]
    staff, visit = chosen["staff"], None
    try:
        visit = date.fromisoformat(chosen["visit"]) if chosen["visit"] else None
    except ValueError:
        chosen["visit"] = ""
    filters = Filters(
        team_id=number(chosen["team"]),
        assignee_id=number(staff),
        unassigned=staff == "none",
        priority=chosen["priority"] if chosen["priority"] in requests.PRIORITIES else None,
        product_category=chosen["category"] or None,
        visit_day=visit,
        query=query.get("q", "")[:100],
    )
    return filters, chosen


async def _choices(desk: Desk) -> dict[str, Any]:
    catalogue = await products.list_products()
    return {
        "staff": await side.staff_list(desk),
        "teams": [{"id": team.id, "name": team.name} for team in await teams.list_teams()],
        "categories": sorted({product.category for product in catalogue if product.category}),
    }


@page
async def detail(desk: Desk) -> web.StreamResponse:
    """One request: facts, history, comments, files, links, rating, and what may be done next."""
    found = await requests.get(desk.actor, desk.id())
    request: ServiceRequest = found["request"]
    contact = await contacts.card(desk.actor, request.contact.id)
    name = contact["name"] or desk.t("desk.nameless")
    view = {
        **side.request_view(desk, request),
        "next": found["next"],
        "category": request.category,
        "team": request.team.name if request.team else "",
        "raw_priority": request.priority,
        "version": request.version,
        "contact": {"id": request.contact.id, "name": name, "phone": contact["phone"]},
        "address": contacts.mask_address(request.address),
        "phone": contacts.mask_phone(request.phone),
        "channel": request.channel,
        "conversation": request.conversation_id,
        "created": i18n.moment(request.created_at, desk.tz, desk.lang, desk.now),
        "due": words.due(request.due_at, desk.tz, desk.lang, desk.now) if request.due_at else None,
        "resolution": request.resolution,
        "product_text": request.product_text,
        "visit_from": _local(desk, request.visit_from),
        "visit_to": _local(desk, request.visit_to),
    }
    return desk.render(
        "request.html",
        **await shell(desk, "requests"),
        page="request",
        r=view,
        person=words.person(request.contact.id, name),
        events=[_event(desk, event) for event in found["events"]],
        files=[_file(desk, file, name) for file in found["files"]],
        links=found["links"],
        rating=found["rating"],
        calls=[side.call_view(desk, each) for each in await live_views.of_request(request.id)],
        staff=await side.staff_list(desk),
        reasons=NEEDS_REASON,
    )


def _file(desk: Desk, file: Any, name: str) -> dict[str, Any]:
    fields = ("token", "name", "type", "size", "width", "height", "description")
    return file_view(desk, {key: getattr(file, key) for key in fields}, name, file.created_at)


def _local(desk: Desk, at: Any) -> str:
    """A value for <input type=datetime-local>, in the company's time zone."""
    return at.astimezone(desk.tz).strftime("%Y-%m-%dT%H:%M") if at else ""


def _event(desk: Desk, event: dict[str, Any]) -> dict[str, Any]:
    data = event["data"]
    kind = event["kind"]
    who = event["name"] or desk.t(f"desk.actor.{event['actor'].split(':')[0]}")
    values = {"to": event["to"] or desk.t("desk.nobody"), "score": data.get("score", "")}
    for key in ("status", "was"):
        if isinstance(data.get(key), str):
            values[key] = desk.t(f"status.{data[key]}")
    if isinstance(data.get("priority"), str):
        values["priority"] = desk.t(f"priority.{data['priority']}")
    values["number"] = data.get("number", "")
    if kind == "status" and data.get("reopened"):
        kind = "reopened"
    if kind == "live":
        values["minutes"] = str(data.get("minutes", 0))
    key = f"desk.history.{kind}"
    known = key in i18n.catalogue(desk.lang)
    return {
        "who": who,
        "what": desk.t(key, **values) if known else kind,
        "text": event["text"],
        "comment": kind in ("commented", "complained"),
        "when": words.ago(event["at"], desk.tz, desk.lang, desk.now),
        "at": event["at"].isoformat(),
    }


@page
async def new(desk: Desk) -> web.StreamResponse:
    """The form of a new request for a contact, as a sheet; without one it begins by finding the contact."""
    desk.need("request.write")
    query = desk.request.query
    wanted = desk.asked("contact")
    contact = await contacts.card(desk.actor, wanted) if wanted else None
    owned = (
        await Possession.filter(contact_id=contact["id"], ended_on=None).limit(20).select_related("product")
        if contact
        else []
    )
    return desk.render(
        "request_form.html",
        contact=contact,
        conversation=query.get("conversation", ""),
        owned=[{"id": p.id, "name": p.product.name} for p in owned],
        catalogue=[product.name for product in await products.list_products()],
        categories=requests.CATEGORIES,
        priorities=requests.PRIORITIES,
    )


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/requests", board)
    app.router.add_get("/desk/requests/new", new)
    app.router.add_get("/desk/requests/column/{status}", column)
    app.router.add_get(r"/desk/requests/{id:\d+}", detail)
