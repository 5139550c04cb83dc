"""The callback queue: who wants to be phoned, by due time, and what came of each try."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bots.web.desk import side, words
from bots.web.desk.frame import Desk, number, page
from bots.web.desk.nav import shell
from crm import callbacks, contacts, live_views
from crm.errors import Invalid
from crm.models import Callback

STATES = ("due", "done", "given_up")
LIMIT = 50


@page
async def index(desk: Desk) -> web.StreamResponse:
    """One state of the queue, 50 at a time."""
    state = desk.request.query.get("state", "due")
    state = state if state in STATES else "due"
    found = await callbacks.due(desk.actor, status=state, after=_after(desk), limit=LIMIT + 1)
    shown = found[:LIMIT]
    more = f"{shown[-1].due_at.isoformat()}~{shown[-1].id}" if len(found) > LIMIT else ""
    missed = await live_views.missed_of(shown)
    return desk.render(
        "callbacks.html",
        **await shell(desk, "callbacks"),
        page="callbacks",
        rows=[_row(desk, item, item.id in missed) for item in shown],
        more=more,
        state=state,
        states=STATES,
        staff=await side.staff_list(desk),
    )


def _after(desk: Desk) -> tuple[datetime, int] | None:
    text = desk.request.query.get("after", "")
    at, _, row = text.partition("~")
    if not text:
        return None
    try:
        return datetime.fromisoformat(at).astimezone(UTC), number(row) or 0
    except (ValueError, OverflowError) as fault:
        raise Invalid("after", "not_a_cursor") from fault


def _row(desk: Desk, item: Callback, missed: bool = False) -> dict[str, Any]:
    name = item.contact.name or desk.t("desk.nameless")
    due = words.due(item.due_at, desk.tz, desk.lang, desk.now) if item.status == "due" else None
    return {
        "id": item.id,
        "contact": item.contact.id,
        "name": name,
        "person": words.person(item.contact.id, name),
        "phone": contacts.mask_phone(item.phone),
        "topic": item.topic or desk.t("desk.live.missed_topic" if missed else "desk.callbacks.no_topic"),
        "due": due,
        "when": words.brief(item.due_at, desk.tz, desk.lang, desk.now),
        "attempts": item.attempts,
        "outcome": item.outcome,
        "assignee": words.person(item.assignee.id, item.assignee.name) if item.assignee else None,
        "request": {"id": item.request.id, "number": item.request.number} if item.request else None,
        "conversation": item.conversation_id,
    }


@page
async def attempt(desk: Desk) -> web.StreamResponse:
    """The sheet to phone and to write down what came of it."""
    desk.need("callback.write")
    item, tries = await callbacks.get(desk.actor, desk.id())
    return desk.render(
        "callback_form.html",
        c=_row(desk, item),
        tries=[
            {
                "outcome": desk.t(f"desk.outcome.{each.outcome}"),
                "note": each.note,
                "when": words.ago(each.at, desk.tz, desk.lang, desk.now),
            }
            for each in tries
        ],
        outcomes=callbacks.OUTCOMES,
    )


@page
async def new(desk: Desk) -> web.StreamResponse:
    """The sheet to book a callback; without a contact it begins by finding one."""
    desk.need("callback.write")
    wanted = desk.asked("contact")
    contact = await contacts.card(desk.actor, wanted) if wanted else None
    return desk.render("callback_new.html", contact=contact)


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/callbacks", index)
    app.router.add_get("/desk/callbacks/new", new)
    app.router.add_get(r"/desk/callbacks/{id:\d+}", attempt)
