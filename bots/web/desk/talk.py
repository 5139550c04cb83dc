"""A conversation's header and messages as the thread's templates show them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from tortoise.expressions import Q

from bots import fleet
from bots.web import i18n
from bots.web.desk import mail, words
from bots.web.desk.frame import Desk, named, person
from bots.web.desk.stored import file_view
from crm.actor import PERMISSIONS
from crm.models import Staff

PAGE = 50
MEANT = (
    "request_service", "book_visit", "check_request", "complain", "ask_product", "ask_price", "request_quote",
    "place_order", "check_order", "return_or_refund", "ask_payment", "terminate_contract", "ask_usage",
    "talk_to_human", "out_of_scope",
)  # fmt: skip
"""Intents offered where staff say what a customer's message meant, by their names in the domain."""


@dataclass(frozen=True)
class Names:
    """Staff named in a run of messages: by id, and by what a mention calls them."""

    by_id: dict[int, str]
    called: dict[str, str]


async def names(rows: Sequence[Mapping[str, Any]], lang: str) -> Names:
    """The staff that event lines and mentions speak of, in one read; none when nobody is named."""
    ids = {row["data"]["to"] for row in rows if isinstance(row["data"].get("to"), int)}
    words = {word for row in rows if row["direction"] == "note" for word in _MENTION.findall(row["text"])}
    if not ids and not words:
        return Names({}, {})
    wanted = Q(id__in=list(ids)) | Q(login__in=[word.lower() for word in words]) | Q(name__in=list(words))
    found = await Staff.filter(wanted).limit(200)
    shown = {row.id: str(person(row, lang)["name"]) for row in found}
    return Names(shown, {key: shown[row.id] for row in found for key in (row.login, row.name)})


_MENTION = re.compile(r"@([\w.-]*\w)")


def head(desk: Desk, item: Mapping[str, Any], aside: str = "") -> dict[str, Any]:
    """The header: who speaks, what may be done, and the way a reply takes."""
    name = item["name"] or desk.t("desk.nameless")
    mine = item["owner"] == "staff" and item["assignee_id"] == desk.staff.id
    snoozed = item["snoozed_until"]
    return {
        "id": item["id"],
        "contact_id": item["contact_id"],
        "name": name,
        "channel": item["channel"],
        "seq": item["message_seq"],
        "owner": item["owner"],
        "mine": mine,
        "status": item["status"],
        "locale": item["locale"],
        "blocked": item["blocked"],
        "who": _speaker(desk, item, mine),
        "aside": aside,
        "snoozed": i18n.moment(snoozed, desk.tz, desk.lang, desk.now) if snoozed else "",
        "way": desk.t(f"desk.way.{item['channel']}"),
        "may_write": desk.staff.role in PERMISSIONS["conversation.write"],
    }


def _speaker(desk: Desk, item: Mapping[str, Any], mine: bool) -> str:
    if item["owner"] == "bot":
        return desk.t("desk.speaks.bot")
    if mine:
        return desk.t("desk.speaks.me")
    if item["assignee_name"]:
        return desk.t("desk.speaks.other", name=named(item, "assignee", desk.lang))
    if item["team_name"]:
        return desk.t("desk.speaks.team", team=named(item, "team", desk.lang))
    return desk.t("desk.speaks.nobody")


def items(desk: Desk, contact_name: str, contact_id: int, rows: Sequence[Mapping[str, Any]],
          staff: Names, *, talk_id: int, channel: str = "") -> list[dict[str, Any]]:  # fmt: skip
    """Messages, notes and event lines, grouped: name and face once a group, a line for each new day.

    Who joined stands there as an event already: the message that told the customer is shown if it failed.
    """
    rows = [row for row in rows if row["data"].get("notice") != "taken_over" or row["state"] == "failed"]
    done: list[dict[str, Any]] = []
    customer = words.person(contact_id, contact_name)
    for at, row in enumerate(rows):
        before = rows[at - 1] if at else None
        after = rows[at + 1] if at + 1 < len(rows) else None
        item = _item(desk, row, customer, staff, talk_id)
        if channel == "email" and row.get("fault") == "blocked":
            item["fault"] = desk.t("desk.fault.nobody_there")
        if item["state"] == "queued" and not fleet.begins(channel):
            item["state"] = "waits"
        item["first"] = not _same(before, row)
        item["last"] = not _same(row, after)
        local = row["created_at"].astimezone(desk.tz).date()
        if before is None or before["created_at"].astimezone(desk.tz).date() != local:
            item["day"] = i18n.day(local, desk.lang, desk.now.astimezone(desk.tz).date())
        done.append(item)
    return done


