"""SMS and AlimTalk over the wire: the real SDK against a strict stand-in, our own sender and web hooks."""

import asyncio
import contextlib
import hashlib
import json
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bots import fleet, ways
from bots.channels import cp949_text
from bots.channels.base import Outbound, Undeliverable
from bots.channels.phone_solapi import make as solapi
from bots.channels.sms import SmsChannel
from bots.composing import composer
from bots.notices import Notices
from bots.sender import Sender
from bots.settings import Settings, load
from crm import (
    advertising,
    codes,
    company,
    consent,
    deliveries,
    happenings,
    linking,
    message_templates,
    outbox,
    page_links,
    refusals,
    routing,
    vault,
)
from crm.actor import SYSTEM
from crm.models import Contact, Conversation, Identity, Message, OneTimeCode, Proof, Route
from crm.routing import Notice
from tests.bots.test_notices import words
from tests.crm.makers import a_company
from tests.standins.solapi_client import HOOK_SECRET, PROFILE, SETTINGS, Solapi, process
from tests.standins.starting import until

PAYLOADS = Path(__file__).parents[2] / "payloads" / "sms" / "reports"
PHONE, DIALLED = "+821012342481", "01012342481"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with process() as url:
        yield url


class Front:
    """Channels and a sender, as in the front process, and the handler of notices, as in the worker."""

    def __init__(self, settings: Settings, server: Solapi) -> None:
        self.fleet, self.server = fleet.build(settings), server
        self.sender = Sender(self.fleet.channels, compose=composer(settings.url))
        self.notices = Notices(words(), ways.table(settings))
        self.table = ways.table(settings)
        self.url = ""

    async def sends(self) -> None:
        """Everything that is due, and what follows from it."""
        for _ in range(6):
            await self.sender.drain()
            while await happenings.consume("notices", [self.notices]):
                pass

    async def settled(self, count: int) -> list[Message]:
        """Wait until so many messages have a last state, with what follows from it."""

        async def enough() -> list[Message]:
            await deliveries.settle(datetime.now(UTC))
            await self.sends()
            found = await Message.filter(state__in=("delivered", "failed")).order_by("id")
            return found if len(found) >= count else []

        last: list[Message] = await until(enough, 30.0)
        return last


@pytest.fixture
async def front(any_db: str, address: str, tmp_path: Path) -> AsyncIterator[Front]:
    async with opened(address, tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(address: str, tmp_path: Path) -> AsyncIterator[Front]:
    vault.use(b"s" * 32)
    codes.use(["sms", "alimtalk"])
    await a_company(phone="1588-1234")
    read = load(data_dir=tmp_path, port=0, solapi_url=address, alimtalk_profile=PROFILE, **SETTINGS)
    async with aiohttp.ClientSession() as session:
        server = Solapi(address, session)
        await server.fault(clear=True)
        await server.act("clear")
        made = Front(read, server)
        app = web.Application()
        made.fleet.routes(app)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        await server.act("front", url=made.url, secret=HOOK_SECRET)
        try:
            yield made
        finally:
            await made.fleet.close()
            await runner.cleanup()


async def customer(phone: str = PHONE) -> Contact:
    """Somebody whose phone is proven and who never wrote."""
    now = datetime.now(UTC)
    made = await Contact.create(name="김민지", phone=phone, created_at=now, updated_at=now)
    await Proof.create(contact_id=made.id, kind="phone", value=phone, how="code", at=now)
    return made


async def approve(front: Front, use: str, text: str, **more: Any) -> None:
    """A template at the provider and on the desk."""
    code = f"KA01TP{use}"
    await front.server.act(
        "template", code=code, content=text, channel=PROFILE, buttons=more.get("buttons", [])
    )
    await message_templates.save(
        SYSTEM, use=use, code=code, text=text, status="approved", now=datetime.now(UTC), **more
    )


async def say(front: Front, contact: Contact, text: str, *, key: str = "", **more: Any) -> Route:
    notice = Notice(key or text[:60], text, **more)
    return await routing.notify(contact.id, notice, front.table, now=datetime.now(UTC))


# --- text

LETTERS = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)), st.sampled_from("가힣뷁각 👍🏽👨‍👩‍👧🇰🇷❤️é–—•₩…\n\u200b")
    ),
    max_size=300,
)


