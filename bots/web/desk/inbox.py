"""The three panes: list, conversation, contact — as a page and as the parts that scripts fetch."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bots.web import i18n
from bots.web.desk import mail, rows, side, talk
from bots.web.desk.counting import counts
from bots.web.desk.frame import Desk, page
from bots.web.desk.nav import shell
from crm import conversations, hours, labels, teams

VIEWS = ("mine", "unassigned", "mentions", "snoozed", "all")


@page
async def inbox(desk: Desk) -> web.StreamResponse:
    """The list alone, or its rows for a script."""
    if desk.fragment == "list":
        return await _list(desk)
    if desk.fragment == "quiet":
        return desk.render("_quiet.html", counts=await counts(desk), today=await rows.today(desk))
    return await _page(desk, None)


@page
async def conversation(desk: Desk) -> web.StreamResponse:
    """A conversation in its panes, or the part that a script asks for."""
    if desk.fragment == "messages":
        return await _messages(desk)
    if desk.fragment == "open":
        context = {**await _conversation(desk, desk.id()), "staff": await side.staff_list(desk)}
        return desk.render("open.html", **context)
    return await _page(desk, desk.id())


async def _page(desk: Desk, conversation_id: int | None) -> web.StreamResponse:
    context: dict[str, Any] = {"c": None, "p": None, "conversation_id": None}
    if conversation_id is not None:
        context |= await _conversation(desk, conversation_id)
    totals = await counts(desk)
    return desk.render(
        "inbox.html",
        **await shell(desk, "conversations", totals),
        **await _rows(desk),
        **context,
        page="inbox",
        views=VIEWS,
        open_id=conversation_id,
        filter_words=_filter_words(desk),
        today=await rows.today(desk),
        staff=await side.staff_list(desk),
        teams=[
            {"id": team.id, "name": (desk.lang == "en" and team.name_en) or team.name}
            for team in await teams.list_teams()
        ],
        labels=[
            {"id": each.id, "name": each.name, "colour": each.colour} for each in await labels.all_labels()
        ],
        snoozes=await snoozes(desk),
        meant=talk.MEANT,
    )


async def _list(desk: Desk) -> web.StreamResponse:
    return desk.render("list.html", **await _rows(desk), open_id=None, counts=await counts(desk))


async def _rows(desk: Desk) -> dict[str, Any]:
    """One page of the wanted view."""
    query = desk.request.query
    view = query.get("view", "mine")
    view = view if view in conversations.VIEWS else "mine"
    found = await conversations.inbox_list(
        desk.actor,
        view=view,
        query=query.get("q", "")[:100],
        after=query.get("after") or None,
        **_filter(desk),
    )
    return {
        "view": view,
        "q": query.get("q", "")[:100],
        "rows": await rows.inbox_rows(desk, found.items),
        "more": found.next or "",
    }


FILTERS = ("owner=bot", "unread=1", "late=1")


def _filter(desk: Desk) -> dict[str, Any]:
    """The chosen filter as arguments of `inbox_list`."""
    text = desk.request.query.get("filter", "")
    if text.startswith("channel="):
        return {"channel": text.removeprefix("channel=")}
    found: dict[str, Any] = {}
    if text == "owner=bot":
        found["owner"] = "bot"
    elif text == "unread=1":
        found["unread"] = True
    elif text == "late=1":
        found["late_at"] = desk.now
    return found


def _filter_words(desk: Desk) -> str:
    chosen = desk.request.query.get("filter", "")
    if chosen.startswith("channel="):
        return desk.t(f"channel.{chosen.removeprefix('channel=')}")
    return desk.t(f"desk.filter.{chosen.split('=')[0].replace('owner', 'bot')}") if chosen in FILTERS else ""


async def _conversation(desk: Desk, conversation_id: int) -> dict[str, Any]:
    """Header, newest messages and contact of one conversation."""
    header = await conversations.header(desk.actor, conversation_id)
    contact = await side.contact_card(desk, header["contact_id"])
    view = talk.head(desk, header, aside=_aside(desk, contact))
    if header["channel"] == "email":
        view["way"] = await mail.way(desk, conversation_id, header["message_seq"])
    contact["labels"] = header["labels"]
    messages = await _items(desk, header, contact["name"], contact["id"], None)
    return {"c": view, "p": contact, "conversation_id": conversation_id, **messages}


def _aside(desk: Desk, contact: dict[str, Any]) -> str:
    """Who works on the newest open request, beside who speaks."""
    for request in contact["requests"]:
        if request["assignee"] and request["assignee"]["id"] != desk.staff.id:
            return desk.t("desk.thread.assigned", name=request["assignee"]["name"])
    return ""


async def _messages(desk: Desk) -> web.StreamResponse:
    header = await conversations.header(desk.actor, desk.id())
    name = header["name"] or desk.t("desk.nameless")
    context = await _items(desk, header, name, header["contact_id"], desk.asked("before"))
    return desk.render("_messages.html", **context)


async def _items(
    desk: Desk, header: Mapping[str, Any], name: str, contact_id: int, before: int | None
) -> dict[str, Any]:
    found = await conversations.messages(desk.actor, header["id"], before_seq=before, limit=talk.PAGE + 1)
    shown = found[-talk.PAGE :]
    older = shown[0]["seq"] if len(found) > talk.PAGE else 0
    called = await talk.names(shown, desk.lang)
    items = talk.items(desk, name, contact_id, shown, called, talk_id=header["id"], channel=header["channel"])
    return {"items": items, "older": older}


async def snoozes(desk: Desk) -> list[dict[str, str]]:
    """When a snoozed conversation may come back: in an hour, this evening, tomorrow's opening, next week."""
    calendar = await hours.load()
    local = desk.now.astimezone(desk.tz)
    tomorrow = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    choices = {"hour": desk.now + timedelta(hours=1), "three": desk.now + timedelta(hours=3)}
    opening = calendar.next_open(tomorrow)
    if opening is not None:
        choices["opening"] = opening
    monday = calendar.next_open(tomorrow + timedelta(days=(7 - tomorrow.weekday()) % 7))
    if monday is not None and monday != opening:
        choices["week"] = monday
    return [_choice(desk, name, at) for name, at in choices.items()]


def _choice(desk: Desk, name: str, at: datetime) -> dict[str, str]:
    return {
        "until": at.isoformat(),
        "name": desk.t(f"desk.snooze.{name}"),
        "text": i18n.moment(at, desk.tz, desk.lang, desk.now),
    }


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/conversations", inbox)
    app.router.add_get(r"/desk/conversations/{id:\d+}", conversation)
