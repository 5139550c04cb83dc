"""The contact beside a conversation: masked facts, open requests, products, what happened."""

from typing import Any

from bots.web import i18n
from bots.web.desk import words
from bots.web.desk.frame import Desk, person
from crm import contacts, live_record, requests
from crm import timeline as crm_timeline
from crm.models import Consent, Identity, LiveSession, Possession, ServiceRequest, Staff

FIELDS = ("phone", "email", "address")
TIMELINE = 6


async def contact_card(desk: Desk, contact_id: int) -> dict[str, Any]:
    """What the side pane shows of a contact, in a bounded number of reads."""
    card = await contacts.card(desk.actor, contact_id)
    owned_now = Possession.filter(contact_id=contact_id, ended_on=None).order_by("-since").limit(10)
    possessions = await owned_now.select_related("product")
    identities = await Identity.filter(contact_id=contact_id).order_by("id").limit(8)
    owned = await requests.of_contact(contact_id, open_only=True, limit=5)
    return {
        "id": contact_id,
        "name": card["name"] or desk.t("desk.nameless"),
        "person": words.person(contact_id, card["name"] or desk.t("desk.nameless")),
        "blocked": card["blocked"],
        "verified": card["verified"],
        "account": card["account_name"],
        "notes": card["notes"],
        "labels": card["labels"],
        "since": _since(desk, card["customer_since"]),
        "owns": _owns(desk, possessions),
        "fields": [_field(card, name) for name in FIELDS if card[name] or name == "phone"],
        "channels": list(dict.fromkeys(identity.channel for identity in identities)),
        "ads": await _ads(desk, contact_id),
        "preferred": card["preferred_channel"],
        "requests": [request_view(desk, request) for request in owned],
        "products": [_product(desk, each) for each in possessions],
        "timeline": await timeline(desk, contact_id, TIMELINE),
    }


def _field(card: dict[str, Any], name: str) -> dict[str, Any]:
    return {"name": name, "text": card[name] or "–", "hidden": bool(card[name])}


def _since(desk: Desk, since: Any) -> str:
    if since is None:
        return ""
    years = desk.now.astimezone(desk.tz).date().year - since.year + 1
    return desk.t("desk.contact.years", years=years) if years > 1 else desk.t("desk.contact.new")


def _owns(desk: Desk, possessions: list[Possession]) -> str:
    kinds = [p.kind for p in possessions]
    parts = [desk.t(f"desk.contact.{k}", count=kinds.count(k)) for k in ("rental", "purchase") if k in kinds]
    return " · ".join(parts)


def _product(desk: Desk, possession: Possession) -> dict[str, str]:
    product = possession.product
    name = product.name_en if desk.lang == "en" and product.name_en else product.name
    today = desk.now.astimezone(desk.tz).date()
    if possession.kind == "rental" and possession.months:
        gone = (today.year - possession.since.year) * 12 + today.month - possession.since.month
        about = desk.t("desk.side.rental", gone=max(0, gone), months=possession.months)
    else:
        about = desk.t("desk.side.purchase", at=words.month(possession.since, desk.lang))
    return {"name": name, "about": about}


async def _ads(desk: Desk, contact_id: int) -> str:
    """By which channels advertising is welcome: the newest decision of each holds."""
    rows = await Consent.filter(contact_id=contact_id, purpose="ad").order_by("at", "id").limit(50)
    holding = {row.channel: row.granted for row in rows}
    names = [desk.t(f"channel.{channel}") for channel, granted in holding.items() if granted and channel]
    return ", ".join(names) if names else desk.t("desk.contact.no_ads")


def request_view(desk: Desk, request: ServiceRequest) -> dict[str, Any]:
    """A request for cards and selects; `product` and `assignee` must be loaded."""
    product = request.product.name if request.product else request.product_text
    visit = ""
    if request.visit_from:
        visit = words.span(request.visit_from, request.visit_to, desk.tz, desk.lang, desk.now)
    return {
        "id": request.id,
        "number": request.number,
        "status": request.status,
        "next": sorted(requests.TRANSITIONS[request.status], key=requests.STATUSES.index),
        "priority": request.priority if request.priority != "normal" else "",
        "product": product,
        "symptom": request.symptom,
        "visit": visit,
        "assignee": person(request.assignee, desk.lang) if request.assignee else None,
    }


def call_view(desk: Desk, session: LiveSession) -> dict[str, Any]:
    """A live session in a short list."""
    at = session.started_at or session.scheduled_at or session.created_at
    return {
        "id": session.id,
        "status": session.status,
        "minutes": live_record.minutes(session),
        "when": i18n.moment(at, desk.tz, desk.lang, desk.now),
    }


async def timeline(desk: Desk, contact_id: int, limit: int) -> list[dict[str, Any]]:
    """What happened with a contact, newest first, in words."""
    found = await crm_timeline.of(desk.actor, contact_id, limit=limit)
    return [timeline_view(desk, item) for item in found.items]


def _variant(item: dict[str, Any]) -> str:
    """Which of an entry's sentences: what was agreed to or refused; a notice that went out, waits or found no
    way; one that arrived or failed."""
    if item["kind"] == "consent.changed":
        return f".{item['data'].get('purpose')}.{'yes' if item['data'].get('granted') else 'no'}"
    if item["kind"] == "message.routed":
        why = item["data"].get("why")
        return ".none" if why == "none" else ".waits" if why == "waits" else ".sent"
    return f".{item['data'].get('state')}" if item["kind"] == "message.reported" else ""


def timeline_view(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    """An entry of `crm.timeline` in words; `href` leads to what it is about."""
    values = {k: v for k, v in item["data"].items() if isinstance(v, (str, int)) and k != "n"}
    reference = item["reference"] or {}
    if "status" in values:
        values["status"] = desk.t(f"status.{values['status']}")
    if values.get("channel"):
        values["channel"] = desk.t(f"channel.{values['channel']}")
    elif item["kind"] == "consent.changed":
        values["channel"] = desk.t("desk.timeline.everywhere")
    values["number"] = reference.get("number", "")
    key = f"desk.timeline.{item['kind']}{_variant(item)}"
    subject, pages = item["subject"], {"request": "/desk/requests", "conversation": "/desk/conversations"}
    live = item["data"].get("live_id") if item["kind"].startswith(("live.", "recording.")) else None
    return {
        "id": item["id"],
        "text": desk.t(key, **values) if key in i18n.catalogue(desk.lang) else item["kind"],
        "when": words.brief(item["at"], desk.tz, desk.lang, desk.now),
        "at": item["at"].isoformat(),
        "href": f"/desk/calls/{live}"
        if live
        else f"{pages[subject]}/{item['subject_id']}"
        if subject in pages and item["subject_id"]
        else "",
    }


async def staff_list(desk: Desk) -> list[dict[str, Any]]:
    """Active staff for menus and selects, by name."""
    rows = await Staff.filter(active=True).order_by("name").limit(200)
    return [person(row, desk.lang) for row in rows]
