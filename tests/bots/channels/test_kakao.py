"""KakaoTalk over the wire: a strict stand-in of its platform asks, our front answers within the request."""

import asyncio
import contextlib
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from bots.channels import kakao_answers, kakao_probe
from bots.channels.base import Outbound, OutFile, Wire
from bots.channels.kakao import KakaoChannel, Pace
from bots.composing import composer
from bots.fleet import Fleet
from bots.receiving import Receiver
from bots.sender import Sender
from bots.settings import Settings, load
from bots.waiting import Waiting
from bots.worker import Worker
from crm import cards, choices, codes, files, inbox, outbox, ownership, storage, taking, vault, writing
from crm import db as database
from crm.models import Conversation, File, Identity, Inbox, Message, Outbox
from tests.crm.makers import a_staff
from tests.standins import kakao_limits
from tests.standins.kakao_client import SECRET, Kakao, Phone, process, reached
from tests.standins.starting import until

QUICK = Pace(answer=0.5, spare=0.1, store=3.0, callback=3.0)


class Bot:
    """A worker's handler that answers by a script; silent while a person owns the conversation."""

    def __init__(self) -> None:
        self.says: list[dict[str, Any]] = []
        self.late = 0.0

    async def prepare(self, turn: inbox.Turn) -> inbox.Turn:
        await asyncio.sleep(self.late)
        return turn

    async def commit(self, turn: inbox.Turn) -> None:
        conversation = await ownership.locked(turn.conversation_id)
        if conversation.owner != "bot":
            return
        for said in self.says or [{"text": f"들었어요: {turn.text or turn.last.choice}"}]:
            await outbox.put(
                turn.conversation_id, author="bot", inbox_id=turn.inbox_id, now=turn.last.received_at, **said
            )


class Front:
    """The channel's address, a worker with a scripted bot, and the sender that looks after what waits."""

    def __init__(self, settings: Settings, pace: Pace, ways: Any = None) -> None:
        receive = Receiver("kakao", kakao_answers.CAPS)
        ports = receive.ports("https://help.example.com")
        self.channel = KakaoChannel("", settings.kakao_secret, settings.kakao_callback_hosts, ports, pace)
        self.fleet = Fleet({"kakao": (self.channel, receive)})
        self.bot = Bot()
        self.worker = Worker(self.bot)
        self.sender = Sender(
            self.fleet.channels,
            compose=composer(settings.url),
            waits=self.fleet.waiting(Waiting(ways or {}, "https://help.example.com")),
        )
        self.url = ""
        self._working: asyncio.Task[None] | None = None

    def work(self) -> None:
        """Until `stall`, or the test's end."""
        self._working = database.spawn(self.worker.run())

    async def stall(self) -> None:
        if self._working:
            self.worker.stop()
            await self._working
            self._working, self.worker = None, Worker(self.bot)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with process() as url:
        yield url


@pytest.fixture
async def server(address: str) -> AsyncIterator[Kakao]:
    async with reached(address) as running:
        await running.control(clear=True, callbacks=False, skill_seconds=5.0, callback_seconds=60.0)
        yield running


@contextlib.asynccontextmanager
async def serving(settings: Settings, server: Kakao, pace: Pace = QUICK) -> AsyncIterator[Front]:
    front, app = Front(settings, pace), web.Application()
    front.fleet.routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    front.url = f"http://{host}:{port}/channels/kakao/{SECRET}"
    await server.control(skill=front.url)
    try:
        yield front
    finally:
        await front.stall()
        await front.fleet.close()
        await runner.cleanup()


@pytest.fixture
def settings(db: str, server: Kakao, tmp_path: Path) -> Settings:
    vault.use(b"s" * 32)
    files.use(storage.Folder(tmp_path / "files"), max_bytes=2 * 1024 * 1024)
    host = server.url.removeprefix("http://")
    return load(data_dir=tmp_path, kakao_secret=SECRET, kakao_callback_hosts=f".kakao.com,{host}")


@pytest.fixture
async def front(settings: Settings, server: Kakao) -> AsyncIterator[Front]:
    async with serving(settings, server) as made:
        yield made


@pytest.fixture
def phone(server: Kakao) -> Phone:
    return server.phone("kim")


