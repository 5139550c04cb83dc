"""Telegram over the wire: the real client library against a strict stand-in, our own front and sender."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from telegram.error import NetworkError

from bots import fleet
from bots.channels import telegram_requests
from bots.channels.base import Outbound
from bots.channels.telegram import ATTEMPTS, TelegramChannel
from bots.composing import composer
from bots.receiving import Receiver
from bots.sender import Sender
from bots.settings import Settings, load
from crm import cards, choices, files, inbox, linking, outbox, storage, vault
from crm import db as database
from crm.actor import SYSTEM
from crm.models import Contact, Conversation, File, Identity, Inbox, Message
from tests.standins import telegram_spec
from tests.standins.starting import until
from tests.standins.telegram_client import SALES, TOKEN, Telegram, process, reached

ROOT = Path(__file__).parents[3]
SECRET = "a-secret-for-the-webhook"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with process() as url:
        yield url


@pytest.fixture
async def server(address: str) -> AsyncIterator[Telegram]:
    async with reached(address) as running:
        await running.fault(clear=True, duplicate=False, shuffle=False, late_seconds=0, limits=True)
        yield running


class Front:
    """Channels listening and a sender sending, as in the front process."""

    def __init__(self, settings: Settings) -> None:
        self.fleet = fleet.build(settings)
        self.receive = Receiver("telegram", telegram_requests.CAPS)
        self.sender = Sender(self.fleet.channels, compose=composer(settings.url))

    async def received(self, count: int, seconds: float = 10.0) -> list[Message]:
        """Wait until `count` messages were stored."""

        async def enough() -> list[Message]:
            found = await Message.filter(direction="in").order_by("id")
            return found if len(found) >= count else []

        stored: list[Message] = await until(enough, seconds)
        return stored

    async def answer(self, conversation_id: int, text: str, **more: Any) -> Message:
        said = await outbox.put(conversation_id, author="bot", text=text, now=datetime.now(UTC), **more)
        await self.sender.drain()
        return await Message.get(id=said.id)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Front]:
    front = Front(settings)
    app = web.Application()
    front.fleet.routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    tasks = front.fleet.listen()
    try:
        yield front
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await front.fleet.close()
        await runner.cleanup()


@pytest.fixture
def settings(any_db: str, server: Telegram, tmp_path: Path) -> Settings:
    vault.use(b"s" * 32)
    files.use(storage.Folder(tmp_path / "files"), max_bytes=2 * 1024 * 1024)
    return load(data_dir=tmp_path, port=0, telegram_token=TOKEN, telegram_api_url=server.url)


@pytest.fixture
async def front(settings: Settings) -> AsyncIterator[Front]:
    async with running(settings) as made:
        yield made


USERS = iter(range(5001, 9000))  # a person of its own for each test


@pytest.fixture
def phone(server: Telegram) -> Any:
    return server.phone(next(USERS))


def png(colour: str = "red", size: int = 8) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(made, "PNG")
    return made.getvalue()


async def test_a_message_is_stored_and_its_answer_arrives(front: Front, phone: Any, server: Telegram) -> None:
    await phone.say("세탁기에서 물이 새요", person={"first_name": "민서", "last_name": "김"})
    (message,) = await front.received(1)
    identity = await Identity.get()
    assert (message.text, identity.external_id, identity.display_name) == (
        "세탁기에서 물이 새요",
        str(phone.user),
        "김민서",  # and so '/dangol find 김민서' finds them
    )
    sent = await front.answer(message.conversation_id, "언제부터 그랬나요?")
    assert await phone.heard() == ["언제부터 그랬나요?"]
    assert sent.state == "sent"
    assert await server.refusals() == []


async def test_updates_delivered_twice_and_out_of_order_are_stored_once(
    front: Front, phone: Any, server: Telegram
) -> None:
    await server.fault(duplicate=True, shuffle=True)
    for number in range(6):
        await phone.say(f"문장 {number}")
    messages = await front.received(6)
    await asyncio.sleep(0.2)
    assert await Inbox.all().count() == 6
    assert {message.text for message in messages} == {f"문장 {number}" for number in range(6)}


async def test_a_pressed_button_is_answered_at_once_and_retired(
    front: Front, phone: Any, server: Telegram
) -> None:
    await phone.say("안녕하세요")
    (first,) = await front.received(1)
    offer, _ = choices.mint(
        [{"title": "네", "payload": "/affirm"}, {"title": "아니요", "payload": "/deny"}], []
    )
    await front.answer(first.conversation_id, "접수할까요?", choices=offer)
    before = len(await server.log("answerCallbackQuery"))
    await phone.press("네")
    _, chosen = await front.received(2)
    assert (chosen.text, chosen.data["choice"]) == ("네", offer[0]["value"])

    async def retired() -> Any:
        return (await phone.messages())[-1]["text"].endswith("✓ 네")

    await until(retired)
    assert "reply_markup" not in (await phone.messages())[-1]
    assert len(await server.log("answerCallbackQuery")) == before + 1


async def test_a_photo_is_kept_with_its_caption(front: Front, phone: Any) -> None:
    await phone.send("photo", png(), caption="에러 코드예요")
    (message,) = await front.received(1)
    kept = await File.get(message_id=message.id)
    assert (message.text, kept.type, kept.owner[:9]) == ("에러 코드예요", "image/png", "identity:")


async def test_an_album_is_one_message(front: Front, phone: Any) -> None:
    for colour in ("red", "green", "blue"):
        await phone.send("photo", png(colour), media_group_id="9001")
    (message,) = await front.received(1)

    async def gathered() -> bool:
        return await File.filter(message_id=message.id).count() == 3

    await until(gathered)
    assert await Inbox.all().count() == 1


@pytest.mark.parametrize(
    ("kind", "content", "type_"),
    [
        ("voice", b"OggS" + bytes(60), "audio/ogg"),
        ("video", b"\0\0\0\x18ftypisom" + bytes(60), "video/mp4"),
        ("document", b"%PDF-1.7\n" + bytes(60), "application/pdf"),
    ],
)
async def test_voice_notes_videos_and_documents_are_kept(
    front: Front, phone: Any, kind: str, content: bytes, type_: str
) -> None:
    await phone.send(kind, content, name="파일")
    (message,) = await front.received(1)
    assert (await File.get(message_id=message.id)).type == type_


async def test_a_file_that_cannot_be_taken_is_explained(front: Front, phone: Any) -> None:
    await phone.send("document", b"MZ\x90\x00" + bytes(range(256)), name="놀이.exe")
    await front.received(1)
    await until(Message.filter(direction="out").exists, 10.0)  # said in a transaction of its own
    await front.sender.drain()
    assert "받을 수 없는" in (await phone.heard())[0]


async def test_a_file_that_telegram_cannot_give_holds_up_nobody(
    front: Front, phone: Any, server: Telegram
) -> None:
    (account,) = front.fleet.channels.values()
    assert isinstance(account, TelegramChannel)
    sample = (ROOT / "tests/payloads/telegram/photo.json").read_text()
    update = json.loads(sample)["payload"]
    await server.fault(method="getFile", kind="500", times=100)
    for attempt in range(ATTEMPTS):
        with contextlib.nullcontext() if attempt == ATTEMPTS - 1 else pytest.raises(NetworkError):
            await account.handle(update, front.receive)
    (message,) = await front.received(1)
    assert message.text == "에러 코드예요"


async def test_only_ones_own_contact_proves_a_phone(front: Front, phone: Any) -> None:
    shared = {"phone_number": "821012345678", "first_name": "김", "user_id": phone.user + 1}
    await phone.act("message", contact=shared)
    await front.received(1)
    assert (await Contact.get()).phone == ""
    await phone.act("message", contact={**shared, "user_id": phone.user})
    *_, message = await front.received(2)
    contact = await Contact.get()
    assert (message.text, contact.phone, contact.verified) == ("010-1234-5678", "+821012345678", True)


async def test_an_edit_is_shown_as_an_edit(front: Front, phone: Any) -> None:
    said = await phone.say("냉장고가 안 돼요")
    await front.received(1)
    await phone.act("edit", message_id=said["message_id"], text="세탁기가 안 돼요")
    message = await until(lambda: Message.get_or_none(direction="in", edited_at__not_isnull=True))
    assert message.text == "세탁기가 안 돼요"
    assert await Inbox.all().count() == 1


async def test_a_location_and_a_reply_keep_what_they_say(front: Front, phone: Any) -> None:
    said = await phone.say("어디로 오시나요?")
    await phone.act("message", location={"latitude": 37.5, "longitude": 127.0})
    await phone.act("message", text="여기로요", reply_to_message=said)
    _, place, reply = await front.received(3)
    assert "maps.google.com/?q=37.5,127.0" in place.text
    assert (place.data["location"], reply.data["quote"]) == ([37.5, 127.0], "어디로 오시나요?")


async def test_a_deep_link_joins_the_web_customer(front: Front, phone: Any) -> None:
    now = datetime.now(UTC)
    known = await inbox.store(
        inbox.Inbound(channel="web", external_user="s1", external_id="1", text="네", received_at=now), now=now
    )
    contact = (await Identity.get()).contact_id
    token = await linking.link_for(SYSTEM, contact, now=now)
    await phone.say(f"/start {token}")
    *_, greeting = await front.received(2)
    assert (await Identity.get(channel="telegram")).contact_id == contact
    assert greeting.conversation_id != known.conversation_id
    assert greeting.text == "안녕하세요"


async def test_an_address_opens_the_bot_with_a_token(front: Front) -> None:
    assert await front.fleet.opening("AbC-1") == "https://t.me/dangol_1_bot?start=AbC-1"


async def test_an_own_contact_is_confirmed_to_who_shared_it(front: Front, phone: Any) -> None:
    contact = {"phone_number": "+821012345678", "first_name": "미나", "user_id": phone.user}
    await phone.act("message", contact=contact)

    async def heard() -> list[str]:
        await front.sender.drain()
        told: list[str] = await phone.heard()
        return told

    assert await until(heard, 30.0) == ["010-1234-5678, 본인 번호로 확인했어요."]


async def test_who_is_asked_for_a_number_may_share_it_with_a_key_and_the_key_goes_again(
    front: Front, phone: Any
) -> None:
    await phone.say("안녕하세요")
    (first,) = await front.received(1)
    await front.answer(first.conversation_id, "전화번호를 알려 주세요", data={"asks": "phone"}, lang="en")
    asked = (await phone.messages())[-1]
    assert asked["reply_markup"]["keyboard"] == [[{"text": "Share my number", "request_contact": True}]]
    shared = {"phone_number": "821012345678", "first_name": "김", "user_id": phone.user}
    await phone.act("message", contact=shared)
    await until(lambda: Message.filter(text__contains="본인 번호로 확인했어요").exists())
    await front.answer(first.conversation_id, "고마워요")
    *_, confirmed, thanked = await phone.messages()
    assert confirmed["text"] == "010-1234-5678, 본인 번호로 확인했어요."
    assert "reply_markup" not in confirmed
    assert thanked["reply_markup"] == {"remove_keyboard": True}


async def test_a_question_with_buttons_of_its_own_keeps_them(front: Front, phone: Any) -> None:
    await phone.say("안녕하세요")
    (first,) = await front.received(1)
    offer, _ = choices.mint([{"title": "네", "payload": "/affirm"}], [])
    await front.answer(first.conversation_id, "번호를 확인할까요?", choices=offer, data={"asks": "phone"})
    assert set((await phone.messages())[-1]["reply_markup"]) == {"inline_keyboard"}


async def test_commands_are_shown_in_both_languages_and_understood(
    front: Front, phone: Any, server: Telegram
) -> None:
    await phone.say("/status")
    (message,) = await front.received(1)
    menus = (await server.get("/standin/state"))["1001"]["commands"]
    assert set(menus) == {"", "ko", "en"}
    assert [command["command"] for command in menus["en"]] == ["request", "status", "person", "help"]
    assert message.text == "접수 상태 확인할게요"


async def test_a_command_speaks_as_its_customer_does_not_as_their_phone(front: Front, phone: Any) -> None:
    await phone.act("message", text="/start", person={"language_code": "en"})
    (hello,) = await front.received(1)
    await Conversation.filter(id=hello.conversation_id).update(locale="ko")  # they went on in Korean
    await phone.say("/help")
    _, help_wanted = await front.received(2)
    assert (hello.text, help_wanted.text) == ("Hello", "도움말 보여 주세요")


async def test_a_customer_who_blocked_us_gets_nothing_until_they_come_back(front: Front, phone: Any) -> None:
    await phone.say("안녕하세요")
    (message,) = await front.received(1)
    await phone.act("membership", status="kicked")
    await until(lambda: Identity.get_or_none(blocked_at__not_isnull=True))
    assert (await front.answer(message.conversation_id, "들리나요?")).state == "failed"
    await phone.act("membership", status="member")
    await until(lambda: Identity.get_or_none(blocked_at=None))
    assert (await front.answer(message.conversation_id, "다시 뵈어요")).state == "sent"


async def test_a_block_that_sending_meets_is_noted(front: Front, phone: Any, server: Telegram) -> None:
    await phone.say("안녕하세요")
    (message,) = await front.received(1)
    await server.fault(late_seconds=600)  # Telegram's own word of it does not come
    await phone.act("membership", status="kicked")
    assert (await front.answer(message.conversation_id, "들리나요?")).state == "failed"
    assert (await Identity.get()).blocked_at is not None


async def test_a_moved_chat_is_written_to_at_its_new_id(front: Front, phone: Any) -> None:
    await phone.say("안녕하세요")
    (message,) = await front.received(1)
    await phone.act("migrate", chat_id=phone.user, to=phone.user + 100_000, silent=True)
    await outbox.put(message.conversation_id, author="bot", text="따라왔어요", now=datetime.now(UTC))

    async def arrived() -> Any:
        await front.sender.drain()
        return await Message.get_or_none(direction="out", state="sent")

    await until(arrived)
    assert (await Identity.get()).external_id == str(phone.user + 100_000)


async def test_a_group_is_politely_declined(front: Front, phone: Any, server: Telegram) -> None:
    await phone.act("membership", chat_id=-77, status="member")
    await until(lambda: server.log("leaveChat"))
    (said,) = [e for e in await server.log("sendMessage") if e["params"]["chat_id"] == "-77"]
    assert "1:1" in said["params"]["text"]
    assert await Inbox.all().count() == 0


async def test_files_of_staff_arrive_as_an_album_and_a_document(front: Front, phone: Any) -> None:
    await phone.say("안녕하세요")
    (message,) = await front.received(1)
    now = datetime.now(UTC)
    said = await outbox.put(message.conversation_id, author="bot", text="보내 드려요", now=now)
    for content, name in ((png(), "1.png"), (png("blue"), "2.png"), (b"%PDF-1.7\n", "안내.pdf")):
        kept = await files.store(content, name=name, owner="staff:1", now=now)
        await File.filter(id=kept.id).update(message_id=said.id)
    await front.sender.drain()
    assert await phone.heard() == ["photo", "photo", "document", "보내 드려요"]


async def test_an_article_of_ours_is_a_button_to_its_page(
    front: Front, settings: Settings, phone: Any, server: Telegram
) -> None:
    await phone.say("영업시간 알려 주세요")
    (message,) = await front.received(1)
    card = cards.article(title="영업시간", quote="평일 9시부터", url="/kb/hours")
    sent = await front.answer(message.conversation_id, "평일 9시부터예요.", cards=[card])
    assert (sent.state, await server.refusals()) == ("sent", [])
    (row,) = (await phone.messages())[-1]["reply_markup"]["inline_keyboard"]
    assert row[0]["url"] == f"{settings.url}/kb/hours"


async def test_a_long_answer_comes_whole_in_pieces(front: Front, phone: Any, server: Telegram) -> None:
    await phone.say("설명해 주세요")
    (message,) = await front.received(1)
    text = "필터를 물로 헹구고 완전히 말린 뒤 끼워 주세요. 🙂 " * 300
    await front.answer(message.conversation_id, text.strip())
    assert "".join("".join(await phone.heard()).split()) == "".join(text.split())
    assert await server.refusals() == []


async def test_too_many_requests_delay_only_whom_they_must(
    front: Front, phone: Any, server: Telegram
) -> None:
    other = server.phone(next(USERS))
    await phone.say("하나")
    await other.say("둘")
    one, two = await front.received(2)
    await server.fault(method="sendMessage", kind="429", retry_after=2, chat_id=phone.user)
    for message in (one, two):
        await outbox.put(message.conversation_id, author="bot", text="답이에요", now=datetime.now(UTC))
    await front.sender.drain()
    assert (await other.heard(), await phone.heard()) == (["답이에요"], [])
    sending = database.spawn(front.sender.run())
    assert await phone.hears(1) == ["답이에요"]
    front.sender.stop()
    await sending


@pytest.mark.parametrize("kind", ["500", "reset"])
async def test_faults_of_the_provider_are_outlived(
    front: Front, phone: Any, server: Telegram, kind: str
) -> None:
    await phone.say("하나")
    (message,) = await front.received(1)
    await server.fault(method="sendMessage", kind=kind, times=1)
    await front.answer(message.conversation_id, "답이에요")
    sending = database.spawn(front.sender.run())
    assert await phone.hears(1) == ["답이에요"]
    front.sender.stop()
    await sending


async def test_two_accounts_stand_side_by_side(
    settings: Settings, server: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGOL_TELEGRAM_TOKEN__SALES", SALES)
    both = load(data_dir=settings.data_dir, port=0, telegram_token=TOKEN, telegram_api_url=server.url)
    user = next(USERS)
    async with running(both) as front:
        assert sorted(front.fleet.channels) == ["telegram", "telegram/sales"]
        await server.phone(user).say("수리요")
        await server.phone(user, bot=1002).say("견적요")
        for message in await front.received(2):
            await front.answer(message.conversation_id, f"{message.text}?")
        assert await Contact.all().count() == 2
        accounts = {row.channel_account for row in await Identity.all()}
        assert accounts == {"", "sales"}
        senders = {e["bot"]: e["params"]["text"] for e in (await server.log("sendMessage"))[-2:]}
        assert senders == {1001: "수리요?", 1002: "견적요?"}


async def test_only_one_of_two_fronts_polls(settings: Settings, server: Telegram, phone: Any) -> None:
    async with running(settings) as one, running(settings) as other:
        assert one.fleet.holder != other.fleet.holder
        await phone.say("안녕하세요")
        await one.received(1)
        asked = [entry["method"] for entry in await server.log() if entry["method"] == "deleteWebhook"]
        before = len(asked)
        await asyncio.sleep(0.5)
        assert len(await server.log("deleteWebhook")) == before  # nobody began to poll beside the first


def webhook_settings(settings: Settings, server: Telegram, port: int) -> Settings:
    return load(
        data_dir=settings.data_dir,
        telegram_token=TOKEN,
        telegram_api_url=server.url,
        telegram_webhook_secret=SECRET,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
    )


async def test_the_webhook_takes_updates_with_the_secret_only(
    settings: Settings, server: Telegram, phone: Any, unused_tcp_port: int
) -> None:
    hooked = webhook_settings(settings, server, unused_tcp_port)
    async with running(hooked) as front, aiohttp.ClientSession() as session:
        url = f"{hooked.url}/channels/telegram"
        headers = {"X-Telegram-Bot-Api-Secret-Token": "no"}
        async with session.post(url, json={"update_id": 1}, headers=headers) as answer:
            assert answer.status == 403

        async def hooked_up() -> Any:
            return (await server.get("/standin/state"))["1001"]["webhook"] == url

        await until(hooked_up)
        await server.fault(duplicate=True)
        await phone.say("안녕하세요")
        await phone.say("세탁기요")
        assert [message.text for message in await front.received(2)] == ["안녕하세요", "세탁기요"]
        await server.fault(duplicate=False)
        (account,) = front.fleet.channels.values()
        with pytest.raises(RuntimeError, match="https"):
            await account.check()


async def test_check_says_who_the_bot_is(front: Front) -> None:
    (account,) = front.fleet.channels.values()
    assert await account.check() == "@dangol_1_bot, polling"


async def test_check_says_that_a_token_is_refused(settings: Settings, server: Telegram) -> None:
    wrong = load(
        data_dir=settings.data_dir, telegram_token="9999:AAAA-wrong-token", telegram_api_url=server.url
    )
    (account,) = fleet.build(wrong).channels.values()
    with pytest.raises(RuntimeError, match="refused"):
        await account.check()
    await account.close()


@given(
    text=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=6000),
    labels=st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=80), max_size=120
    ),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_no_rendered_message_breaks_a_limit_of_the_bot_api(text: str, labels: list[str]) -> None:
    offer = [{"label": label, "value": f"v{n}"} for n, label in enumerate(labels) if label.strip()]
    card = {"type": "article", "title": "안내", "quote": "", "url": "https://help.example.com/a/1"}
    message = Outbound("k", "", "5001", text, "bot", choices=offer, cards=[card])
    for wire in telegram_requests.render(message):
        raw = {"chat_id": wire.to, "text": wire.payload["text"]}
        if "keyboard" in wire.payload:
            raw["reply_markup"] = json.dumps({"inline_keyboard": wire.payload["keyboard"]})
        telegram_spec.read(wire.payload["method"], raw)