def _same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two rows belong to one group: one speaker, within five minutes."""
    if one is None or other is None:
        return False
    keys = ("direction", "author", "staff_id")
    near = (other["created_at"] - one["created_at"]).total_seconds() < 300
    return near and all(one[key] == other[key] for key in keys) and mail.speaker(one) == mail.speaker(other)


def _item(
    desk: Desk, row: Mapping[str, Any], customer: dict[str, Any], staff: Names, talk_id: int
) -> dict[str, Any]:
    kind = {"note": "note", "event": "event"}.get(row["direction"], "bubble")
    out = row["direction"] == "out"
    shown = row["seen_at"] if row["state"] == "seen" and row["seen_at"] else row["created_at"]
    name = named(row, "staff", desk.lang) or desk.t(
        "desk.list.bot_name" if row["author"] == "bot" else "desk.list.system"
    )
    letter = mail.about(desk, row, talk_id)
    item = {
        "type": kind,
        "seq": row["seq"],
        "side": "out" if out else "in",
        "author": "bot" if row["author"] == "system" else row["author"],
        "name": name,
        "mine": row["staff_id"] == desk.staff.id,
        "person": (letter and letter["person"]) or customer,
        "text": row["text"],
        "quote": row["data"].get("quote", ""),
        "mail": letter,
        "edited": row["edited_at"] is not None,
        "first_text": row["data"].get("first_text", "") if row["edited_at"] else "",
        "may_correct": row["author"] == "contact"
        and row["inbox_id"] is not None  # what was brought in from elsewhere the bot never read
        and bool(row["text"].strip())
        and desk.staff.role in PERMISSIONS["conversation.write"],
        "lang": row["lang"] or desk.lang,
        "state": row["state"],
        "fault": _fault(desk, row.get("fault", "")),
        "at": row["created_at"].isoformat(),
        "time": words.short_clock(shown, desk.tz) if out else i18n.clock(shown, desk.tz, desk.lang),
        "day": "",
        "files": [file_view(desk, file, customer["name"], row["created_at"]) for file in row["files"]],
        "cards": [card for card in (_card(desk, card) for card in row["cards"]) if card],
        "choices": [choice.get("label") or choice.get("title", "") for choice in row["choices"]],
    }
    if kind == "note":
        item["html"] = mark_mentions(row["text"], staff.called)
        item["time"] = i18n.clock(row["created_at"], desk.tz, desk.lang)
    if kind == "event":
        item["text"] = _event(desk, row, staff)
        item["time"] = i18n.clock(row["created_at"], desk.tz, desk.lang)
    return item


def _fault(desk: Desk, fault: str) -> str:
    """Why a message could not be sent, in words; a provider's own text as it is."""
    key = f"desk.fault.{fault}"
    words = desk.t(key) if fault.isidentifier() else key
    return words if words != key else fault.removeprefix("reported ")[:80]


def mark_mentions(text: str, called: Mapping[str, str]) -> Markup:
    """The text with @login and @name shown as the name they call."""
    parts, at = [], 0
    for found in _MENTION.finditer(text):
        name = called.get(found[1]) or called.get(found[1].lower())
        if name:
            parts += [escape(text[at : found.start()]), _CALLED.format(name)]
            at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


_CALLED = Markup('<span class="mention">@{}</span>')


def _card(desk: Desk, card: Mapping[str, Any]) -> dict[str, Any] | None:
    """A card of the customer's chat in one line or two; forms are told by their text."""
    kind = card.get("type")
    facts = " · ".join(str(fact["value"]) for fact in card.get("facts", [])[:3] if fact.get("value"))
    if kind == "request":
        return {"status": card["status"], "title": card["number"], "suffix": card.get("title") or
                desk.t("desk.card.request"), "text": facts}  # fmt: skip
    if kind == "summary":
        return {"status": "received", "title": card["title"], "suffix": "", "text": facts}
    if kind == "article":
        return {
            "status": "",
            "title": card["title"],
            "suffix": desk.t("desk.card.article"),
            "text": card["quote"][:120],
        }
    return None


def _event(desk: Desk, row: Mapping[str, Any], staff: Names) -> str:
    data = row["data"]
    name = named(row, "staff", desk.lang) or desk.t("desk.list.system")
    event = data.get("event", "")
    to = data["target"] if event == "code_sent" else staff.by_id.get(data.get("to") or 0, "")
    if event == "handed_back":  # by a person, or by itself
        event = {"quiet": "returned", "request_closed": "request_closed"}.get(data.get("why", ""), event)
    key = f"desk.event.{event}"
    if event in ("assigned", "handed_over"):
        key += ".to" if to else ".none"
    if event == "handed_over":
        reason = desk.t(f"desk.reason.{data.get('reason', '')}")
        return desk.t(key, name=name, to=to, reason=reason if not reason.startswith("desk.") else "").strip()
    return desk.t(key, name=name, to=to)
