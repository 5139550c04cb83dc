"""E-mail over the wire: the real client libraries against a strict provider, our own front and sender."""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from bots import fleet
from bots.channels.email import EmailChannel
from bots.composing import composer
from bots.sender import Sender
from bots.settings import Settings, load
from bots.web import app_keys, pages, refusing
from crm import (
    advertising,
    choices,
    codes,
    company,
    consent,
    conversations,
    files,
    gate,
    identities,
    linking,
    mail_answers,
    outbox,
    refusals,
    storage,
    vault,
)
from crm import db as database
from crm.models import (
    Conversation,
    File,
    Identity,
    Inbox,
    Lane,
    MailAside,
    Mailbox,
    MailOriginal,
    Message,
    Staff,
)
from tests.crm.makers import a_company
from tests.standins import mail_client
from tests.standins.mail_client import SALES, SHOP, Addresses, Customer, Provider, reached
from tests.standins.mail_writing import written
from tests.standins.starting import until

ROOT = Path(__file__).parents[3]
PAYLOADS = ROOT / "tests/payloads/email"
SAMPLE_ID = "dangol.Q7mJ3fJm0Kc9r2vXb1ZtYw8LpN4sHdEa@shop.example"  # of our mail in the samples
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with mail_client.process() as running:
        yield running


@pytest.fixture
async def provider(addresses: Addresses) -> AsyncIterator[Provider]:
    async with reached(addresses) as running:
        await running.fault(clear=True)
        await running.empty()
        yield running


class Front:
    """Mailboxes listening and a sender sending, as in the front process."""

    def __init__(self, settings: Settings) -> None:
        self.fleet = fleet.build(settings)
        self.sender = Sender(
            self.fleet.channels,
            compose=composer("https://help.shop.example"),
            merges=self.fleet.merging,
        )

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
def settings(db: str, addresses: Addresses, tmp_path: Path) -> Settings:
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


async def test_a_reply_comes_into_its_conversation_without_what_it_quotes(
    front: Front, minseo: Customer
) -> None:
    await minseo.write("세탁기에서 물이 새요")
    (first,) = await front.received(1)
    await front.answer(first.conversation_id, "언제 방문할까요?")
    await Conversation.filter(id=first.conversation_id).update(status="closed", closed_at=LONG_AGO)
    (mail,) = await minseo.gets(1)
    quoted = "".join(f"> {line}\n" for line in mail["text"].splitlines())
    head = "2026년 11월 3일 (화) 오후 3:12, 새봄가전 <help@shop.example>님이 작성:"
    await minseo.answer(mail, f"목요일이요\n\n{head}\n\n{quoted}")
    _, reply = await front.received(2)
    assert (reply.conversation_id, reply.text) == (first.conversation_id, "목요일이요")
    assert "언제 방문할까요?" in reply.data["mail"]["folded"]
    assert (await Conversation.get(id=first.conversation_id)).status == "open"


async def test_a_new_mail_goes_into_the_open_conversation(front: Front, minseo: Customer) -> None:
    await minseo.write("세탁기에서 물이 새요")
    await minseo.write("사진은 나중에 보낼게요", subject="추가로")
    one, two = await front.received(2)
    assert one.conversation_id == two.conversation_id


async def test_a_number_or_a_pressed_address_is_the_choice(front: Front, minseo: Customer) -> None:
    await minseo.write("안녕하세요")
    (first,) = await front.received(1)
    offer, _ = choices.mint(
        [{"title": "네", "payload": "/affirm"}, {"title": "아니요", "payload": "/deny"}], []
    )
    said = await front.answer(first.conversation_id, "접수할까요?", choices=offer)
    (mail,) = await minseo.gets(1)
    token = mail_answers.sign(said.id, offer[0]["value"], said.created_at)
    for part in (mail["text"], mail["html"]):
        assert f"https://help.shop.example/m/{token}" in part
        assert "1. 네" in part
    await minseo.answer(mail, "2번이요")
    _, chosen = await front.received(2)
    assert (chosen.text, chosen.data["choice"]) == ("아니요", offer[1]["value"])
    found = await mail_answers.read(token, datetime.now(UTC))
    for _ in range(2):
        await mail_answers.press(found, now=datetime.now(UTC))
    *_, pressed = await front.received(3)
    assert (pressed.text, pressed.data["choice"]) == ("네", offer[0]["value"])
    assert await Message.filter(direction="in").count() == 3