@given(LETTERS)
@hypothesis_settings(max_examples=400, deadline=None)
def test_what_is_written_can_be_sent_and_is_measured_as_carriers_do(text: str) -> None:
    said = cp949_text.written(text)
    assert len(said.encode("cp949")) == cp949_text.measure(text)
    assert cp949_text.written(said) == said
    kept = [
        c for c in unicodedata.normalize("NFC", text) if c.isalnum() and ("가" <= c <= "힣" or c.isascii())
    ]
    rest = iter(said)
    assert all(any(c == wanted for c in rest) for wanted in kept), "a syllable, letter or digit was lost"


@given(
    LETTERS, st.lists(st.text(min_size=1, max_size=30), max_size=8), st.sampled_from(["", "https://e.kr/c/1"])
)
@hypothesis_settings(max_examples=300, deadline=None)
def test_no_text_message_breaks_a_limit_of_the_carriers(text: str, labels: list[str], more: str) -> None:
    channel = SmsChannel("", None, None)  # type: ignore[arg-type]
    offer = [{"label": label, "value": f"v{n}"} for n, label in enumerate(labels)]
    out = Outbound("k", "", PHONE, text * 9, "bot", choices=offer, more_url=more)
    if cp949_text.foreign(text) and not more:
        with pytest.raises(Undeliverable, match="not_in_cp949"):
            channel.render(out)
        return
    for wire in channel.render(out):
        size = len(wire.payload["text"].encode("cp949"))
        assert 0 < size <= (90 if wire.payload["kind"] == "SMS" else 2000)


def test_every_syllable_is_two_bytes() -> None:
    assert {cp949_text.measure(chr(code)) for code in range(0xAC00, 0xD7A4)} == {2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("고마워요 👍🏽", "고마워요 (좋아요)"),
        ("10–12시 • 3층", "10-12시 · 3층"),
        ("사랑해요 ❤️", "사랑해요 ♥"),
        ("Café № 5", "Cafe № 5"),
        ("🦷 아파요", "(tooth) 아파요"),
        ("🇰🇷", "KR"),
    ],
)
def test_what_cp949_lacks_is_said_otherwise(text: str, said: str) -> None:
    assert cp949_text.written(text) == said


def test_a_script_that_cannot_be_written_goes_as_a_link_or_not_at_all() -> None:
    channel = SmsChannel("", None, None)  # type: ignore[arg-type]
    (wire,) = channel.render(Outbound("k", "", PHONE, "您好，请问几点来", "bot", more_url="https://e.kr/c/1"))
    assert wire.payload["text"].endswith("https://e.kr/c/1")
    with pytest.raises(Undeliverable, match="not_in_cp949"):
        channel.render(Outbound("k", "", PHONE, "您好，请问几点来", "bot"))


# --- out


async def test_a_short_text_is_an_sms_and_a_longer_one_an_lms_each_at_its_price(front: Front) -> None:
    person = await customer()
    first, second = await say(front, person, "가" * 45), await say(front, person, "나" * 46)
    await front.sends()
    assert [(m["type"], m["to"]) for m in await front.server.messages()] == [
        ("SMS", DIALLED),
        ("LMS", DIALLED),
    ]
    assert [route.steps[0]["cost"] for route in (first, second)] == [20, 50]
    told = await front.settled(2)
    assert {message.state for message in told} == {"delivered"}
    assert all(message.delivered_at for message in told)