def png(size: int = 8) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(made, "PNG")
    return made.getvalue()


async def talk() -> Conversation:
    return await Conversation.get(channel="kakao")


# --- the answer within the request


async def test_a_question_is_answered_in_its_own_request(front: Front, server: Kakao, phone: Phone) -> None:
    front.work()
    await phone.say("세탁기에서 물이 새요")
    assert await phone.heard() == ["들었어요: 세탁기에서 물이 새요"]
    assert [message.state for message in await Message.filter(direction="out")] == ["sent"]
    assert await server.refusals() == []


async def test_the_same_words_again_are_a_new_message(front: Front, phone: Phone) -> None:
    front.work()
    for _ in range(2):
        await phone.say("네")
    assert await phone.heard() == ["들었어요: 네", "들었어요: 네"]
    assert await Inbox.all().count() == 2


async def test_two_answers_of_a_turn_are_two_bubbles_and_come_once(front: Front, phone: Phone) -> None:
    front.bot.says = [{"text": "하나"}, {"text": "둘"}]
    front.work()
    await phone.say("안녕하세요")
    assert await phone.heard() == ["하나", "둘"]
    await front.sender.drain()
    assert await phone.heard() == ["하나", "둘"]


async def test_a_late_answer_comes_with_the_next_message_and_not_twice(front: Front, phone: Phone) -> None:
    first = await phone.say("안녕하세요")
    assert "답변을 준비하고 있어요" in first["shown"]["outputs"][0]["simpleText"]["text"]
    front.work()
    assert await inbox.wait_done((await Inbox.get()).id, 10)
    await phone.say("거기 있나요")
    assert (await phone.heard())[1:] == ["들었어요: 안녕하세요", "들었어요: 거기 있나요"]
    await phone.say("네")
    assert (await phone.heard())[3:] == ["들었어요: 네"]


async def test_what_a_front_held_when_it_was_killed_comes_with_the_next_message(
    front: Front, phone: Phone
) -> None:
    await phone.say("안녕하세요")
    front.work()
    assert await inbox.wait_done((await Inbox.get()).id, 10)
    identity = await Identity.get()
    dead = await taking.hold(await outbox.waiting(identity.id), "answer", datetime.now(UTC))
    assert len(dead.items) == 1
    long_ago = datetime.now(UTC) - taking.HELD_AT_MOST - timedelta(seconds=1)
    await Outbox.filter(state="taken").update(done_at=long_ago)
    await phone.say("거기 있나요")
    assert (await phone.heard())[1:] == ["들었어요: 안녕하세요", "들었어요: 거기 있나요"]
    await phone.say("네")
    assert (await phone.heard())[3:] == ["들었어요: 네"]


class Texts:
    """A channel to phones that takes everything."""

    def __init__(self) -> None:
        self.sent: list[Wire] = []

    def render(self, message: Outbound) -> list[Wire]:
        return [Wire(message.key, message.external_user, {"text": message.text})]

    async def send(self, message: Wire) -> str:
        self.sent.append(message)
        return "1"


async def test_a_code_goes_to_its_own_address_and_never_into_the_answer(front: Front, phone: Phone) -> None:
    """Shown in the room that asked for it, it would prove any number to be anybody's."""
    texts = Texts()
    sender = Sender(
        {**front.fleet.channels, "sms": texts},
        compose=composer("https://help.example.com"),
        waits=front.fleet.waiting(Waiting({}, "https://help.example.com")),
    )
    await phone.say("제 번호예요")  # nobody answers yet: what is said now waits
    conversation, now = await talk(), datetime.now(UTC)
    codes.use(["sms"])
    try:
        await outbox.put(conversation.id, author="bot", text="확인할게요", now=now)
        await codes.dispatch(conversation.id, "phone", "01055501234", now=now)
        await outbox.put(conversation.id, author="bot", text="번호를 보냈어요", now=now)
    finally:
        codes.use([])
    await phone.say("네")
    assert (await phone.heard())[1:3] == ["확인할게요", "번호를 보냈어요"]
    await sender.drain()
    await phone.say("거기 있나요")
    (sent,) = texts.sent
    digits = re.search(r"\d{6}", sent.payload["text"])
    assert digits
    assert sent.to == "+821055501234"
    assert not [bubble for bubble in await phone.heard() if digits[0] in bubble]


