"""What a customer hears of live support: the link, a reminder, that it was missed, the receipt.

Runs in the worker, where the bot's words are; each message takes the way that reaches (crm/routing.py).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from actions.languages import dates_in
from actions.words import label, with_particles
from crm import company, live_links, live_views, outbox, ownership, routing, zone
from crm.happenings import Happened
from crm.live_views import Whole
from crm.models import Callback, LiveSession


class LiveNotices:
    """Writes them in the customer's language with the words of the assistant's domain."""

    def __init__(self, domain: Mapping[str, Any], ways: routing.Table | None = None) -> None:
        self.domain = domain
        self.ways = ways or {}

    async def __call__(self, happened: Happened) -> None:
        """Handler of happenings; does nothing for those no customer is told of."""
        if not happened.kind.startswith("live.") or "live_id" not in happened.data:
            return
        whole = await live_views.whole(int(happened.data["live_id"]))
        session = whole.session
        by_customer = str(happened.data.get("actor", "")).startswith("contact")
        if happened.kind == "live.invited":
            name = _named(session)
            await self._say(whole, happened, "notice_live_invited", name=name, **await self._link(whole))
        elif happened.kind == "live.scheduled":
            await self._say(whole, happened, "notice_live_scheduled", **await self._link(whole))
        elif happened.kind == "live.reminder_due":
            await self._say(whole, happened, "notice_live_reminder", **await self._link(whole))
        elif happened.kind == "live.missed" and (happened.data.get("came") or session.scheduled_at):
            await self._missed(whole, happened)
        elif happened.kind == "live.cancelled" and not by_customer:
            await self._say(whole, happened, "notice_live_cancelled")
        elif happened.kind == "live.ended":
            await self._receipt(whole, happened)

    async def _link(self, whole: Whole) -> dict[str, str]:
        session = whole.session
        values = {"link": live_links.url_of(whole.customer), "company": await company.name(session.locale)}
        if session.scheduled_at is not None:
            values["at"] = _moment(session.scheduled_at, session)
        return values

    async def _missed(self, whole: Whole, happened: Happened) -> None:
        callback = await Callback.get_or_none(id=whole.session.callback_id or 0)
        if callback is None:
            await self._say(whole, happened, "notice_live_missed")
        else:
            at = _moment(callback.due_at, whole.session)
            await self._say(whole, happened, "notice_live_missed_call", at=at)

    async def _receipt(self, whole: Whole, happened: Happened) -> None:
        lang, facts = whole.session.locale, happened.data
        parts = [label(self.domain, lang, "label_live_minutes", count=int(facts.get("minutes", 0)))]
        for name in ("photos", "files"):
            if count := int(facts.get(name, 0)):
                parts.append(label(self.domain, lang, f"label_live_{name}", count=count))
        recorded = "label_live_recorded" if facts.get("recorded") else "label_live_not_recorded"
        what = ", ".join([*parts, label(self.domain, lang, recorded)])
        link = live_links.url_of(whole.customer)
        await self._say(whole, happened, "notice_live_ended", what=what, link=link)

    async def _say(self, whole: Whole, happened: Happened, response: str, **values: Any) -> None:
        """By the best way; where no channel's terms are known, in the session's own conversation."""
        session = whole.session
        text = label(self.domain, session.locale, response, **with_particles(values))
        if self.ways:
            key = f"live:{session.id}:{happened.id}"
            notice = routing.Notice(key, text, lang=session.locale)
            await routing.notify(session.contact_id, notice, self.ways, now=happened.at)
        elif session.conversation_id is not None and await ownership.may_send(
            session.conversation_id, author="system", purpose="info"
        ):
            await outbox.put(
                session.conversation_id, author="system", text=text, purpose="info", lang=session.locale,
                now=happened.at,
            )  # fmt: skip


def _named(session: LiveSession) -> str:
    if session.staff is None:
        return ""
    return session.staff.name_en if session.locale == "en" and session.staff.name_en else session.staff.name


def _moment(at: datetime, session: LiveSession) -> str:
    return dates_in(session.locale).moment(at, at, now=session.created_at, tz=zone.current())