async def test_a_notice_goes_by_its_template_with_every_variable_in_place(front: Front) -> None:
    await approve(
        front,
        "status",
        "[#{회사}] #{접수번호}: #{상태}",
        buttons=[{"name": "보기", "url": "https://e.kr/#{경로}"}],
    )
    values = {"company": "새봄가전", "request_no": "SR-1", "status": "처리 중", "link": "https://e.kr/c/abc"}
    route = await say(front, await customer(), "SR-1 접수를 처리하고 있어요.", use="status", values=values)
    await front.sends()
    (taken,) = await front.server.messages()
    assert (taken["type"], taken["text"]) == ("ATA", "[새봄가전] SR-1: 처리 중")
    assert taken["buttons"] == [{"name": "보기", "url": "https://e.kr/c/abc"}]
    assert (route.steps[0]["channel"], route.steps[0]["cost"]) == ("alimtalk", 9)
    assert (await Message.get(direction="out")).text == taken["text"]


async def test_without_a_value_for_a_variable_it_goes_by_sms(front: Front) -> None:
    await approve(front, "status", "[#{회사}] #{접수번호} #{링크}")
    route = await say(front, await customer(), "처리하고 있어요.", use="status", values={"company": "새봄"})
    await front.sends()
    assert [m["type"] for m in await front.server.messages()] == ["SMS"]
    assert ["alimtalk", "no_template"] in route.steps[0]["passed"]


async def test_a_phone_without_kakaotalk_gets_an_sms_after_the_report(front: Front) -> None:
    await approve(front, "new_answer", "[#{회사}] 새 답변이 도착했어요.")
    await front.server.fault(no_kakao=[DIALLED])
    values = {"company": "새봄", "link": "https://e.kr/c/abc"}
    await say(front, await customer(), "새 답변이 도착했어요.", use="new_answer", values=values)
    told = await front.settled(2)
    sent = [(m["type"], m["text"]) for m in await front.server.messages()]
    assert sent == [
        ("ATA", "[새봄] 새 답변이 도착했어요."), ("SMS", "새 답변이 도착했어요.\nhttps://e.kr/c/abc")
    ]  # fmt: skip
    assert [message.state for message in told] == ["failed", "delivered"]
    assert [step["channel"] for step in (await Route.get()).steps] == ["alimtalk", "sms"]


async def test_what_staff_write_where_only_templates_go_out_takes_another_way(front: Front) -> None:
    await approve(front, "new_answer", "[#{회사}] 새 답변이 도착했어요.")
    await say(front, await customer(), "새 답변", use="new_answer", values={"company": "새봄"})
    await front.sends()
    talk = await Conversation.get(channel="alimtalk")
    await outbox.put(talk.id, author="staff", text="내일 오전에 전화드릴게요.", now=datetime.now(UTC))

    async def further() -> list[str]:  # on PostgreSQL a happening waits for older transactions of anybody
        await front.sends()
        return [m["text"] for m in await front.server.messages()][1:]

    assert await until(further) == ["내일 오전에 전화드릴게요."]


async def test_letters_that_no_text_message_carries_are_read_on_a_page(front: Front) -> None:
    await say(front, await customer(), "您好，请问几点来")
    await front.sends()
    (taken,) = await front.server.messages()
    talk = await Conversation.get(channel="sms")
    token = taken["text"].rpartition("/c/")[2]
    assert (await page_links.open_page(token, now=datetime.now(UTC))).id == talk.identity_id


AD = "필터를 20% 싸게 드려요."


