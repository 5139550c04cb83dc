"""Contacts: search, one contact with everything known, and the forms to add or change one."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bots.web.app_keys import CONFIG, OPENING
from bots.web.desk import side, words
from bots.web.desk.frame import Desk, api, json_answer, page
from bots.web.desk.nav import shell
from bots.web.qr import picture
from crm import callbacks, contacts, conversations, db, duplicates, labels, linking, merging, requests
from crm import timeline as crm_timeline

TIMELINE = 30
HANDED_OVER = timedelta(days=30)  # how long a printed address is good


@page
async def index(desk: Desk) -> web.StreamResponse:
    """The list, newest first, or what a search finds."""
    query = desk.request.query
    found = await contacts.list_contacts(
        desk.actor, query=query.get("q", "")[:100], after=query.get("after") or None, limit=50
    )
    context = {
        "rows": [_row(desk, item) for item in found.items],
        "more": found.next or "",
        "q": query.get("q", "")[:100],
    }
    if desk.fragment == "list":
        return desk.render("_contact_rows.html", **context)
    return desk.render("contacts.html", **await shell(desk, "contacts"), **context, page="contacts")


def _row(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    name = item["name"] or desk.t("desk.nameless")
    return {
        "id": item["id"],
        "name": name,
        "person": words.person(item["id"], name),
        "phone": item["phone"],
        "email": item["email"],
        "account": item["account_name"] or "",
        "labels": item["labels"],
        "blocked": item["blocked"],
        "since": words.brief(item["created_at"], desk.tz, desk.lang, desk.now),
    }


@page
async def detail(desk: Desk) -> web.StreamResponse:
    """One contact: facts, products, requests, conversations, callbacks and the whole timeline."""
    before = desk.request.query.get("before") or None
    history = await crm_timeline.of(desk.actor, desk.id(), before=before, limit=TIMELINE)
    entries = {
        "entries": [side.timeline_view(desk, item) for item in history.items],
        "more": history.next or "",
        "contact_id": desk.id(),
    }
    if desk.fragment == "timeline":
        return desk.render("_timeline.html", **entries)
    if (whole := await merging.resolve(desk.id())) != desk.id():
        raise web.HTTPFound(f"/desk/contacts/{whole}")
    card = await side.contact_card(desk, desk.id())
    talks = await conversations.of_contact(desk.actor, desk.id(), limit=20)
    owned = await requests.of_contact(desk.id(), limit=20)
    return desk.render(
        "contact.html",
        **await shell(desk, "contacts"),
        **entries,
        page="contact",
        p=card,
        conversations=[_talk(desk, item) for item in talks],
        requests=[side.request_view(desk, request) for request in owned],
        callbacks=[_callback(desk, item) for item in await callbacks.of_contact(desk.id())],
        all_labels=[{"id": it.id, "name": it.name, "colour": it.colour} for it in await labels.all_labels()],
        staff=await side.staff_list(desk),
        twins=await _twins(desk),
        merges=await _merges(desk),
    )


async def _twins(desk: Desk) -> list[dict[str, Any]]:
    """Contacts that may be the same person, with what is alike."""
    found = await duplicates.suggest(desk.actor, desk.id())
    return [
        {
            "id": item.other_id,
            "name": item.name or desk.t("desk.nameless"),
            "alike": " · ".join(desk.t(f"desk.merge.alike.{field}") for field in item.alike),
        }
        for item in found
    ]


async def _merges(desk: Desk) -> list[dict[str, Any]]:
    """What was merged into this contact, and how it was proven."""
    return [
        {
            "id": item.id,
            "proof": desk.t(f"desk.merge.proof.{item.proof}"),
            "when": words.brief(item.at, desk.tz, desk.lang, desk.now),
        }
        for item in await merging.of_contact(desk.actor, desk.id())
    ]


def _talk(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    last = item["last_message"] or {}
    return {
        "id": item["id"],
        "channel": item["channel"],
        "status": desk.t(f"desk.talk.{item['status']}"),
        "text": last.get("text", ""),
        "when": words.ago(item["last_message_at"], desk.tz, desk.lang, desk.now),
    }


def _callback(desk: Desk, item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "status": desk.t(f"desk.callbacks.state.{item.status}"),
        "topic": item.topic or desk.t("desk.callbacks.no_topic"),
        "when": words.brief(item.due_at, desk.tz, desk.lang, desk.now),
    }


@page
async def twins(desk: Desk) -> web.StreamResponse:
    """Pairs that may be one person, the newest contact's first, for the whole company."""
    found = await duplicates.pairs(desk.actor, after=desk.asked("after"))
    return desk.render(
        "contact_twins.html",
        **await shell(desk, "contacts"),
        page="contacts",
        pairs=[
            {
                "older": _side(desk, pair.older),
                "newer": _side(desk, pair.newer),
                "alike": [desk.t(f"desk.merge.alike.{field}") for field in pair.alike],
            }
            for pair in found.items
        ],
        more=found.next,
        first=desk.asked("after") is None,
    )