async def test_a_code_does_not_wait_behind_what_waits(front: Front, phone: Phone) -> None:
    texts = Texts()
    sender = Sender(
        {**front.fleet.channels, "sms": texts},
        compose=composer("https://help.example.com"),
        waits=front.fleet.waiting(Waiting({}, "https://help.example.com")),
    )
    await phone.say("제 번호예요")
    conversation, now = await talk(), datetime.now(UTC)
    codes.use(["sms"])
    try:
        await outbox.put(conversation.id, author="bot", text="확인할게요", now=now)
        await codes.dispatch(conversation.id, "phone", "01055501234", now=now)
    finally:
        codes.use([])
    await sender.drain()
    assert len(texts.sent) == 1
    (waiting,) = await outbox.waiting(conversation.identity_id)
    assert waiting.text == "확인할게요"


async def test_a_late_answer_goes_to_the_callback_address_once(
    front: Front, server: Kakao, phone: Phone
) -> None:
    await server.control(callbacks=True)
    asked = await phone.say("안녕하세요")
    assert asked["shown"]["promise"]
    front.work()

    async def heard() -> list[str]:
        return await phone.heard()

    assert await until(heard) == ["들었어요: 안녕하세요"]
    await phone.say("네")
    assert await phone.heard() == ["들었어요: 안녕하세요", "들었어요: 네"]
    assert await server.refusals() == []


@pytest.mark.parametrize("fault", ["callback_500", "callback_fail"])
async def test_what_the_callback_refuses_waits_for_the_next_message(
    front: Front, server: Kakao, phone: Phone, fault: str
) -> None:
    await server.control(callbacks=True)
    await server.control(kind=fault)
    await phone.say("안녕하세요")
    front.work()

    async def refused() -> bool:
        states = await Outbox.all().values_list("state", flat=True)
        return bool(await server.refusals()) and states == ["waiting"]

    await until(refused)
    await phone.say("네")
    assert await phone.heard() == ["들었어요: 안녕하세요", "들었어요: 네"]


async def test_a_callback_whose_answer_was_lost_is_not_repeated(
    front: Front, server: Kakao, phone: Phone
) -> None:
    await server.control(callbacks=True)
    await server.control(kind="callback_reset")
    await phone.say("안녕하세요")
    front.work()

    async def shown() -> list[str]:
        return await phone.heard()

    await until(shown)
    await phone.say("네")
    assert await phone.heard() == ["들었어요: 안녕하세요", "들었어요: 네"]


async def test_a_callback_address_of_another_host_is_not_called(
    settings: Settings, server: Kakao, phone: Phone
) -> None:
    strangers = settings.model_copy(update={"kakao_callback_hosts": ".kakao.com"})
    await server.control(callbacks=True)
    async with serving(strangers, server):
        asked = await phone.say("안녕하세요")
        assert "promise" not in asked["shown"]
        assert not [entry for entry in await server.log() if entry.get("callback")]


async def test_when_nothing_comes_within_the_minute_the_callback_says_so(
    settings: Settings, server: Kakao, phone: Phone
) -> None:
    await server.control(callbacks=True)
    async with serving(settings, server, Pace(answer=0.3, spare=0.1, callback=1.0)):
        await phone.say("안녕하세요")

        async def heard() -> list[str]:
            return await phone.heard()

        assert "답변을 준비하고 있어요" in (await until(heard))[0]


async def test_a_customer_who_hangs_up_gets_the_answer_the_next_time(
    front: Front, server: Kakao, phone: Phone
) -> None:
    front.bot.late = 0.3
    front.work()
    await server.control(kind="hang_up", seconds=0.1)
    assert (await phone.say("안녕하세요"))["refused"]
    await until(Inbox.exists)  # it may be stored after Kakao has hung up
    assert await inbox.wait_done((await Inbox.get()).id, 10)

    async def waits() -> bool:
        return await Outbox.all().values_list("state", flat=True) == ["waiting"]

    await until(waits)
    await phone.say("네")
    assert await phone.heard() == ["들었어요: 안녕하세요", "들었어요: 네"]


