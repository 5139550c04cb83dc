"""What a customer hears without having asked: their request moved on, was solved, or could not be read.

Runs in the worker, where the bot's words are. Each happening is consumed once (crm.happenings.consume).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from actions.context import Turn
from actions.languages import dates_in
from actions.request_cards import request_card
from actions.words import button, label, with_particles
from bots import waiting
from bots.joining import joined
from bots.web import i18n
from crm import (
    canned,
    choices,
    codes,
    company,
    conversations,
    gate,
    outbox,
    ownership,
    page_links,
    routing,
    zone,
)
from crm.happenings import Happened
from crm.models import Consent, Contact, Conversation, ServiceRequest

# A status that the customer is told of; the others are the company's own affair.
TOLD = ("assigned", "in_progress", "waiting_customer", "resolved", "cancelled")
FINISHED = ("resolved", "closed", "cancelled")


class Notices:
    """Writes notices in the customer's language with the words of the assistant's domain."""

    def __init__(
        self, domain: Mapping[str, Any], ways: routing.Table | None = None, *, public_url: str = ""
    ) -> None:
        """`ways`: the terms of the channels that are on; without them a notice goes where the request is.
        `public_url`: where links to the conversation begin."""
        self.domain = domain
        self.public_url = public_url
        self.ways = ways or {}

    async def __call__(self, happened: Happened) -> None:
        """Handler of happenings; does nothing for those no customer is told of."""
        if happened.kind == "request.status_changed" and happened.request_id:
            await self._status(happened)
            await self._return(happened)
        elif happened.kind == "request.visit_near" and happened.request_id:
            await self._visit(happened)
        elif happened.kind == "conversation.taken_over" and happened.conversation_id:
            await self._taken_over(happened)
        elif happened.kind == "consent.changed" and happened.contact_id:
            await self._advertising(happened)
        elif happened.kind == "consent.reconfirmation_due":
            await self._reconfirm(happened)
        elif happened.kind == "message.failed":
            await self._failed(int(happened.data["message_id"]), happened.at)

    async def _status(self, happened: Happened) -> None:
        by = str(happened.data.get("actor", ""))
        status = str(happened.data.get("status", ""))
        if status not in TOLD or not by.startswith(("staff", "system")):
            return  # what customers do themselves is answered in their own turn
        request = await ServiceRequest.get(id=happened.request_id).select_related("conversation", "contact")
        talk = request.conversation  # none when staff opened it for somebody who called
        if _moved_on(request, status, happened.at) or (talk is None and not self.ways):
            return
        turn = _turn(request, happened.at)
        cards = [await request_card(request.id, turn, self.domain)]
        values = {"number": request.number, "product": request.product_text}
        buttons = self._scores(turn, request) if status == "resolved" else []
        if talk is not None and talk.channel not in self.ways:
            await self._put(talk, f"notice_{status}", happened.at, buttons, cards, **values)
            return
        text = label(self.domain, turn.language, f"notice_{status}", **with_particles(values))
        minted, shown = _minted(buttons, cards)
        key, lang = f"request:{request.id}:{happened.id}", turn.language
        notice = routing.Notice(
            key, text, lang=lang, choices=minted, cards=shown,
            use="survey" if status == "resolved" else "status",
            values=await self._values(request, status, lang, happened.at),
            page=talk.id if talk is not None else None,
        )  # fmt: skip
        await routing.notify(request.contact_id, notice, self.ways, now=happened.at)

    async def _visit(self, happened: Happened) -> None:
        """Remind of tomorrow's visit on the best way; what was moved or done meanwhile is not told of."""
        request = await ServiceRequest.get(id=happened.request_id).select_related("conversation", "contact")
        told = str(happened.data.get("visit_from", ""))
        start = request.visit_from
        if start is None or start.isoformat() != told or request.status in FINISHED:
            return
        lang = _spoken(request)
        when = dates_in(lang).moment(start, request.visit_to or start, now=happened.at, tz=zone.current())
        values = await self._values(request, request.status, lang, happened.at) | {"date": when}
        about = {"company": values["company"], "number": request.number, "date": when}
        product = request.product_text
        word = "channels.visit_reminder" if product else "channels.visit_reminder_plain"
        text = i18n.t(lang, word, product=product, **about)
        notice = routing.Notice(f"visit:{request.id}:{told}", text, lang=lang, use="visit", values=values)
        await routing.notify(request.contact_id, notice, self.ways, now=happened.at)

    async def _failed(self, message_id: int, at: datetime) -> None:
        """What could not be sent goes another way, if it may."""
        if await codes.failed(message_id, now=at) or not self.ways:
            return
        if await waiting.link_failed(message_id, self.ways, now=at):
            return
        if await routing.failed(message_id, self.ways, now=at) is None:
            await routing.adopt(message_id, self.ways, now=at)

    async def _return(self, happened: Happened) -> None:
        """A finished request gives its conversation back to the assistant, who also takes the rating."""
        if happened.conversation_id and happened.data.get("status") in FINISHED:
            by_staff = str(happened.data.get("actor", "")).startswith("staff")
            await conversations.request_closed(happened.conversation_id, by_staff=by_staff, now=happened.at)

    async def _values(self, request: ServiceRequest, status: str, lang: str, at: datetime) -> dict[str, str]:
        """What an approved template may say of a request."""
        contact = await Contact.get(id=request.contact_id)
        page = page_links.token(request.conversation.identity_id, now=at) if request.conversation else ""
        return {
            "link": f"{self.public_url}/c/{page}" if page and self.public_url else "",
            "company": await company.name(lang),
            "customer": contact.name or canned.NAMELESS.get(lang, canned.NAMELESS["ko"]),
            "request_no": request.number,
            "product": request.product_text,
            "status": label(self.domain, lang, f"label_status_{status}"),
        }

    def _scores(self, turn: Turn, request: ServiceRequest) -> list[dict[str, str]]:
        return [
            button(
                label(self.domain, turn.language, f"label_score_{n}"),
                f'/rate_service{{"request_no": "{request.number}", "score": "{n}"}}',
            )
            for n in range(1, 6)
        ]

    async def _taken_over(self, happened: Happened) -> None:
        """Name who joined, unless their own act did so or somebody else speaks by now."""
        conversation = await Conversation.get(id=happened.conversation_id).select_related("assignee")
        staff = conversation.assignee
        if happened.data.get("told") or staff is None or staff.id != happened.staff_id:
            return
        if await conversations.may_send(conversation.id, author="system", purpose="info"):
            await outbox.put(
                conversation.id, author="system", text=joined(conversation.locale, staff),
                purpose="info", lang=conversation.locale, data=ownership.JOINED, now=happened.at,
            )  # fmt: skip

    async def _advertising(self, happened: Happened) -> None:
        """Tell who refused or agreed outside a turn of the assistant's that it is done."""
        if happened.data.get("purpose") != "ad" or happened.data.get("told"):
            return
        conversation = await self._where(happened)
        if conversation is None:
            return  # nothing of theirs to write into: it stays owed (gate.owed_reports)
        if await gate.reported(int(happened.data["consent_id"]), happened.at):
            response = "notice_opted_in" if happened.data.get("granted") else "notice_opted_out"
            await self._about_ads(conversation, response, happened.at, of=happened.at)

    async def _where(self, happened: Happened) -> Conversation | None:
        """Where a decision was made, else the newest conversation on its channel, else the newest."""
        if happened.conversation_id:
            return await Conversation.get(id=happened.conversation_id)
        talks = Conversation.filter(contact_id=happened.contact_id).order_by("-last_message_at", "-id")
        channel = str(happened.data.get("channel", ""))
        return await talks.filter(channel=channel).first() or await talks.first()

    async def _reconfirm(self, happened: Happened) -> None:
        """Ask again whether a consent of two years still stands; silence keeps it."""
        conversation = await self._where(happened)
        given = await Consent.get_or_none(id=happened.data.get("consent_id"))
        if conversation is not None and given is not None:
            await self._about_ads(conversation, "notice_reconfirm", happened.at, of=given.at)

    async def _about_ads(
        self, conversation: Conversation, response: str, at: datetime, *, of: datetime
    ) -> None:
        """`of`: when the decision was made that this is about."""
        if not await conversations.may_send(conversation.id, author="system", purpose="opt_out"):
            return  # spam: nothing answers
        tz = zone.current()
        shown = dates_in(conversation.locale).day(of.astimezone(tz).date(), today=at.astimezone(tz).date())
        name = await company.name(conversation.locale)
        await self._put(conversation, response, at, purpose="opt_out", date=shown, company=name)

    async def parked(self, conversation_id: int, at: datetime) -> None:
        """Apologise for a message that could not be handled, and let a person see to it."""
        conversation = await Conversation.get(id=conversation_id)
        await self._put(conversation, "utter_sorry", at)
        await conversations.hand_over(conversation_id, reason="failed", now=at)

    async def _put(
        self,
        conversation: Conversation,
        response: str,
        at: datetime,
        buttons: list[dict[str, str]] | None = None,
        cards: list[dict[str, Any]] | None = None,
        purpose: str = "info",
        **values: Any,
    ) -> None:
        text = label(self.domain, conversation.locale, response, **with_particles(values))
        minted, shown = _minted(buttons or [], cards or [])
        await outbox.put(
            conversation.id,
            author="system",
            text=text,
            purpose=purpose,
            choices=minted,
            cards=shown,
            lang=conversation.locale,
            now=at,
        )


def _spoken(request: ServiceRequest) -> str:
    """The language of a request's customer."""
    lang = request.conversation.locale if request.conversation else request.contact.locale
    return lang if lang in i18n.LANGUAGES else "ko"


def _turn(request: ServiceRequest, at: datetime) -> Turn:
    """What a card of the request needs to know; 0 for the conversation of one that has none."""
    talk = request.conversation
    person: int = request.contact_id
    return Turn(talk.id if talk else 0, person, None, at, zone.current(), _spoken(request))


def _moved_on(request: ServiceRequest, status: str, at: datetime) -> bool:
    """Whether the request has left that status: where it came to is told, not what it passed through.

    What it came to later and is no news by itself (closed) leaves the earlier news standing.
    """
    if request.status not in TOLD and request.status_at > at:
        return False
    return request.status != status or request.status_at > at


def _minted(
    buttons: list[dict[str, str]], cards: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Buttons and cards with a short token for every payload."""
    pressable = [{"label": b["title"], "payload": b["payload"]} for b in buttons]
    minted, shown = choices.mint(pressable, cards)
    return list(minted), list(shown)