def _side(desk: Desk, row: Mapping[str, Any]) -> dict[str, Any]:
    """One of two contacts, as little of it as tells them from each other."""
    name = row["name"] or desk.t("desk.nameless")
    since = db.read_stamp(row["created_at"])
    return {
        "id": row["id"],
        "name": name,
        "person": words.person(row["id"], name),
        "phone": contacts.mask_phone(row["phone"]),
        "email": contacts.mask_email(row["email"]),
        "since": words.brief(since, desk.tz, desk.lang, desk.now) if since else "",
    }


@page
async def new(desk: Desk) -> web.StreamResponse:
    """The form of a new contact, as a sheet."""
    desk.need("contact.write")
    return desk.render("contact_form.html", p=None, preferable=_preferable(desk, ""))


@page
async def edit(desk: Desk) -> web.StreamResponse:
    """The form to change a contact; masked values stay unless something is written."""
    desk.need("contact.write")
    card = await contacts.card(desk.actor, desk.id())
    return desk.render("contact_form.html", p=card, preferable=_preferable(desk, card["preferred_channel"]))


def _preferable(desk: Desk, now: str) -> list[str]:
    """The channels that can be preferred for notices: those that are on, and the one that is `now`."""
    return list(dict.fromkeys([*desk.request.app[CONFIG].notice_channels, *filter(None, [now])]))


@api
async def pick(desk: Desk) -> web.StreamResponse:
    """Contacts that a half-typed name or phone finds, for forms."""
    query = desk.request.query.get("q", "").strip()[:100]
    found = await contacts.list_contacts(desk.actor, query=query, limit=8) if query else None
    items = found.items if found else []
    return json_answer(
        {
            "items": [
                {"id": item["id"], "name": item["name"] or desk.t("desk.nameless"), "about": item["phone"]}
                for item in items
            ]
        }
    )


@page
async def link(desk: Desk) -> web.StreamResponse:
    """Make an address of our Telegram bot that makes whoever opens it this contact, to print or hand over.
    By POST alone: it is written down who had one made."""
    card = await contacts.card(desk.actor, desk.id())
    token = await linking.link_for(desk.actor, desk.id(), life=HANDED_OVER, now=desk.now)
    url = await desk.request.app[OPENING](token)
    return desk.render(
        "contact_link.html",
        name=card["name"] or desk.t("desk.nameless"),
        url=url,
        picture=f"data:image/svg+xml,{quote(picture(url))}" if url else "",
        until=words.brief(desk.now + HANDED_OVER, desk.tz, desk.lang, desk.now),
    )


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/contacts", index)
    app.router.add_get("/desk/contacts/new", new)
    app.router.add_get("/desk/contacts/twins", twins)
    app.router.add_get(r"/desk/contacts/{id:\d+}", detail)
    app.router.add_get(r"/desk/contacts/{id:\d+}/edit", edit)
    app.router.add_post(r"/desk/contacts/{id:\d+}/link", link)
    app.router.add_get("/desk/api/contacts", pick)