async def test_the_published_limit_of_five_seconds_is_kept_with_a_stalled_worker(
    settings: Settings, server: Kakao
) -> None:
    async with serving(settings, server, Pace()):
        answers = await asyncio.gather(*(server.phone(f"user{n}").say("안녕하세요") for n in range(20)))
    assert all(not answer["refused"] for answer in answers)


# --- staff


async def test_while_staff_own_the_conversation_kakao_still_gets_its_answer(
    front: Front, server: Kakao, phone: Phone
) -> None:
    front.work()
    await phone.say("안녕하세요")
    actor = await a_staff(datetime.now(UTC))
    await ownership.take_over(actor, (await talk()).id, datetime.now(UTC))
    await phone.say("아직인가요")
    assert (await phone.heard())[1:] == ["담당자가 곧 답변드릴게요."]
    assert (await Message.filter(direction="out").order_by("-id").first()).purpose == "duty"
    assert await server.refusals() == []


async def test_a_reply_of_staff_waits_for_the_next_message_and_stands_alone(
    front: Front, phone: Phone
) -> None:
    front.work()
    await phone.say("안녕하세요")
    now = datetime.now(UTC)
    actor = await a_staff(now)
    await writing.reply(actor, (await talk()).id, "내일 오전에 방문할게요.", expected_seq=None, now=now)
    await front.sender.drain()
    assert await Outbox.filter(state="waiting").count() == 1
    await phone.say("네")
    assert (await phone.heard())[1:] == ["내일 오전에 방문할게요."]


# --- typed or pressed


async def test_a_pressed_quick_reply_is_a_choice_and_typed_words_are_words(
    front: Front, phone: Phone
) -> None:
    offer = [{"label": "나중에 정할게요", "payload": "/deny"}, {"label": "내일", "payload": "/affirm"}]
    minted, _ = choices.mint(offer, [])
    front.bot.says = [{"text": "언제 방문하면 좋을까요?", "choices": minted}]
    front.work()
    await phone.say("고장났어요")
    await phone.press("나중에 정할게요")
    await phone.say("내일 와 주세요")
    rows = await Inbox.all().order_by("id")
    assert [row.kind for row in rows] == ["message", "choice", "message"]
    assert rows[1].data["choice"] == minted[0]["value"]


async def test_a_press_that_lost_its_token_is_known_by_its_words(front: Front, phone: Phone) -> None:
    minted, _ = choices.mint([{"label": "내일", "payload": "/affirm"}], [])
    front.bot.says = [{"text": "언제요?", "choices": minted}]
    front.work()
    await phone.say("고장났어요")
    await phone.say("내일", trigger="QUICKREPLY_BUTTON_MESSAGE", extra={})
    assert (await Inbox.all().order_by("-id").first()).data["choice"] == minted[0]["value"]


async def test_choices_that_do_not_fit_are_behind_more(front: Front, server: Kakao, phone: Phone) -> None:
    minted, _ = choices.mint([{"label": f"시간 {n}", "payload": f"/p{n}"} for n in range(14)], [])
    front.bot.says = [{"text": "언제요?", "choices": minted}]
    front.work()
    await phone.say("고장났어요")
    shown = await phone.press("더보기")
    assert [reply["label"] for reply in shown["shown"]["quickReplies"]] == [f"시간 {n}" for n in range(9, 14)]
    assert await server.refusals() == []


# --- pictures


async def test_a_picture_is_fetched_and_kept(front: Front, phone: Phone) -> None:
    front.work()
    await phone.send(png())
    kept = await File.get()
    assert kept.type == "image/png"
    assert (await Message.get(direction="in")).text == ""


@pytest.mark.parametrize("picture", ["http://127.0.0.1:1/a.png", "http://169.254.169.254/latest/meta-data"])
async def test_a_picture_at_a_private_address_is_not_fetched(
    front: Front, phone: Phone, picture: str
) -> None:
    front.work()
    asked = await phone.say("", images=[picture])
    assert "받을 수 없는" in asked["shown"]["outputs"][0]["simpleText"]["text"]
    assert await File.all().count() == 0


