"""The command palette: what may be done now and where words lead, made by the server for who asks.

What is offered is what the role may do; `crm` checks again when it is done. The page only shows and chooses.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bots.web.desk import inbox, side, words
from bots.web.desk.frame import Desk, api, json_answer
from bots.web.desk.nav import ITEMS
from crm import conversations, jump, labels, teams
from crm.models import ServiceRequest

LONGEST = 100  # characters of a query that are read
SHOWN = 8  # commands at once; a longer list is narrowed by typing
PRIORITIES = ("low", "normal", "high", "urgent")


@dataclass(frozen=True)
class Command:
    """One line: a page to go to, a form to open, a thing of the page to do, or an act with its arguments."""

    label: str
    icon: str
    keys: str = ""
    href: str = ""
    form: str = ""
    run: str = ""
    act: str = ""
    args: dict[str, Any] | None = None

    def view(self) -> dict[str, Any]:
        told = {"label": self.label, "icon": self.icon, "keys": self.keys, "href": self.href}
        return {**told, "form": self.form, "run": self.run, "act": self.act, "args": self.args}


@api
async def palette(desk: Desk) -> web.StreamResponse:
    """Groups of lines for `q`; `conversation` is the one that is open, 0 for none."""
    query = desk.request.query.get("q", "").strip()[:LONGEST]
    opened = desk.asked("conversation") or 0
    commands = [*(await _on_conversation(desk, opened) if opened else []), *_everywhere(desk)]
    groups = [_group(desk, "commands", [one.view() for one in _narrowed(commands, query)][:SHOWN])]
    if query:
        groups += await _found(desk, query)
    return json_answer({"groups": [group for group in groups if group["items"]]})


def _group(desk: Desk, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": desk.t(f"desk.palette.{name}"), "items": items}


def _narrowed(commands: Iterable[Command], query: str) -> list[Command]:
    """Commands that hold every typed word, in any order; half-typed Hangul counts."""
    wanted = [_folded(word) for word in query.split()]
    return [one for one in commands if all(word in _folded(one.label) for word in wanted)]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFD", text.casefold())


def _everywhere(desk: Desk) -> list[Command]:
    """Pages, new things and what belongs to the reader's own desk."""
    keys = {"conversations": "G C", "requests": "G R", "contacts": "G P", "callbacks": "G B"}
    found = [
        Command(
            desk.t("desk.palette.go", page=desk.t(f"desk.nav.{name}")),
            icon,
            keys.get(name, ""),
            f"/desk/{name}",
        )
        for name, icon, _ in ITEMS
    ]
    if desk.may("conversation.write"):
        found.insert(0, Command(desk.t("desk.palette.next"), "arrow-right", "N", act="take_next", args={}))
    if desk.may("request.write"):
        found.append(Command(desk.t("desk.board.create"), "request", form="/desk/requests/new"))
    if desk.may("callback.write"):
        found.append(Command(desk.t("desk.callback.create"), "callback", form="/desk/callbacks/new"))
    if desk.may("contact.write"):
        found.append(Command(desk.t("desk.palette.new_contact"), "user", form="/desk/contacts/new"))
    if desk.may("article.write"):
        found.append(Command(desk.t("desk.articles.create"), "book", href="/desk/knowledge/new"))
    for presence in ("present", "busy", "away"):
        if presence != desk.staff.presence:
            name = desk.t("desk.palette.presence", presence=desk.t(f"desk.presence.{presence}"))
            found.append(Command(name, "user", act="presence", args={"presence": presence}))
    found.append(Command(desk.t("desk.theme"), "moon", run="theme"))
    found.append(Command(desk.t("desk.keys.title"), "help", "?", run="help"))
    return found