async def test_files_come_and_go_and_what_cannot_be_taken_is_named(front: Front, minseo: Customer) -> None:
    pdf, exe = base64.b64encode(b"%PDF-1.7\nabc").decode(), base64.b64encode(b"MZ\x90\x00\xff" * 40).decode()
    sent = [
        {"name": "영수증.pdf", "type": "application/pdf", "base64": pdf},
        {"name": "놀이.exe", "type": "application/octet-stream", "base64": exe},
    ]
    await minseo.write("영수증이에요", files=sent)
    (message,) = await front.received(1)
    assert [file.name for file in await File.filter(message_id=message.id)] == ["영수증.pdf"]
    assert message.data["mail"]["refused"] == ["놀이.exe"]
    said = await outbox.put(message.conversation_id, author="bot", text="견적이에요", now=datetime.now(UTC))
    kept = await files.store(b"%PDF-1.7\nxyz", name="견적서.pdf", owner="staff:1", now=datetime.now(UTC))
    await File.filter(id=kept.id).update(message_id=said.id)
    await front.sender.drain()
    (mail,) = await minseo.gets(1)
    assert mail["files"] == [{"name": "견적서.pdf", "type": "application/pdf", "size": 12}]


async def test_somebody_in_copy_writes_into_the_conversation_and_a_person_answers(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    friend = provider.customer(f"friend-of-{minseo.address}")
    await minseo.write("같이 봐 주세요", cc=f"친구 <{friend.address}>")
    (first,) = await front.received(1)
    await front.answer(first.conversation_id, "무엇을 도와드릴까요?")
    (mail,) = await minseo.gets(1)
    await friend.answer(mail, "제가 대신 답할게요", name="친구")
    _, second = await front.received(2)
    assert first.data["mail"]["cc"] == [{"name": "친구", "address": friend.address}]
    assert second.conversation_id == first.conversation_id
    assert second.data["mail"]["from"] == {"name": "친구", "address": friend.address}
    assert (first.data["mail"].get("colleague"), second.data["mail"]["colleague"]) == (None, True)
    conversation = await Conversation.get(id=first.conversation_id)
    assert (conversation.owner, conversation.handover_reason) == ("staff", "participant")


async def test_a_stranger_who_knows_our_mail_is_a_customer_of_their_own(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    await minseo.write("안녕하세요")
    (first,) = await front.received(1)
    await front.answer(first.conversation_id, "무엇을 도와드릴까요?")
    (mail,) = await minseo.gets(1)
    await provider.customer(f"stranger-to-{minseo.address}").answer(mail, "접수를 취소해 주세요")
    _, second = await front.received(2)
    assert second.conversation_id != first.conversation_id


@pytest.mark.parametrize("sample", ["vacation", "newsletter", "ours_back", "bounce_delayed"])
async def test_machines_lists_and_our_own_mails_start_nothing(
    front: Front, provider: Provider, minseo: Customer, sample: str
) -> None:
    await provider.deliver((PAYLOADS / f"{sample}.eml").read_bytes())
    await minseo.write("사람이에요")
    (message,) = await front.received(1)
    assert "사람이에요" in message.text
    assert await MailAside.all().count() == 1
    assert await Conversation.all().count() == 1


async def test_no_kind_of_machine_starts_anything_or_is_answered(
    front: Front, provider: Provider, minseo: Customer
) -> None:
    names = [
        "read_receipt", "away_precedence", "away_x_autoreply", "away_subject", "away_outlook", "mailing_list",
        "bounce_gmail", "bounce_exchange", "bounce_korean_portal", "bounce_qmail",
    ]  # fmt: skip
    for name in names:
        await provider.deliver((PAYLOADS / f"{name}.eml").read_bytes())
    await minseo.write("사람이에요")
    (message,) = await front.received(1)
    assert "사람이에요" in message.text
    assert await MailAside.all().count() == len(names)
    assert await Conversation.all().count() == 1
    await front.sender.drain()
    assert await minseo.mails() == []


async def test_a_mail_is_kept_as_it_looked_with_the_pictures_in_it(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = minseo.address, SHOP, "사진"
    mail["Date"], mail["Message-ID"] = (
        format_datetime(datetime.now(UTC)),
        make_msgid(domain="customer.example"),
    )
    mail.set_content("세탁기 사진이에요")
    mail.add_alternative(
        "<p onclick=x>세탁기 <b>사진</b>이에요</p><img src='cid:p1'><img src='https://track.example/1.gif'>"
        "<script>alert(1)</script>",
        subtype="html",
    )
    photo = _PNG + b"\0" * 500  # larger than a mark that tells who reads
    mail.get_payload()[1].add_related(photo, "image", "png", cid="<p1>")  # type: ignore[union-attr]
    for _ in range(2):
        await provider.deliver(mail.as_bytes(policy=policy.SMTP))
    (message,) = await front.received(1)
    kept = await until(lambda: MailOriginal.get_or_none(message_id=message.id))
    token = (await File.get(message_id=message.id)).token
    assert kept.html.startswith("<p>세탁기 <b>사진</b>이에요</p>")
    assert f'<img src="cid:{token}">' in kept.html
    assert "script" not in kept.html
    assert message.data["mail"]["original"] is message.data["mail"]["remote"] is True
    assert message.text == "세탁기 사진이에요"  # the subject is in it


_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


@pytest.mark.parametrize("name", ["bounce_no_mailbox", "bounce_exchange", "bounce_qmail"])
async def test_a_bounce_fails_the_message_and_a_person_sees_to_it(
    front: Front, minseo: Customer, provider: Provider, name: str
) -> None:
    await minseo.write("안녕하세요")
    (first,) = await front.received(1)
    said = await front.answer(first.conversation_id, "무엇을 도와드릴까요?")
    sample = (PAYLOADS / f"{name}.eml").read_text()
    bounce = sample.replace(SAMPLE_ID, said.external_id)
    for _ in range(2):
        await provider.deliver(bounce.encode())
    await until(lambda: Message.get_or_none(id=said.id, state="failed"))
    await until(lambda: Conversation.get_or_none(owner="staff", handover_reason="bounced"))
    assert (await Identity.get()).blocked_at is not None
    lines = [line.data for line in await Message.filter(direction="event")]
    assert [line["status"][:5] for line in lines if line["event"] == "bounced"] == ["5.1.1"]
    await minseo.write("다시 쓸게요")
    await front.received(2)
    assert (await Identity.get()).blocked_at is None


async def test_an_answer_of_a_machine_in_a_thread_is_a_line_for_staff(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    await minseo.write("안녕하세요")
    (first,) = await front.received(1)
    said = await front.answer(first.conversation_id, "무엇을 도와드릴까요?")
    sample = (PAYLOADS / "vacation.eml").read_text().replace(SAMPLE_ID, said.external_id)
    sample = re.sub(r"^Date: .*$", f"Date: {format_datetime(datetime.now(UTC))}", sample, flags=re.MULTILINE)
    await provider.deliver(sample.encode())
    line = await until(lambda: Message.get_or_none(direction="event"))
    assert (line.conversation_id, line.data["event"]) == (first.conversation_id, "auto_reply")
    await provider.renumber()  # all of it is read once more
    await minseo.write("그 뒤의 메일")
    await front.received(2, seconds=30)
    lines = [line.data["event"] for line in await Message.filter(direction="event")]
    assert lines.count("auto_reply") == 1
    assert await Inbox.all().count() == 2


async def test_new_numbers_of_the_mailbox_double_and_lose_nothing(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    for number in range(3):
        await minseo.write(f"메일 {number}")
    await front.received(3)
    await provider.renumber()
    await minseo.write("그 뒤의 메일")
    messages = await front.received(4, seconds=30)
    validity = (await Mailbox.get()).uid_validity
    await until(lambda: Mailbox.get_or_none(uid_validity__not=0, last_uid__lt=100))
    assert [message.text.splitlines()[-1] for message in messages] == [
        "메일 0", "메일 1", "메일 2", "그 뒤의 메일",
    ]  # fmt: skip
    assert validity
    assert await Inbox.all().count() == 4


async def test_a_mailbox_that_cuts_us_off_or_has_no_idle_is_read_on(
    settings: Settings, minseo: Customer, provider: Provider
) -> None:
    await provider.fault(push=False)
    async with running(settings) as front:
        front.mailbox.poll_seconds = 0.2
        await provider.cut()
        await minseo.write("하나")
        await front.received(1, seconds=30)
        await minseo.write("둘")
        await front.received(2, seconds=30)


async def test_only_mails_from_the_first_start_on_are_ours_and_are_marked_as_seen(
    settings: Settings, minseo: Customer, provider: Provider
) -> None:
    await minseo.write("옛날 메일", at=(datetime.now(UTC) - timedelta(seconds=30)).isoformat())
    before = len(await provider.flags())
    async with running(settings) as front:
        await minseo.write("새 메일")
        (message,) = await front.received(1)

        async def marked() -> bool:
            return "Seen" in (await provider.flags())[before]

        await until(marked)
    assert "새 메일" in message.text


async def test_a_mail_that_came_while_we_started_is_not_lost(settings: Settings, minseo: Customer) -> None:
    front = Front(settings)
    await minseo.write("아직 아무도 안 읽어요")
    tasks = front.fleet.listen()
    try:
        (message,) = await front.received(1)
        assert "아직 아무도 안 읽어요" in message.text
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await front.fleet.close()


async def test_all_that_the_bot_says_to_one_mail_is_one_mail(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    await minseo.write("세탁기에서 물이 새요")
    (first,) = await front.received(1)
    article, _ = choices.mint([{"title": "도움이 됐어요", "payload": "/thank"}], [])
    days, _ = choices.mint(
        [{"title": "오늘", "payload": "/affirm"}, {"title": "내일", "payload": "/deny"}], []
    )
    put = {"author": "bot", "inbox_id": first.inbox_id, "now": datetime.now(UTC)}
    await outbox.put(first.conversation_id, text="호스를 확인해 보세요.", choices=article, **put)
    await outbox.put(first.conversation_id, text="언제 방문할까요?", choices=days, **put)
    await front.answer(first.conversation_id, "따로 드리는 안내예요.")
    mail, apart = await minseo.gets(2)
    assert mail["text"].index("호스를 확인해 보세요.") < mail["text"].index("언제 방문할까요?")
    assert "따로 드리는" in apart["text"]
    assert [line for line in mail["text"].splitlines() if line[:2] in ("· ", "1.", "2.")] == [
        "· 도움이 됐어요",
        "1. 오늘",
        "2. 내일",
    ]
    assert mail["text"].count("/m/") == mail["html"].count('href="https://help.shop.example/m/') == 3
    said = await Message.filter(direction="out", inbox_id=first.inbox_id).order_by("seq")
    assert {one.external_id for one in said} == {mail["headers"]["Message-ID"].strip("<>")}
    assert [one.state for one in said] == ["sent", "sent"]
    bounce = (PAYLOADS / "bounce_no_mailbox.eml").read_text().replace(SAMPLE_ID, said[0].external_id)
    await provider.deliver(bounce.encode())
    await until(lambda: Conversation.get_or_none(owner="staff", handover_reason="bounced"))
    states = await Message.filter(direction="out").order_by("seq").values_list("state", flat=True)
    assert list(states) == ["failed", "failed", "sent"]


async def test_only_one_of_two_fronts_reads(settings: Settings, minseo: Customer) -> None:
    async with running(settings) as one, running(settings) as other:
        assert one.fleet.holder != other.fleet.holder
        await minseo.write("안녕하세요")
        await one.received(1)
        await asyncio.sleep(0.3)
        assert await Inbox.all().count() == 1


async def test_accounts_of_one_mailbox_share_it_by_whom_a_mail_is_for(
    settings: Settings, addresses: Addresses, minseo: Customer, provider: Provider, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DANGOL_MAIL_FROM__SALES", f"새봄 영업팀 <{SALES}>")
    both = load(
        data_dir=settings.data_dir,
        mail_from=settings.mail_from,
        smtp_url=settings.smtp_url,
        imap_url=settings.imap_url,
    )
    async with running(both) as front:
        for to in (SALES, SHOP):
            await provider.deliver(
                written({"from": minseo.address, "to": to, "subject": "견적", "text": "네"})
            )
        await front.received(2)
        await asyncio.sleep(0.3)
    found = {(row.channel_account, row.kind) for row in await Inbox.all()}
    assert found == {("sales", "message"), ("", "message")}


@pytest.mark.parametrize(
    ("where", "answer"),
    [("data", "451 4.3.0 try again later"), ("rcpt", "450 4.2.0 greylisted"), ("mail", "421 4.3.2 closing")],
)
async def test_a_server_that_asks_for_patience_gets_it(
    front: Front, minseo: Customer, provider: Provider, where: str, answer: str
) -> None:
    await minseo.write("안녕하세요")
    (message,) = await front.received(1)
    await provider.fault(where=where, answer=answer)
    said = await front.answer(message.conversation_id, "답이에요")
    assert said.state == "queued"
    await Lane.filter(kind="outbox").update(due_at=datetime.now(UTC))
    await front.sender.drain()
    assert len(await minseo.gets(1)) == 1


async def test_a_mail_taken_without_a_word_is_sent_again_as_the_same_mail(
    front: Front, minseo: Customer, provider: Provider
) -> None:
    await minseo.write("안녕하세요")
    (message,) = await front.received(1)
    await provider.fault(where="after_data")
    said = await front.answer(message.conversation_id, "답이에요")
    assert said.state == "queued"
    await Lane.filter(kind="outbox").update(due_at=datetime.now(UTC))
    await front.sender.drain()
    first, second = await minseo.raw()
    assert first == second
    assert (await Message.get(id=said.id)).state == "sent"


@pytest.mark.parametrize(
    ("who", "error", "blocked"), [("nobody", "blocked", True), ("fussy", "smtp 550 5.7.1", False)]
)
async def test_a_recipient_refused_for_good_is_a_dead_letter(
    front: Front, provider: Provider, who: str, error: str, blocked: bool
) -> None:
    await provider.customer(f"{who}@customer.example").write("안녕하세요")
    (message,) = await front.received(1)
    assert (await front.answer(message.conversation_id, "답이에요")).state == "failed"
    (dead,) = await outbox.dead_letters()
    assert (dead["error"], (await Identity.get()).blocked_at is not None) == (error, blocked)


async def test_a_refused_login_makes_mails_wait(
    settings: Settings, front: Front, minseo: Customer, addresses: Addresses, provider: Provider
) -> None:
    await minseo.write("안녕하세요")
    (message,) = await front.received(1)
    await provider.fault(where="auth", times=9)  # once for each way to log in
    assert (await front.answer(message.conversation_id, "답이에요")).state == "queued"
    await provider.fault(clear=True)
    await Lane.filter(kind="outbox").update(due_at=datetime.now(UTC))
    await front.sender.drain()
    assert len(await minseo.gets(1)) == 1


@pytest.mark.parametrize(("language", "name"), [("ko", "이서준 · "), ("en", "Seojun Lee · ")])
async def test_an_answer_of_staff_is_theirs_and_no_machines(
    front: Front, minseo: Customer, language: str, name: str
) -> None:
    await minseo.write("안녕하세요")
    (message,) = await front.received(1)
    await Conversation.filter(id=message.conversation_id).update(locale=language)
    staff = await Staff.create(
        login="seojun", name="이서준", name_en="Seojun Lee", role="agent", created_at=datetime.now(UTC)
    )
    await front.answer(message.conversation_id, "제가 도와드릴게요", author="staff", staff_id=staff.id)
    (mail,) = await minseo.gets(1)
    assert mail["headers"]["From"].startswith(name)
    assert "Auto-Submitted" not in mail["headers"]


async def test_a_mail_that_cannot_be_handled_is_parked_and_the_next_ones_are_read(
    settings: Settings, minseo: Customer, provider: Provider
) -> None:
    async with running(settings) as front:
        await provider.deliver(
            b"From: " + b"x" * 180 + b"@customer.example\r\nTo: " + SHOP.encode() + b"\r\n\r\nhi"
        )
        await provider.deliver(bytes(range(256)) * 40)
        await minseo.write("그 다음 메일")
        messages = await front.received(1, seconds=30)
        assert any("그 다음 메일" in message.text for message in messages)


async def test_check_logs_in_at_both_servers(
    front: Front, settings: Settings, addresses: Addresses, provider: Provider
) -> None:
    assert await front.mailbox.check() == f"{SHOP}, sends and receives, told of new mail at once"
    imap = addresses.imap_url()
    for name, value, advice in (
        ("smtp_url", addresses.smtp_url(password="no"), "application password"),
        ("imap_url", addresses.imap_url(password="no"), "application password"),
        ("imap_url", imap.replace("/INBOX", "/NoSuch"), "no folder NoSuch"),
        ("mail_from", "another@shop.example", "may not write as another@shop.example"),
        ("smtp_url", addresses.smtp_url("starttls").replace("starttls:", "smtps:"), "no TLS from the first"),
    ):
        values = {
            "mail_from": SHOP,
            "smtp_url": settings.smtp_url,
            "imap_url": settings.imap_url,
            name: value,
        }
        account = fleet.build(load(data_dir=settings.data_dir, **values)).channels["email"]
        with pytest.raises(RuntimeError, match=f"^{name.upper()}: .*{advice}"):
            await account.check()
        await account.close()


@pytest.mark.parametrize("scheme", ["smtps", "starttls"])
async def test_nothing_is_said_to_a_server_whose_certificate_is_not_believed(
    settings: Settings, addresses: Addresses, provider: Provider, scheme: str
) -> None:
    good = addresses.smtp_url(scheme)
    for url, believed in ((good, True), (good.partition("?")[0], False)):
        values = {"mail_from": SHOP, "smtp_url": url}
        account = fleet.build(load(data_dir=settings.data_dir, **values)).channels["email"]
        with contextlib.nullcontext() if believed else pytest.raises(RuntimeError, match=r"certificate|SSL"):
            await account.check()
        await account.close()


# --- advertising and codes


async def test_an_advertisement_is_marked_and_refused_with_the_one_click_of_its_header(
    front: Front, minseo: Customer
) -> None:
    """RFC 8058: the mail program posts `List-Unsubscribe=One-Click` to the address, without asking."""
    await a_company(phone="1588-1234")
    await minseo.write("안녕하세요")
    (first,) = await front.received(1)
    talk, now = await Conversation.get(id=first.conversation_id), datetime.now(UTC)
    await consent.record(
        talk.contact_id, "ad", channel="email", granted=True, source="form", told=True, now=now
    )
    profile = await company.get()
    last = await refusals.line("https://help.shop.example", talk.contact_id, "email", language="ko")
    text = advertising.compose(
        "필터를 싸게 드려요.", advertising.Advertiser((profile.name,), (profile.phone,)), last
    )
    await front.answer(talk.id, text, author="system", purpose="ad")
    (mail,) = await minseo.gets(1)
    assert mail["headers"]["Subject"].startswith("(광고)")
    assert mail["text"].startswith("(광고)")
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"  # it answers nothing
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = URL(mail["headers"]["List-Unsubscribe"].strip("<>"))
    assert address.host == "help.shop.example"
    async with TestClient(TestServer(_pages())) as program:
        body = {"List-Unsubscribe": "One-Click"}
        assert (await program.post(address.path, data=body, allow_redirects=False)).status == 200
    assert await gate.refuses_now(talk.contact_id, "email")
    with pytest.raises(gate.Unlawful):
        await front.answer(talk.id, text, author="system", purpose="ad")
    assert len(await minseo.mails()) == 1


def _pages() -> web.Application:
    app = web.Application()
    app[app_keys.CONFIG] = app_keys.WebConfig(secret_key=b"s" * 32)
    pages.setup(app)
    refusing.routes(app)
    return app


async def test_a_code_goes_to_the_address_that_somebody_on_another_channel_names(
    front: Front, minseo: Customer
) -> None:
    now = datetime.now(UTC)
    codes.use(["email"])
    try:
        asker = await identities.find_or_create("web", "", "visitor", locale="ko", now=now)
        talk = await conversations.reach(asker, now=now)
        await codes.dispatch(talk.id, "email", minseo.address, now=now)
    finally:
        codes.use([])
    await front.sender.drain()
    (mail,) = await minseo.gets(1)
    digits = re.search(r"\b\d{6}\b", mail["text"])
    assert digits
    assert not re.search(r"\d{6}", mail["headers"]["Subject"])
    for row in await Message.all():
        assert digits[0] not in row.text + str(row.data)  # nowhere but in the mail
    said = await linking.try_code(asker.id, digits[0], now=now)
    assert said.result == "right"
    assert await linking.proven((await Identity.get(id=asker.id)).contact_id, "email") == [minseo.address]
