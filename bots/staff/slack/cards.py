"""How conversations, requests and messages look in Slack. Pure: facts in, blocks out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bots.staff.slack import blocks
from bots.staff.slack.blocks import Block, button, context, escape, facts, section
from bots.web import i18n
from crm.models import Staff

# The names of buttons, as they come back in `press` events.
TAKE, HAND_BACK, ASSIGN, REPLY, RESOLVE = (
    "dangol_take",
    "dangol_hand_back",
    "dangol_assign",
    "dangol_reply",
    "dangol_resolve",
)
OPEN_DESK = "dangol_open"
ENDED = ("resolved", "closed", "cancelled")
MARKS = {
    "received": "⚪", "assigned": "🔵", "in_progress": "🟢", "waiting_customer": "🟠", "resolved": "✅",
    "closed": "☑️", "cancelled": "✖️",
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a workspace is spoken to, and where its links lead."""

    lang: str
    tz: ZoneInfo
    url: str

    def t(self, key: str, **values: Any) -> str:
        return i18n.t(self.lang, f"slack.{key}", **values)

    def word(self, key: str) -> str:
        return i18n.t(self.lang, key)

    def named(self, row: Mapping[str, Any], what: str) -> str:
        """`assignee`, `team` or `staff` of a row in this language; "" when there is none."""
        other = row.get(f"{what}_name_en") if self.lang == "en" else ""
        return str(other or row.get(f"{what}_name") or "")

    def name_of(self, member: Staff) -> str:
        """A colleague's name in this language."""
        return (self.lang == "en" and member.name_en) or member.name


def value_of(subject: str, subject_id: int) -> str:
    """What a button carries: `conversation:12`."""
    return f"{subject}:{subject_id}"


def read_value(value: str) -> tuple[str, int] | None:
    """What `value_of` wrote; None for anything else."""
    subject, _, number = value.partition(":")
    known = subject in ("conversation", "request") and number.isascii() and number.isdecimal()
    return (subject, int(number)) if known and len(number) < 19 else None


def customer(look: Look, row: Mapping[str, Any]) -> str:
    """A customer's name as staff read it."""
    if row.get("erased_at"):
        return look.t("erased")
    return look.t("customer", name=row["name"]) if row["name"] else look.t("nameless")


# --- cards


def conversation(look: Look, row: Mapping[str, Any], *, current: bool = True) -> dict[str, Any]:
    """The root of a conversation's thread: who, where, its state, and what can be done."""
    who = customer(look, row)
    channel = look.word(f"channel.{row['channel']}")
    head = look.t("card.conversation", who=escape(who), channel=escape(channel), id=row["id"])
    shown: list[Block] = [section(f"*{head}*"), facts(_conversation_facts(look, row))]
    if not current:
        shown.append(context(look.t("card.moved", team=escape(look.named(row, "team") or "–"))))
        return blocks.message(f"{who} · {channel}", shown)
    shown.append(blocks.actions(_conversation_buttons(look, row)))
    shown.append(context(look.t("card.how")))
    return blocks.message(f"{who} · {channel} · {_standing(look, row)}", shown)


def _standing(look: Look, row: Mapping[str, Any]) -> str:
    if row["blocked"]:
        return look.t("state.blocked")
    if row["status"] != "open":
        return look.t(f"state.{row['status']}")
    if row["owner"] == "bot":
        return look.t("state.bot")
    if row["assignee_id"] is None:
        return look.t("state.queue")
    return look.t("state.waiting" if row["waiting_since"] else "state.staff")