async def test_what_is_no_picture_is_refused_by_its_content(front: Front, phone: Phone) -> None:
    front.work()
    asked = await phone.send(b"<html>not a picture</html>", "image/png")
    assert "받을 수 없는" in asked["shown"]["outputs"][0]["simpleText"]["text"]


# --- who may call


async def test_a_wrong_secret_is_told_nothing(front: Front, server: Kakao) -> None:
    await server.control(skill=front.url.replace(SECRET, "x" * len(SECRET)))
    assert (await server.phone("lee").say("안녕하세요"))["refused"] == "status 404"
    assert await Identity.all().count() == 0


async def test_what_is_no_skill_request_is_refused(front: Front) -> None:
    bodies = {b"{": 400, b"[]": 400, b'{"userRequest": 7}': 400, b'"' + b"x" * 300_000 + b'"': 413}
    async with aiohttp.ClientSession() as session:
        for body, status in bodies.items():
            async with session.post(front.url, data=body) as answer:
                assert answer.status == status
    assert await Inbox.all().count() == 0


async def test_check_finds_the_front_that_takes_the_secret(front: Front) -> None:
    assert await kakao_probe.probed(front.url) == "where a front takes this secret"
    with pytest.raises(RuntimeError, match=r"KAKAO_SECRET: .* restart the front"):
        await kakao_probe.probed(front.url + "x")


async def test_the_secret_of_the_address_is_in_no_log(
    front: Front, server: Kakao, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as told:
        await server.control(callbacks=True)
        await phone.say("안녕하세요")
        async with aiohttp.ClientSession() as session, session.post(front.url, data=b"\xff{") as answer:
            assert answer.status == 400
    client = ("aiohttp.client", "asyncio")
    ours = [record.getMessage() for record in caplog.records if record.name not in client]
    assert SECRET not in json.dumps([*told, *ours], default=str)


# --- what is rendered


words = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cc")),
        st.sampled_from("가나다라. 요!\n\n🙂👨‍👩‍👧🇰🇷é안녕하세요 "),
    ),
    max_size=1500,
)
offers = st.lists(
    st.builds(
        lambda label, value: {"label": label, "value": value},
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs")), min_size=1, max_size=40),
        st.uuids().map(lambda u: u.hex[:8]),
    ),
    max_size=25,
)
photos = st.lists(
    st.builds(
        OutFile,
        name=st.sampled_from(["사진.jpg", "견적서.pdf"]),
        type=st.sampled_from(["image/jpeg", "application/pdf"]),
        size=st.just(100),
        url=st.just("https://help.example.com/f/abc"),
        description=st.text(max_size=80),
    ),
    max_size=4,
)
facts = st.lists(
    st.fixed_dictionaries({"label": st.text(max_size=9), "value": st.text(max_size=60)}), max_size=12
)
shown = st.lists(
    st.one_of(
        st.builds(
            lambda title, quote: cards.article(title=title, quote=quote, url="https://help.example.com/kb/a"),
            st.text(max_size=80),
            st.text(max_size=600),
        ),
        st.builds(
            lambda told: cards.request(
                number="SR-2026-000123",
                status="received",
                status_label="접수됨",
                steps=["접수"],
                step=1,
                facts=told,
            ),
            facts,
        ),
        st.builds(lambda told: cards.summary(title="이대로 접수할까요?", facts=told), facts),
    ),
    max_size=12,
)
said = st.builds(
    lambda text, offer, files, shown, lang: Outbound(
        "k", "", "u", text, "bot", choices=offer, files=files, cards=shown, lang=lang
    ),
    words,
    offers,
    photos,
    shown,
    st.sampled_from(["ko", "en", ""]),
)