async def test_an_advertisement_goes_by_sms_with_mark_sender_and_free_refusal_and_never_by_alimtalk(
    front: Front,
) -> None:
    person, now = await customer(), datetime.now(UTC)
    profile = await company.get()
    last = await refusals.line("https://help.example.com", person.id, "sms", language="ko")
    text = advertising.compose(AD, advertising.Advertiser((profile.name,), (profile.phone,)), last)
    for purpose in ("ad", "night_ad"):
        for channel in ("sms", "alimtalk"):
            await consent.record(
                person.id, purpose, channel=channel, granted=True, source="form", told=True, now=now
            )
    route = await say(front, person, text, purpose="ad", key="first")
    await front.sends()
    (taken,) = await front.server.messages()
    assert taken["type"] == "LMS"
    assert taken["text"].startswith("(광고) 새봄가전 1588-1234\n")
    assert taken["text"].splitlines()[-1] == last
    assert ["alimtalk", "notices_only"] in route.steps[0]["passed"]
    await refusals.refuse(last.rpartition("/")[2], told=True, now=datetime.now(UTC))
    refused = await say(front, person, text, purpose="ad", key="second")
    await front.sends()
    assert len(await front.server.messages()) == 1
    assert refused.steps[0]["why"] == "none"


# --- faults


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_refused_request_is_made_again_and_nothing_is_lost(front: Front, status: int) -> None:
    await front.server.fault(status=status, times=1)
    await say(front, await customer(), "접수됐어요.")
    await front.sender.drain()
    assert await front.server.messages() == []
    waiting = await Message.get(direction="out")
    assert waiting.state == "queued"
    front.sender._now = _later
    await front.sender.drain()
    assert [m["text"] for m in await front.server.messages()] == ["접수됐어요."]


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


async def test_a_cut_connection_is_tried_again_with_the_same_key(front: Front) -> None:
    await front.server.fault(lose_answer=1)
    await say(front, await customer(), "접수됐어요.")
    await front.sender.drain()
    front.sender._now = _later
    await front.sender.drain()
    taken = await front.server.messages()
    assert len({m["customFields"]["key"] for m in taken}) == 1
    assert len(taken) == 2  # sent at least once: the provider offers nothing to tell a repetition by


async def test_a_number_that_is_not_registered_makes_a_dead_letter_that_says_so(front: Front) -> None:
    await front.server.act("account", senders=["15880000"])
    try:
        await say(front, await customer(), "접수됐어요.")
        await front.sender.drain()
    finally:
        await front.server.act("account", senders=["15881234"])
    (dead,) = await outbox.dead_letters()
    assert dead["error"].startswith("1062")


async def test_an_empty_account_makes_messages_wait(front: Front) -> None:
    await front.server.act("account", balance=0.0)
    await say(front, await customer(), "접수됐어요.")
    await front.sender.drain()
    await front.server.act("account", balance=10_000.0)
    assert (await Message.get(direction="out")).state == "queued"
    assert await outbox.dead_letters() == []


# --- reports


async def test_reports_that_come_twice_and_out_of_order_count_once(front: Front) -> None:
    await front.server.fault(duplicate_reports=True, shuffle_reports=True, unreachable=[DIALLED])
    lucky, unlucky = await customer("+821055556666"), await customer()
    await say(front, lucky, "하나")
    await say(front, unlucky, "둘")
    await front.settled(2)

    async def all_posted() -> bool:
        return len(await front.server.posted("/reports/sms")) >= 4

    await until(all_posted)
    told = [h for h in await happenings.since(0) if h.kind == "message.reported"]
    assert sorted(h.data["state"] for h in told) == ["delivered", "failed"]
    assert set(await front.server.posted("/reports/sms")) == {200}


async def test_a_report_before_our_own_note_that_it_was_sent_is_kept_for_it(front: Front) -> None:
    person = await customer()
    await say(front, person, "접수됐어요.")
    waiting = await Message.get(direction="out")
    early = deliveries.Report(waiting.key, "M1", "delivered")
    assert await deliveries.report(early, now=datetime.now(UTC))
    assert not await deliveries.report(early, now=datetime.now(UTC))
    assert (await Message.get(id=waiting.id)).state == "queued"
    await front.server.fault(hold_reports=True)
    await front.sender.drain()
    assert await deliveries.settle(datetime.now(UTC)) == 1
    assert (await Message.get(id=waiting.id)).state == "delivered"


