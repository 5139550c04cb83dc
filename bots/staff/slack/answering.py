"""Answers to one event: only to whoever asked, in their language, and no more than the place may hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bots.staff import spoken
from bots.staff.lookups import Found, Row
from bots.staff.slack import blocks, cards
from bots.staff.slack.blocks import button, context, escape, section
from bots.staff.slack.cards import Look
from bots.staff.slack.ready import Ready
from crm import slack_cards
from crm.staff_inbox import Event

MORE = "dangol_more"
QUOTED_MOST = 2500


def more_value(name: str, words: str, after: str) -> str:
    return json.dumps([name, words[:200], after[:200]], ensure_ascii=False)


def read_more(value: str) -> tuple[str, str, str]:
    """What `more_value` wrote; help for anything else."""
    try:
        name, words, after = json.loads(value)
    except (ValueError, TypeError):
        return "mine", "", ""
    return str(name), str(words), str(after)


@dataclass
class Answers:
    """The answers to one event, queued in its transaction. Their keys make them once."""

    ready: Ready
    look: Look
    now: datetime
    _count: int = field(default=0)

    async def say(self, text: str) -> None:
        await self._give({"text": escape(text)})

    async def fault(self, text: str, *, kept: str = "") -> None:
        """What went wrong; with what they had written, so that it is not lost."""
        shown = [section(escape(text))]
        if kept:
            shown += [context(self.look.t("kept")), *blocks.words(blocks.cut(kept, QUOTED_MOST))]
        await self._give(blocks.message(text, shown))

    async def help(self) -> None:
        words = spoken.SHOWN[self.look.lang]
        listed = [f"• {self.look.t(f'help.{name}', word=words[name])}" for name in words]
        shown = [section("\n".join(listed)), context(self.look.t("help.threads"))]
        await self._give(blocks.message(self.look.t("help.title"), shown))

    async def found(self, name: str, words: str, found: Found) -> None:
        """Rows of a lookup. Where others than the company read along, only how many there are."""
        look = self.look
        title = look.t(f"found.{name}", n=found.count, words=words)
        if not found.rows:
            await self.say(look.t("found.none"))
            return
        if not self._confidential():
            await self.say(look.t("found.elsewhere", n=found.count))
            return
        more = (
            button(look.t("found.more"), MORE, more_value(name, words, found.after)) if found.after else None
        )
        rows = [_line(look, row) for row in found.rows]
        await self._give(cards.lines(look, title, rows, more))

    async def view(self, view: dict[str, Any]) -> None:
        """Fill the modal that this event opened."""
        await self._put("view", {"external_id": view["external_id"], "view": view})

    async def react(self, name: str) -> None:
        """Show on the message itself what became of it."""
        data = self.ready.data
        await self._put("react", {"channel": data["channel"], "ts": data["ts"], "name": name})

    def _confidential(self) -> bool:
        return self.ready.place is not None and self.ready.place.confidential

    async def _give(self, message: dict[str, Any]) -> None:
        data, kind = self.ready.data, self.ready.event.kind
        url = str(data.get("response_url") or "")
        if url and (kind == "command" or data.get("action") == MORE):
            how = {"response_type": "ephemeral", "replace_original": data.get("action") == MORE}
            await self._put("respond", {"url": url, "channel": data["channel"], **how, **message})
            return
        channel = str(data.get("channel") or _meta_channel(data))
        if not channel:
            return
        thread = {"thread_ts": data["thread"] or data["ts"]} if kind in ("message", "edit") else {}
        if data.get("direct"):
            thread = {}
        await self._put("ephemeral", {"channel": channel, "user": data["user"], **thread, **message})

    async def _put(self, kind: str, data: dict[str, Any]) -> None:
        event = self.ready.event
        self._count += 1
        key = f"answer:{event.id}:{self._count}"
        await slack_cards.put(kind, data, account=event.account, key=key, event_id=event.id, now=self.now)


async def apologise(event: Event, look: Look, now: datetime) -> None:
    """Say to whoever did it that it was not done."""
    channel = str(event.data.get("channel") or _meta_channel(event.data))
    if channel and event.data.get("user"):
        thread = str(event.data.get("thread") or "")
        data = {"channel": channel, "user": event.data["user"], "text": look.t("given_up")}
        data |= {"thread_ts": thread} if thread else {}
        key = f"answer:{event.id}:sorry"
        await slack_cards.put("ephemeral", data, account=event.account, key=key, event_id=event.id, now=now)


def _meta_channel(data: dict[str, Any]) -> str:
    try:
        meta = json.loads(str(data.get("meta") or "{}"))
    except ValueError:
        return ""
    return str(meta.get("channel") or "") if isinstance(meta, dict) else ""


def _line(look: Look, row: Row) -> str:
    values = row.values
    name = escape(look.t("customer", name=values["name"]) if values["name"] else look.t("nameless"))
    if row.kind == "contact":
        shown: Sequence[str] = (f"*<{look.url}{row.path}|{name}>*", escape(values["phone"]))
    elif row.kind == "request":
        status = f"{cards.MARKS.get(values['status'], '')} {look.word('status.' + values['status'])}"
        link = f"*<{look.url}{row.path}|{values['number']}>*"
        shown = (link, status, name, escape(values["product"]), escape(look.named(values, "assignee")))
    else:
        channel = look.word(f"channel.{values['channel']}")
        waiting = look.t("state.waiting") if values["waiting"] else ""
        shown = (f"*<{look.url}{row.path}|{name}>*", f"#{row.id}", channel, waiting)
    return " · ".join(part for part in shown if part)