@given(st.lists(said, min_size=1, max_size=5))
@hypothesis_settings(max_examples=150, deadline=None)
def test_no_answer_breaks_a_limit_and_nothing_of_the_text_is_lost(messages: list[Outbound]) -> None:
    more = "https://help.example.com/c/abcdefghijklmnopqrstuvwxyz0123456789"
    if not any(m.text.strip() or m.files or m.choices or m.cards for m in messages):
        return
    body = kakao_answers.body(messages, more)
    kakao_limits.check(body)
    outputs = body["template"]["outputs"]
    told = _bare("".join(o["simpleText"]["text"] for o in outputs if "simpleText" in o))
    wanted = [_bare(message.text) for message in messages]
    if more in told:  # three bubbles were full: the words go on behind the link
        cut = told[: told.rindex("이어서") if "이어서" in told else told.rindex("Read")]
        assert len(cut) > 1000 or not cut
        for text in wanted:
            head, cut = cut[: len(text)], cut[len(text) :]
            assert text.startswith(head)
    else:
        at = 0
        for text in wanted:
            at = told.index(text, at) + len(text)


def _bare(text: str) -> str:
    return "".join(text.split())


def test_a_request_card_is_drawn_with_its_facts() -> None:
    card = cards.request(
        number="SR-2026-000123", status="received", status_label="접수됨", steps=["접수"], step=1,
        facts=[{"label": "제품", "value": "드럼세탁기"}, {"label": "방문", "value": "11월 24일(화)"}],
    )  # fmt: skip
    [text, drawn] = kakao_answers.body([_message("접수됐어요.", cards=[card])])["template"]["outputs"]
    assert text == {"simpleText": {"text": "접수됐어요."}}
    assert drawn["itemCard"]["title"] == "SR-2026-000123"
    assert [item["title"] for item in drawn["itemCard"]["itemList"]] == ["제품", "방문"]


def test_several_articles_stand_beside_one_another() -> None:
    found = [
        cards.article(title=f"글 {n}", quote="내용", url="https://help.example.com/kb/a") for n in range(3)
    ]
    [_, drawn] = kakao_answers.body([_message("찾았어요.", cards=found)])["template"]["outputs"]
    assert drawn["carousel"]["type"] == "textCard"
    assert [item["title"] for item in drawn["carousel"]["items"]] == ["글 0", "글 1", "글 2"]
    assert drawn["carousel"]["items"][0]["buttons"][0]["action"] == "webLink"


def test_where_three_bubbles_leave_no_room_for_a_card_its_address_stands_in_the_text():
    found = cards.article(title="E21", quote="호스를 펴 주세요.", url="https://help.example.com/kb/a")
    said = [_message("찾았어요.", cards=[found]), _message("도움이 됐나요?"), _message("다행이에요.")]
    shown = kakao_answers.body(said)["template"]["outputs"]
    assert [next(iter(one)) for one in shown] == ["simpleText"] * 3
    assert "https://help.example.com/kb/a" in shown[0]["simpleText"]["text"]


def test_a_question_about_what_is_shown_stands_below_it():
    found = [cards.article(title="E21", quote="호스를 펴 주세요.", url="https://help.example.com/kb/a")] * 2
    more = _message("도움이 됐나요?", choices=[{"label": "해결됐어요", "value": "t1"}])
    body = kakao_answers.body([_message("찾았어요.", cards=found), more])
    assert [next(iter(one)) for one in body["template"]["outputs"]] == [
        "simpleText",
        "carousel",
        "simpleText",
    ]
    assert body["template"]["outputs"][-1]["simpleText"]["text"] == "도움이 됐나요?"


def test_the_passage_of_an_article_is_said_once() -> None:
    card = cards.article(title="배송비", quote="배송은 무료예요.", url="https://help.example.com/kb/a")
    [text, drawn] = kakao_answers.body([_message("배송은 무료예요.", cards=[card])])["template"]["outputs"]
    assert text == {"simpleText": {"text": "배송은 무료예요."}}
    assert (drawn["textCard"]["title"], "description" in drawn["textCard"]) == ("배송비", False)
    assert drawn["textCard"]["buttons"][0]["webLinkUrl"] == "https://help.example.com/kb/a"


def test_a_long_text_takes_three_bubbles_and_then_a_link() -> None:
    outputs = kakao_answers.body([_message("가" * 5000)], "https://help.example.com/c/x")["template"][
        "outputs"
    ]
    assert len(outputs) == 3
    assert outputs[2]["simpleText"]["text"].endswith("이어서 보기: https://help.example.com/c/x")


def _message(text: str, **more: Any) -> Outbound:
    return Outbound("k", "", "u", text, "bot", lang="ko", **more)