async def test_a_hook_without_the_secret_is_refused(front: Front) -> None:
    body = (PAYLOADS / "not_on_kakao.json").read_bytes()
    async with aiohttp.ClientSession() as session:
        for secret in ("", "wrong", HOOK_SECRET, "0" * 40):
            headers = {"X-Solapi-Secret": secret, "Content-Type": "application/json"}
            async with session.post(f"{front.url}/reports/sms", data=body, headers=headers) as answer:
                assert answer.status == 403
        good = {"X-Solapi-Secret": hashlib.sha1(HOOK_SECRET.encode()).hexdigest()}
        for broken in ("{", '{"a": 1}', "[1]", '[{"data": 3}]'):
            async with session.post(f"{front.url}/reports/sms", data=broken, headers=good) as answer:
                assert answer.status == 400, broken


@pytest.mark.parametrize(
    ("name", "meant"),
    [("delivered", ("k1", "delivered", "")), ("not_on_kakao", ("k2", "failed", "3104")), ("under_way", None)],
)
def test_each_sample_of_a_report_means_what_it_says(name: str, meant: Any) -> None:
    reader = solapi({**SETTINGS, "solapi_url": "http://127.0.0.1:1"})
    found = reader.reports(json.loads((PAYLOADS / f"{name}.json").read_text()))
    assert [(one.key, one.state, one.reason) for one in found] == ([meant] if meant else [])


# --- in


async def test_a_customers_sms_becomes_a_message_once_and_is_answered_by_sms(front: Front) -> None:
    for _ in range(2):
        await front.server.act("write", **{"messageId": "MO1", "from": DIALLED, "text": "언제 오시나요?"})
    heard = await Message.get(direction="in").select_related("conversation")
    assert (heard.text, heard.conversation.channel) == ("언제 오시나요?", "sms")
    await outbox.put(heard.conversation_id, author="bot", text="내일 3시에 가요.", now=datetime.now(UTC))
    await front.sender.drain()
    assert [(m["to"], m["text"]) for m in await front.server.messages()] == [(DIALLED, "내일 3시에 가요.")]