async def _on_conversation(desk: Desk, conversation_id: int) -> list[Command]:
    """What may be done with the open conversation, as it is now."""
    item = await conversations.header(desk.actor, conversation_id)
    if not desk.may("conversation.write"):
        return []
    one, many = {"conversation": conversation_id}, {"conversations": [conversation_id]}
    if item["status"] == "closed":
        return [Command(desk.t("desk.act.reopen"), "refresh", act="reopen", args=many)]
    found = []
    if not (item["owner"] == "staff" and item["assignee_id"] == desk.staff.id):
        found.append(Command(desk.t("desk.act.take"), "arrow-right", "T", act="take", args=one))
    if item["owner"] == "staff":
        found.append(Command(desk.t("desk.act.hand_back"), "hand-back", "B", act="hand_back", args=one))
    found.append(Command(desk.t("desk.palette.reply"), "reply", "R", run="reply"))
    found.append(Command(desk.t("desk.palette.note"), "note", "M", run="note"))
    found.append(Command(desk.t("desk.act.close"), "check", "E", act="close", args=many))
    if item["status"] == "snoozed":
        found.append(Command(desk.t("desk.act.wake"), "alarm", act="reopen", args=many))
    for choice in await inbox.snoozes(desk):
        name = desk.t("desk.palette.snooze", until=f"{choice['name']} ({choice['text']})")
        found.append(Command(name, "alarm", act="snooze", args={**many, "until": choice["until"]}))
    return [*found, *await _givings(desk, many), *await _marks(desk, item, many)]


async def _givings(desk: Desk, many: dict[str, Any]) -> list[Command]:
    """To whom the conversation may be given: oneself first, then colleagues and teams."""
    people = sorted(await side.staff_list(desk), key=lambda each: each["id"] != desk.staff.id)
    found = [
        Command(
            desk.t("desk.palette.assign", name=each["name"]),
            "user",
            act="assign",
            args={**many, "staff": each["id"]},
        )
        for each in people
    ]
    for team in await teams.list_teams():
        name = (desk.lang == "en" and team.name_en) or team.name
        label = desk.t("desk.palette.assign", name=name)
        found.append(Command(label, "users", act="assign", args={**many, "team": team.id}))
    return found


async def _marks(desk: Desk, item: dict[str, Any], many: dict[str, Any]) -> list[Command]:
    """Labels to put on or take off, and priorities."""
    worn = {label["id"] for label in item["labels"]}
    found = []
    for label in await labels.all_labels():
        act = "unlabel" if label.id in worn else "label"
        name = desk.t(f"desk.palette.{act}", name=label.name)
        found.append(Command(name, "tag", act=act, args={**many, "label": label.id}))
    for priority in PRIORITIES:
        if priority != item["priority"]:
            name = desk.t("desk.act.priority", priority=desk.t(f"priority.{priority}"))
            found.append(Command(name, "flag", act="priority", args={**many, "priority": priority}))
    return found


async def _found(desk: Desk, query: str) -> list[dict[str, Any]]:
    found = await jump.find(desk.actor, query, locale=desk.lang, now=desk.now, tz=desk.tz)
    nameless = desk.t("desk.nameless")
    people = [
        _line(item["name"] or nameless, item["phone"] or "", "user", f"/desk/contacts/{item['id']}")
        for item in found.contacts
    ]
    talks = [_talk(desk, item) for item in found.conversations]
    requests = [_request(desk, each) for each in found.requests]
    articles = [
        _line(each.title, desk.t(f"desk.kind.{each.kind}"), "book", f"/desk/knowledge/{each.id}")
        for each in found.articles
    ]
    return [
        _group(desk, "contacts", people), _group(desk, "conversations", talks),
        _group(desk, "requests", requests), _group(desk, "articles", articles),
    ]  # fmt: skip


def _talk(desk: Desk, item: dict[str, Any]) -> dict[str, Any]:
    said = (item["last_message"] or {}).get("text", "")[:80]
    when = words.ago(item["last_message_at"], desk.tz, desk.lang, desk.now)
    if item["status"] in ("snoozed", "closed"):
        when = f"{desk.t('desk.palette.' + item['status'])} · {when}"
    return _line(
        item["name"] or desk.t("desk.nameless"), said, "inbox", f"/desk/conversations/{item['id']}", when
    )


def _request(desk: Desk, request: ServiceRequest) -> dict[str, Any]:
    parts = (request.contact.name, request.product_text, request.symptom[:60])
    about = " · ".join(part for part in parts if part)
    return _line(
        request.number, about, "request", f"/desk/requests/{request.id}", desk.t(f"status.{request.status}")
    )


def _line(label: str, about: str, icon: str, href: str, aside: str = "") -> dict[str, Any]:
    return {**Command(label, icon, href=href).view(), "about": about, "aside": aside}


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/api/palette", palette)
