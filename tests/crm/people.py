"""Random contacts with everything that can belong to one, and a picture of all of it to compare."""

import random
from datetime import date, datetime, timedelta
from typing import Any

from crm import db, search
from crm.models import (
    Account,
    Callback,
    Consent,
    Contact,
    Conversation,
    Identity,
    Label,
    Labelling,
    Message,
    Possession,
    Product,
    Proof,
    Rating,
    ServiceRequest,
    TimelineEntry,
)

CHANNELS = ("web", "telegram", "kakao", "sms", "email")
NAMES = ("", "김민지", "이준호", "박서연", "Alex Kim")
PHONES = ("", "+821012342481", "+821055550000")
OF_CONTACT = (
    "identity", "conversation", "service_request", "rating", "callback", "possession", "consent", "proof",
)  # fmt: skip


class Maker:
    """Makes contacts from a seed; `now` is the time of everything."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.random = random.Random(seed)
        self.now = now
        self.number = 0
        self.labels: list[int] = []
        self.products: list[int] = []
        self.accounts: list[int] = []

    async def prepare(self) -> None:
        for n in range(3):
            self.labels.append((await Label.create(name=f"라벨{n}")).id)
            product = await Product.create(code=f"P{n}", name=f"세탁기{n}", category=f"종류{n}")
            self.products.append(product.id)
            self.accounts.append((await Account.create(name=f"거래처{n}", created_at=self.now)).id)

    def some(self, *values: Any) -> Any:
        return self.random.choice(values)

    def maybe(self) -> bool:
        return self.random.random() < 0.5

    async def contact(self) -> Contact:
        """A contact with random fields and up to two of everything."""
        self.number += 1
        earlier = self.now - timedelta(days=self.random.randrange(900))
        contact = await Contact.create(
            name=self.some(*NAMES),
            phone=self.some(*PHONES),
            email=self.some("", f"a{self.number}@example.com"),
            address=self.some("", "서울 마포구 월드컵로 1"),
            notes=self.some("", "단골", "늘 오전에 연락\n문 앞에 두기"),
            locale=self.some("ko", "en"),
            account_id=self.some(None, *self.accounts),
            verified=self.maybe(),
            customer_since=self.some(None, date(2020, 1, 1), earlier.date()),
            privacy_noticed_at=self.some(None, earlier),
            preferred_channel=self.some("", *CHANNELS),
            created_at=earlier,
            updated_at=self.some(earlier, self.now),
        )
        await search.reindex_contact(contact)
        await self._belongings(contact.id)
        return contact

    async def _belongings(self, contact_id: int) -> None:
        for channel in self.random.sample(CHANNELS, self.random.randrange(3)):
            await self._talk(contact_id, channel)
        for product_id in self.random.sample(self.products, self.random.randrange(3)):
            await Possession.create(
                contact_id=contact_id, product_id=product_id, kind="purchase", since=date(2024, 5, 1)
            )
        for label_id in self.random.sample(self.labels, self.random.randrange(3)):
            await Labelling.create(label_id=label_id, subject="contact", subject_id=contact_id)
        for value in self.random.sample(PHONES[1:], self.random.randrange(2)):
            await Proof.create(contact_id=contact_id, kind="phone", value=value, how="code", at=self.now)
        if self.maybe():
            await self._request(contact_id, None)

    async def _talk(self, contact_id: int, channel: str) -> None:
        identity = await Identity.create(
            contact_id=contact_id,
            channel=channel,
            external_id=f"{channel}-{self.number}",
            created_at=self.now,
            last_seen_at=self.now,
        )
        conversation = await Conversation.create(
            contact_id=contact_id,
            identity_id=identity.id,
            channel=channel,
            message_seq=1,
            last_message_at=self.now,
            created_at=self.now,
        )
        await Message.create(
            conversation_id=conversation.id, seq=1, direction="in", author="contact", text="안녕하세요",
            key=f"{channel}-{self.number}", created_at=self.now,
        )  # fmt: skip
        await self._told(contact_id, "conversation.started", "conversation", conversation.id)
        await Consent.create(
            contact_id=contact_id, purpose=self.some("ad", "night_ad"), channel=channel,
            granted=self.maybe(), source="chat", identity_id=identity.id, at=self.now,
        )  # fmt: skip
        if self.maybe():
            await self._request(contact_id, conversation.id)

    async def _request(self, contact_id: int, conversation_id: int | None) -> None:
        self.number += 1
        request = await ServiceRequest.create(
            number=f"SR-2026-{self.number:06}", contact_id=contact_id, conversation_id=conversation_id,
            product_text="세탁기", status_at=self.now, created_at=self.now, updated_at=self.now,
        )  # fmt: skip
        await self._told(contact_id, "request.opened", "request", request.id)
        if self.maybe():
            await Rating.create(request_id=request.id, contact_id=contact_id, score=5, at=self.now)
        if self.maybe():
            await Callback.create(
                contact_id=contact_id, conversation_id=conversation_id, request_id=request.id,
                phone="+821012342481", due_at=self.now, created_at=self.now,
            )  # fmt: skip

    async def _told(self, contact_id: int, kind: str, subject: str, subject_id: int) -> None:
        await TimelineEntry.create(
            contact_id=contact_id, kind=kind, subject=subject, subject_id=subject_id, at=self.now
        )


async def picture(contact_id: int) -> dict[str, Any]:
    """Everything a contact is and has, but for the lines that tell of merging itself."""
    found: dict[str, Any] = {"contact": await db.fetch("SELECT * FROM contact WHERE id = ?", contact_id)}
    for table in OF_CONTACT:
        rows = await db.fetch(f"SELECT * FROM {table} WHERE contact_id = ? ORDER BY id", contact_id)
        found[table] = rows
    found["timeline"] = await db.fetch(
        "SELECT * FROM timeline_entry WHERE contact_id = ?"
        " AND kind NOT IN ('contact.merged', 'contact.unmerged') ORDER BY id",
        contact_id,
    )
    found["labels"] = await db.fetch(
        "SELECT * FROM labelling WHERE subject = 'contact' AND subject_id = ? ORDER BY id", contact_id
    )
    found["keys"] = await db.fetch(
        "SELECT key FROM contact_key WHERE contact_id = ? ORDER BY key", contact_id
    )
    return found
