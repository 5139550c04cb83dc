"""E-mail over the wire: the real client libraries against a strict provider, our own front and sender."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bots import fleet
from bots.channels.email import EmailChannel
from bots.composing import composer
from bots.sender import Sender
from bots.settings import Settings, load
from crm import db as database
from crm import files, outbox, storage, vault
from crm.models import Identity, Mailbox, Message
from tests.standins import mail_client
from tests.standins.mail_client import SHOP, Addresses, Customer, Provider, reached, until

ROOT = Path(__file__).parents[3]
PAYLOADS = ROOT / "tests/payloads/email"


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with mail_client.process() as running:
        yield running


@pytest.fixture
async def provider(addresses: Addresses) -> AsyncIterator[Provider]:
    async with reached(addresses) as running:
        await running.fault(clear=True)
        yield running


class Front:
    """Mailboxes listening and a sender sending, as in the front process."""

    def __init__(self, settings: Settings) -> None:
        self.fleet = fleet.build(settings)
        self.sender = Sender(self.fleet.channels, compose=composer("https://help.shop.example"))

    @property
    def mailbox(self) -> EmailChannel:
        account = self.fleet.channels["email"]
        assert isinstance(account, EmailChannel)
        return account

    async def received(self, count: int, seconds: float = 15.0) -> list[Message]:
        """Wait until `count` messages were stored."""

        async def enough() -> list[Message]:
            found = await Message.filter(direction="in").order_by("id")
            return found if len(found) >= count else []

        stored: list[Message] = await until(enough, seconds)
        return stored

    async def answer(self, conversation_id: int, text: str, **more: Any) -> Message:
        more = {"author": "bot", **more}
        said = await outbox.put(conversation_id, text=text, now=datetime.now(UTC), **more)
        await self.sender.drain()
        return await Message.get(id=said.id)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        task = database.spawn(self.sender.run())
        try:
            yield
        finally:
            self.sender.stop()
            await task


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Front]:
    front = Front(settings)
    tasks = front.fleet.listen()
    try:
        await until(lambda: opened(len(front.fleet.channels)))
        yield front
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await front.fleet.close()


async def opened(count: int) -> bool:
    return await Mailbox.all().count() >= count


@pytest.fixture
def settings(any_db: str, addresses: Addresses, tmp_path: Path) -> Settings:
    vault.use(b"s" * 32)
    files.use(storage.Folder(tmp_path / "files"), max_bytes=2 * 1024 * 1024)
    return load(
        data_dir=tmp_path,
        mail_from=f"새봄가전 <{SHOP}>",
        smtp_url=addresses.smtp_url(),
        imap_url=addresses.imap_url(),
    )


@pytest.fixture
async def front(settings: Settings, provider: Provider) -> AsyncIterator[Front]:
    async with running(settings) as made:
        yield made


PEOPLE = iter(range(1000))  # a person of its own for each test


@pytest.fixture
def minseo(provider: Provider) -> Customer:
    return provider.customer(f"minseo{next(PEOPLE)}@customer.example")


async def test_a_mail_is_stored_and_its_answer_is_one_thread_with_it(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    theirs = await minseo.write("세탁기에서 물이 새요", name="김민서", subject="세탁기 고장")
    (message,) = await front.received(1)
    identity = await Identity.get()
    assert (message.text, identity.external_id, identity.display_name) == (
        "세탁기 고장\n세탁기에서 물이 새요",
        minseo.address,
        "김민서",
    )
    sent = await front.answer(message.conversation_id, "언제부터 그랬나요?", inbox_id=message.inbox_id)
    (mail,) = await minseo.gets(1)
    assert sent.state == "sent"
    assert mail["headers"]["Message-ID"] == f"<{sent.external_id}>"
    assert (mail["headers"]["Subject"], mail["headers"]["From"]) == ("Re: 세탁기 고장", f"새봄가전 <{SHOP}>")
    assert (mail["headers"]["In-Reply-To"], mail["headers"]["References"]) == (theirs, theirs)
    assert mail["headers"]["Auto-Submitted"] == "auto-replied"
    assert "언제부터 그랬나요?" in mail["text"]
    assert "언제부터 그랬나요?" in mail["html"]
    assert await provider.refused() == []