def _conversation_facts(look: Look, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [
        (look.t("fact.state"), _standing(look, row)),
        (look.t("fact.assignee"), look.named(row, "assignee") or look.t("nobody")),
    ]
    if look.named(row, "team"):
        pairs.append((look.t("fact.team"), look.named(row, "team")))
    if row["priority"] != "normal":
        pairs.append((look.t("fact.priority"), look.word(f"priority.{row['priority']}")))
    asked = [f"{MARKS.get(r['status'], '')} {r['number']} {_status(look, r)}" for r in row["requests"]]
    return [*pairs, (look.t("fact.requests"), "\n".join(asked))] if asked else pairs


def _conversation_buttons(look: Look, row: Mapping[str, Any]) -> list[Block]:
    value = value_of("conversation", row["id"])
    made = []
    if row["owner"] == "bot" or row["assignee_id"] is None:
        made.append(button(look.t("do.take"), TAKE, value, style="primary"))
    else:
        made.append(button(look.t("do.hand_back"), HAND_BACK, value))
    made.append(button(look.t("do.reply"), REPLY, value))
    made.append(button(look.t("do.assign"), ASSIGN, value))
    waiting = [r for r in row["requests"] if r["status"] not in ENDED]
    if len(waiting) == 1:
        made.append(button(look.t("do.resolve"), RESOLVE, value_of("request", waiting[0]["id"])))
    return [*made, _desk(look, f"/desk/conversations/{row['id']}")]


def request(look: Look, row: Mapping[str, Any], now: datetime, *, current: bool = True) -> dict[str, Any]:
    """A service request: number, status, what it is about, and what can be done."""
    who = customer(look, row)
    head = look.t("card.request", number=row["number"], who=escape(who))
    shown: list[Block] = [section(f"*{head}*"), facts(_request_facts(look, row, now))]
    if row["symptom"] and not row["erased_at"]:
        shown += blocks.words(blocks.cut(row["symptom"], 1000))
    if not current:
        shown.append(context(look.t("card.moved", team=escape(look.named(row, "team") or "–"))))
    else:
        shown.append(blocks.actions(_request_buttons(look, row)))
    return blocks.message(f"{row['number']} · {_status(look, row)} · {who}", shown)


def _status(look: Look, row: Mapping[str, Any]) -> str:
    again = row["status"] == "assigned" and row.get("reopened")
    return look.word("status.reopened" if again else f"status.{row['status']}")


def _request_facts(look: Look, row: Mapping[str, Any], now: datetime) -> list[tuple[str, str]]:
    pairs = [
        (look.t("fact.state"), f"{MARKS.get(row['status'], '')} {_status(look, row)}"),
        (look.t("fact.assignee"), look.named(row, "assignee") or look.t("nobody")),
    ]
    if row["product_text"]:
        pairs.append((look.t("fact.product"), row["product_text"]))
    if row["visit_from"]:
        pairs.append((look.t("fact.visit"), i18n.moment(row["visit_from"], look.tz, look.lang, now)))
    for name in ("address", "phone"):
        if row[name]:
            pairs.append((look.t(f"fact.{name}"), row[name]))
    if row["priority"] != "normal":
        pairs.append((look.t("fact.priority"), look.word(f"priority.{row['priority']}")))
    return pairs


def _request_buttons(look: Look, row: Mapping[str, Any]) -> list[Block]:
    value = value_of("request", row["id"])
    made = []
    if row["status"] not in ENDED:
        if row["assignee_id"] is None:
            made.append(button(look.t("do.take"), TAKE, value, style="primary"))
        made.append(button(look.t("do.assign"), ASSIGN, value))
    if row["conversation_id"]:
        made.append(button(look.t("do.reply"), REPLY, value))
    if row["status"] not in ENDED:
        made.append(button(look.t("do.resolve"), RESOLVE, value))
    return [*made, _desk(look, f"/desk/requests/{row['id']}")]


def _desk(look: Look, path: str) -> Block:
    return button(look.t("do.open"), OPEN_DESK, url=look.url + path)


# --- messages in a thread


def message(look: Look, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What somebody said, as one or more messages; who said it and to whom is above the words."""
    if row["erased_at"]:
        return []
    who = customer(look, row)
    staff = look.named(row, "staff")
    if row["direction"] == "in":
        head = f"👤 *{escape(who)}*"
    elif row["direction"] == "note":
        head = look.t("said.note", name=escape(staff))
    elif row["author"] == "staff":
        head = look.t("said.staff", name=escape(staff), who=escape(who))
    else:
        head = look.t("said.bot", who=escape(who))
    if row["edited_at"]:
        head += f" {look.t('said.edited')}"
    return said(head, row["text"])


def waiting_call(look: Look, row: Mapping[str, Any], mention: str = "") -> dict[str, Any]:
    """A customer is in the waiting room of live support: who, about what, and the way in."""
    head = look.t("call.waiting", who=escape(customer(look, row)))
    lines = [
        f"📞 *{head}*",
        *([escape(row["number"])] if row["number"] else []),
        *([mention] if mention else []),
    ]
    enter = button(look.t("call.enter"), OPEN_DESK, url=f"{look.url}/desk/calls/{row['id']}/room")
    return blocks.message(f"📞 {head}", [section(" · ".join(lines)), blocks.actions([enter])])


def said(head: str, text: str) -> list[dict[str, Any]]:
    """A head of ours and the words below it, as messages within Slack's limits. Empty words are none."""
    if not text.strip():
        return []
    shown = [context(head), *blocks.words(text)]
    return [
        blocks.message(f"{head}: {text}" if at == 0 else "…", batch)
        for at, batch in enumerate(blocks.batches(shown))
    ]


def lines(look: Look, title: str, rows: Sequence[str], more: Block | None = None) -> dict[str, Any]:
    """An answer: a title, a section a row, and a button for more. `rows` are our markup, escaped already."""
    shown = [section(f"*{escape(title)}*"), *(section(row) for row in rows[: blocks.BLOCKS_MAX - 2])]
    if more is not None:
        shown.append(blocks.actions([more]))
    return blocks.message(title, shown)