async def test_two_numbers_side_by_side_each_answer_what_was_written_to_them(
    any_db: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGOL_SOLAPI_SENDER__SALES", "1599-5678")
    async with opened(address, tmp_path) as front:
        await front.server.act("account", senders=[SETTINGS["solapi_sender"], "15995678"])
        try:
            said = {"from": DIALLED, "text": "수리 언제 되나요?", "messageId": "A1"}
            await front.server.act("write", **said)
            said = {"from": DIALLED, "text": "냉장고 사고 싶어요", "messageId": "A2"}
            await front.server.act("write", path="/channels/sms/sales", **said)
            talks = await Conversation.filter(channel="sms").order_by("id")
            assert [talk.channel_account for talk in talks] == ["", "sales"]
            for talk, words in zip(talks, ("내일 가요.", "견적 드릴게요."), strict=True):
                await outbox.put(talk.id, author="bot", text=words, now=datetime.now(UTC))
            await front.sends()
            sent = {m["from"]: m["text"] for m in await front.server.messages()}
            assert sent == {SETTINGS["solapi_sender"]: "내일 가요.", "15995678": "견적 드릴게요."}
            delivered = [m for m in await front.settled(2) if m.direction == "out"]
            assert [m.state for m in delivered] == ["delivered", "delivered"]
            assert set(await front.server.posted("/reports/sms")) == {200}
        finally:
            await front.server.act("account", senders=[SETTINGS["solapi_sender"]])


# --- one-time codes


async def asker(front: Front) -> Conversation:
    now = datetime.now(UTC)
    contact = await Contact.create(created_at=now, updated_at=now)
    identity = await Identity.create(
        contact_id=contact.id, channel="web", external_id="w1", created_at=now, last_seen_at=now
    )
    return await Conversation.create(
        contact_id=contact.id, identity_id=identity.id, channel="web", locale="ko", last_message_at=now,
        created_at=now,
    )  # fmt: skip


async def test_a_code_reaches_the_phone_stands_nowhere_else_and_links(front: Front) -> None:
    owner, talk, now = await customer(), await asker(front), datetime.now(UTC)
    sent = await codes.dispatch(talk.id, "phone", "010-1234-2481", now=now)
    assert sent.masked == "010-••••-2481"
    await front.sender.drain()
    (taken,) = await front.server.messages()
    (digits,) = re.findall(r"\d{6}", taken["text"])
    assert (taken["type"], taken["to"]) == ("SMS", DIALLED)
    stored = json.dumps([m.text + str(m.data) for m in await Message.all()], ensure_ascii=False)
    assert digits not in stored
    assert [m.direction for m in await Message.all()] == ["event"]
    tried = await linking.try_code(talk.identity_id, digits, now=now)
    assert tried.result == "right"
    assert tried.linked
    assert tried.linked.contact_id == owner.id
    assert (await OneTimeCode.get()).sealed is None


async def test_a_code_goes_by_template_and_by_sms_when_that_fails(front: Front) -> None:
    await approve(front, "code", "[#{회사}] 인증번호 #{인증번호} (#{분}분)")
    await front.server.fault(no_kakao=[DIALLED])
    talk = await asker(front)
    await codes.dispatch(talk.id, "phone", PHONE, now=datetime.now(UTC))
    await front.settled(2)
    taken = await front.server.messages()
    assert [m["type"] for m in taken] == ["ATA", "SMS"]
    first, second = ("".join(c for c in m["text"].replace("10분", "") if c.isdigit()) for m in taken)
    assert first == second


async def test_a_code_that_cannot_be_sent_brings_a_person(front: Front) -> None:
    await front.server.fault(unreachable=[DIALLED])
    talk = await asker(front)
    await codes.dispatch(talk.id, "phone", PHONE, now=datetime.now(UTC))
    await front.settled(1)

    async def handed_over() -> bool:
        await front.sends()
        return (await Conversation.get(id=talk.id)).owner == "staff"

    await until(handed_over)


# --- set-up


async def test_check_proves_key_number_and_profile(front: Front) -> None:
    await approve(front, "code", "[#{회사}] 인증번호 #{인증번호} (#{분}분)")
    channels = front.fleet.channels
    assert "15881234, balance" in await channels["sms"].check()
    assert "approved templates" in await channels["alimtalk"].check()
    await front.server.act("account", senders=["15880000"])
    try:
        with pytest.raises(RuntimeError, match="not registered"):
            await channels["sms"].check()
    finally:
        await front.server.act("account", senders=["15881234"])


async def test_check_says_that_the_secret_is_wrong(front: Front, address: str) -> None:
    wrong = solapi({**SETTINGS, "solapi_secret": "X" * 32, "solapi_url": address})
    with pytest.raises(RuntimeError, match=r"SignatureDoesNotMatch.*make a new pair"):
        await wrong.check()
    await wrong.close()


async def test_the_sdk_runs_beside_the_event_loop(front: Front) -> None:
    await front.server.fault(late_seconds=0)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    beside = asyncio.create_task(tick())
    await say(front, await customer(), "접수됐어요.")
    await front.sender.drain()
    beside.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beside
    assert ticks > 1


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ({"clock_ahead_seconds": 1000}, r"RequestTimeTooSkewed.*set this machine's clock"),
        ({"forbidden": True}, r"Forbidden.*allow the key its permissions and this machine's address"),
    ],
    ids=["clock", "permission"],
)
async def test_check_says_what_of_the_account_is_wrong(
    front: Front, account: dict[str, object], told: str
) -> None:
    await front.server.act("account", **account)
    try:
        with pytest.raises(RuntimeError, match=told):
            await front.fleet.channels["sms"].check()
    finally:
        await front.server.act("account", clock_ahead_seconds=0, forbidden=False)
