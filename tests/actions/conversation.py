"""A customer in a conversation with the whole assistant: inbox, worker, trained model, actions, outbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bots.notices import Notices
from bots.work import NOTICES, Assistant
from bots.worker import Worker
from crm import choices, files, happenings, identities, inbox, requests
from crm.actor import Actor
from crm.models import Conversation, Message, ServiceRequest
from tests.actions import company

PAUSE = timedelta(seconds=20)
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)


@dataclass
class Customer:
    """One person at the web chat. `at` is their clock; each thing they do takes a moment."""

    assistant: Assistant
    staff: dict[str, Actor]
    user: str = "minji"
    at: datetime = company.MONDAY
    locale: str = "ko"
    channel: str = "web"
    last_seq: int = 0
    news: list[Message] = field(default_factory=list)
    _count: int = 0

    # --- what they do

    async def says(self, text: str) -> None:
        await self.sends(kind="message", text=text)

    async def presses(self, label: str) -> None:
        """Press the newest choice with this label, also one inside a card."""
        item = await self._find(label)
        await self.sends(kind="choice", choice=item["value"], text=choices.said(item))

    async def sends_photo(self, text: str = "") -> None:
        identity = await self._identity()
        file = await files.store(PNG, name="a.png", owner=f"identity:{identity.id}", now=self.at)
        await self.sends(kind="message" if text else "file", text=text, files=(file.token,))

    async def waits(self, **time: float) -> None:
        self.at += timedelta(**time)

    # --- what they hear

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.news]

    @property
    def cards(self) -> list[dict[str, Any]]:
        return [card for message in self.news for card in message.cards]

    @property
    def labels(self) -> list[str]:
        """The labels of what can be pressed now."""
        return [choices.label(i) for m in self.news for i in choices.pressables(m.choices, m.cards)]

    def heard(self, *fragments: str) -> None:
        """Each of these was said in answer to the last thing the customer did."""
        said = "\n".join(self.texts)
        missing = [fragment for fragment in fragments if fragment not in said]
        assert not missing, f"{missing} not in:\n{said}\n{self.labels}"

    def heard_nothing_of(self, *fragments: str) -> None:
        said = "\n".join(self.texts)
        assert not [fragment for fragment in fragments if fragment in said], said

    def offered(self, *labels: str) -> None:
        missing = [label for label in labels if label not in self.labels]
        assert not missing, f"{missing} not offered: {self.labels} with {self.texts}"

    def summary(self) -> dict[str, str]:
        """The lines of the summary that was just shown."""
        card = next(card for card in self.cards if card["type"] == "summary")
        return {fact["label"]: fact["value"] for fact in card["facts"]}

    # --- what has come of it

    async def requests(self) -> list[ServiceRequest]:
        return await requests.of_contact(await self.contact_id())

    async def request(self) -> ServiceRequest:
        """Their only request."""
        (one,) = await self.requests()
        return one

    async def contact_id(self) -> int:
        return (await self._identity()).contact_id

    async def conversation(self) -> Conversation:
        return await Conversation.filter(identity_id=(await self._identity()).id).order_by("-id").first()  # type: ignore[return-value]

    async def owns(self, *products: str, **how: Any) -> None:
        await company.give(await self.contact_id(), *products, **how)

    async def is_known(self) -> None:
        """Name, phone and address are on record."""
        await company.reachable(await self.contact_id())

    async def has_request(self, **values: Any) -> ServiceRequest:
        """A request of theirs, opened a moment ago."""
        contact_id = await self.contact_id()
        conversation = await Conversation.get_or_none(contact_id=contact_id)
        given = {"product_text": company.WASHER, "symptom": "물이 새요", **values}
        return await requests.open(
            Actor("contact", contact_id),
            contact_id,
            conversation_id=conversation.id if conversation else None,
            now=self.at,
            tz=company.SEOUL,
            **given,
        )

    async def staff_moves(self, request: ServiceRequest, *statuses: str, by: str = "minho") -> None:
        """A colleague moves the request along, and the customer is told of each step before the next."""
        await self._tell()
        for status in statuses:
            self.at += PAUSE
            await requests.change_status(self.staff[by], request.id, status, reason="확인", now=self.at)
            await self._tell()
        await self._listen()

    async def is_told(self) -> None:
        """Let the worker tell what has happened since."""
        await self._tell()
        await self._listen()

    # --- machinery

    async def _tell(self) -> None:
        notices = Notices(self.assistant.engine.domain)
        while await happenings.consume(NOTICES, [notices]):
            pass

    async def sends(self, **what: Any) -> None:
        self.at += PAUSE
        self._count += 1
        await inbox.store(
            inbox.Inbound(
                channel=self.channel,
                external_user=self.user,
                external_id=f"{self.user}:{self._count}",
                locale=self.locale,
                received_at=self.at,
                **what,
            ),
            now=self.at,
        )
        worker = Worker(self.assistant, on_parked=self.assistant.parked, now=lambda: self.at)
        await worker.drain()
        assert not worker.failures, "the turn failed"
        await self._listen()

    async def _listen(self) -> None:
        contact_id = await self.contact_id()
        rows: Sequence[Message] = await Message.filter(
            conversation__contact_id=contact_id, direction="out", id__gt=self.last_seq
        ).order_by("id")
        self.news = list(rows)
        self.last_seq = rows[-1].id if rows else self.last_seq

    async def _find(self, label: str) -> Any:
        contact_id = await self.contact_id()
        rows = await Message.filter(conversation__contact_id=contact_id, direction="out").order_by("-id")
        for row in rows:
            for item in choices.pressables(row.choices, row.cards):
                if label in (choices.label(item), choices.said(item)):
                    return item
        raise AssertionError(f"{label!r} was never offered; now: {self.labels}")

    async def _identity(self) -> Any:
        return await identities.find_or_create(
            self.channel, "", self.user, locale=self.locale, now=company.MONDAY
        )
