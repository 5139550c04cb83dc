"""The web chat socket: what is promised to a customer's page."""

import random
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import WSMsgType
from joserfc import jwt
from joserfc.jwk import OctKey

from bots.joining import joined
from bots.web import chat
from crm import conversations, happenings
from crm import db as database
from crm.actor import Actor
from crm.models import Contact, Conversation, Identity, Message, Staff
from crm.models.spine import Inbox
from tests.bots.web.chat_page import PATIENCE, Bot, Client, Page, now

SHOP_SECRET = "a secret that the shop shares with us"


async def a_staff() -> Actor:
    row = await Staff.create(
        login="seojun", name="이서준", name_en="Seojun Lee", role="agent", created_at=now()
    )
    return Actor("staff", row.id, "agent", row.name)


def visitor_token(secret: str = SHOP_SECRET, *, valid_s: int = 600, **claims: Any) -> str:
    body = {"sub": "shop-7", "name": "김민지", "exp": int(now().timestamp()) + valid_s, **claims}
    return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(secret))


async def test_a_message_is_stored_then_answered_then_done(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("세탁기에서 물이 새요", "m-1")
    await customer.hear("done", id="m-1")
    said = [frame for frame in customer.frames if frame["type"] in ("stored", "message", "done")]
    assert [frame["type"] for frame in said] == ["stored", "message", "done"]
    answer = said[1]
    assert answer["text"] == "들은 말: 세탁기에서 물이 새요"
    assert answer["in_reply_to"] == "m-1"
    assert (answer["from"], answer["name"], answer["seq"]) == ("bot", "상담봇", 2)


async def test_done_comes_even_when_the_bot_has_nothing_to_say(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("조용히", "q")
    await customer.hear("done", id="q")
    assert customer.heard("message") == []


async def test_the_same_id_twice_is_answered_once(page: Any, bot: Bot) -> None:
    customer = await page()
    for _ in range(2):
        await customer.say("네", "same")
        await customer.hear("done", id="same")
    assert len(customer.heard("stored")) == 2
    assert len(customer.heard("message")) == 1
    assert await Inbox.all().count() == 1


async def test_two_sessions_may_use_the_same_id(page: Any, bot: Bot) -> None:
    one, other = await page(), await page()
    await one.say("하나", "1")
    await other.say("둘", "1")
    assert (await one.hear("message"))["text"] == "들은 말: 하나"
    assert (await other.hear("message"))["text"] == "들은 말: 둘"


@pytest.mark.parametrize(
    ("raw", "id"),
    [
        ("", None),
        ("{", None),
        ("[]", None),
        ("null", None),
        ('"hello"', None),
        ('{"type":"dance","id":"d"}', "d"),
        ('{"type":"message","id":"e"}', "e"),
        ('{"type":"message","id":"f","text":""}', "f"),
        ('{"type":"message","id":"g","text":"\\u0000\\u0001 "}', "g"),
        ('{"type":"message","id":"h","text":7}', "h"),
        ('{"type":"message","id":"","text":"a"}', ""),
        ('{"type":"message","id":8,"text":"a"}', None),
        ('{"type":"message","id":"a\\nb","text":"a"}', "a\nb"),
        ('{"type":"message","id":"i","text":"\\ud800"}', None),
        ('{"type":"seen","seq":-1}', None),
        ('{"type":"seen","seq":1e999}', None),
        ('{"type":"seen","seq":true}', None),
        ("[" * 50_000, None),
    ],
)
async def test_a_malformed_frame_is_named_and_costs_nothing(
    page: Any, bot: Bot, raw: str, id: str | None
) -> None:
    customer = await page()
    await customer.ws.send_str(raw)
    error = await customer.hear("error")
    assert (error["code"], error["id"]) == ("bad_frame", id)
    await customer.say("아직 있어요", "ok")
    await customer.hear("done", id="ok")


async def test_bytes_are_a_bad_frame(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.ws.send_bytes(b'{"type":"typing"}')
    assert (await customer.hear("error"))["code"] == "bad_frame"


@pytest.mark.parametrize("length", [4001, 40_000, 300_000])
async def test_a_text_that_is_too_long_is_refused_by_its_id(page: Any, bot: Bot, length: int) -> None:
    customer = await page()
    await customer.say("가" * length, "long")
    error = await customer.hear("error")
    assert (error["code"], error["id"]) == ("too_large", "long")
    assert await Message.all().count() == 0


async def test_a_monstrous_frame_ends_that_socket_alone(page: Any, bot: Bot) -> None:
    other, customer = await page(), await page()
    await customer.hear("owner")
    with suppress(ConnectionError):
        await customer.ws.send_str("x" * 5_000_000)
    ended = await customer.ws.receive(timeout=PATIENCE)
    assert ended.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
    await other.say("나는 괜찮아요", "fine")
    await other.hear("done", id="fine")


async def test_control_characters_never_reach_the_database(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("물이\x00 새요\x07\r\n많이", "c")
    await customer.hear("done", id="c")
    assert (await Message.get(direction="in")).text == "물이 새요\n많이"


async def test_nothing_is_heard_before_hello(front: Client, bot: Bot) -> None:
    async with front.ws_connect("/channels/web") as ws:
        await ws.send_json({"type": "message", "id": "early", "text": "안녕하세요"})
        error = await ws.receive_json(timeout=PATIENCE)
    assert (error["code"], error["id"]) == ("not_allowed", "early")
    assert await Inbox.all().count() == 0


async def test_a_plain_request_is_told_to_upgrade(front: Client) -> None:
    assert (await front.get("/channels/web")).status == 426


async def test_opening_a_page_leaves_no_trace_until_something_is_said(page: Any, bot: Bot) -> None:
    await page()
    assert await Identity.all().count() == 0


async def test_only_a_hash_of_the_session_is_kept(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("안녕하세요", "1")
    await customer.hear("done", id="1")
    identity = await Identity.get()
    assert len(identity.external_id) == 64
    assert identity.external_id not in str(customer.session)
    rows = await database.fetch("SELECT external_id FROM message UNION SELECT external_id FROM inbox")
    assert all(str(customer.session) not in str(row) for row in rows)


async def test_a_forged_session_gets_a_new_one(page: Any, bot: Bot) -> None:
    customer = await page(session="WyJhIiwiIl0.forged")
    assert customer.session != "WyJhIiwiIl0.forged"


# -- choices


async def test_a_choice_is_a_short_token_and_speaks_its_label(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("고르기", "q")
    question = await customer.hear("message")
    assert [choice["label"] for choice in question["choices"]] == ["세탁기", "냉장고"]
    assert all(set(choice) == {"label", "value"} for choice in question["choices"])
    assert "request_service" not in str(customer.frames)
    await customer.send(type="choice", id="c", value=question["choices"][1]["value"])
    await customer.hear("done", id="c")
    said = await Message.get(direction="in", seq=3)
    assert said.text == "냉장고"
    assert (await Inbox.get(seq=3)).kind == "choice"


async def test_an_outdated_choice_is_still_understood(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("고르기", "q")
    token = (await customer.hear("message"))["choices"][0]["value"]
    await customer.say("다른 얘기예요", "next")
    await customer.hear("done", id="next")
    await customer.send(type="choice", id="late", value=token)
    assert (await customer.hear("message", in_reply_to="late"))["text"] == "들은 말: 세탁기"


async def test_an_unknown_choice_is_named(page: Any, bot: Bot) -> None:
    one, other = await page(), await page()
    await one.say("고르기", "q")
    token = (await one.hear("message"))["choices"][0]["value"]
    await other.say("안녕하세요", "hi")
    await other.hear("done", id="hi")
    await other.send(type="choice", id="theirs", value=token)
    error = await other.hear("error")
    assert (error["code"], error["id"]) == ("unknown_choice", "theirs")


# -- several pages, lost connections


async def test_two_tabs_of_one_session_both_get_the_answer(page: Any, bot: Bot) -> None:
    first = await page()
    await first.say("첫 마디", "1")
    await first.hear("done", id="1")
    second = await page(session=first.session)
    assert (await second.hear("message"))["text"] == "들은 말: 첫 마디"
    await second.say("둘째 마디", "2")
    for tab in (first, second):
        assert (await tab.hear("message", in_reply_to="2"))["text"] == "들은 말: 둘째 마디"


async def test_a_page_that_comes_back_gets_what_it_has_not_seen_in_order(page: Any, bot: Bot) -> None:
    customer = await page()
    for at in range(3):
        await customer.say(f"{at}", f"m{at}")
        await customer.hear("done", id=f"m{at}")
    await customer.send(type="seen", seq=customer.heard("message")[0]["seq"])
    await customer.settle()
    await customer.close()
    again = await page(session=customer.session)
    assert again.heard("welcome")[0]["seq"] == 6
    follow = [await again.hear("message") for _ in range(2)]
    assert [frame["text"] for frame in follow] == ["들은 말: 1", "들은 말: 2"]
    await again.settle()
    assert len(again.heard("message")) == 2


async def test_what_is_answered_while_no_page_is_open_waits(page: Any, bot: Bot) -> None:
    bot.held.clear()
    customer = await page()
    await customer.say("먼저 갈게요", "bye")
    await customer.hear("stored", id="bye")
    await customer.close()
    bot.held.set()
    again = await page(session=customer.session)
    assert (await again.hear("message"))["in_reply_to"] == "bye"


@pytest.mark.parametrize("seed", range(6))
async def test_random_drops_lose_nothing_and_double_nothing(page: Any, bot: Bot, seed: int) -> None:
    chance = random.Random(seed)
    waiting = [f"m{at}" for at in range(12)]
    answered: dict[str, str] = {}
    numbers: list[int] = []
    customer = await page()
    while waiting or len(answered) < 12:
        batch = waiting[: chance.randint(1, 4)]
        for id in batch:
            await customer.say(id, id)
        for id in batch:
            if chance.random() < 0.4:
                break  # the connection goes before the rest is acknowledged
            await customer.hear("stored", id=id)
            waiting.remove(id)
        if not waiting and len({f["key"] for f in customer.heard("message")} - set(answered)) == 0:
            missing = 12 - len(answered)
            for _ in range(missing):
                note(await customer.hear("message"), answered, numbers)
        for frame in customer.heard("message"):
            note(frame, answered, numbers)
        if chance.random() < 0.5 and numbers:
            await customer.send(type="seen", seq=max(numbers))
        if waiting or len(answered) < 12:
            await customer.close()
            customer = await page(session=customer.session)
    assert sorted(answered.values()) == sorted(f"들은 말: m{at}" for at in range(12))
    assert await Inbox.all().count() == 12
    assert await Message.filter(direction="out").count() == 12


def note(frame: dict[str, Any], answered: dict[str, str], numbers: list[int]) -> None:
    """Keep an answer by its key; within one socket the caller hears each once."""
    answered[frame["key"]] = frame["text"]
    numbers.append(frame["seq"])


async def test_within_one_socket_no_message_comes_twice(page: Any, bot: Bot) -> None:
    customer = await page()
    for at in range(8):
        await customer.say(f"{at}", f"m{at}")
    for at in range(8):
        await customer.hear("done", id=f"m{at}")
    numbers = [frame["seq"] for frame in customer.heard("message")]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 8


# -- people


async def test_a_person_who_answers_is_named_before_they_speak(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("상담원이요", "1")
    await customer.hear("done", id="1")
    staff, conversation = await a_staff(), await Conversation.get()
    await conversations.reply(staff, conversation.id, "사진 잘 봤어요.", expected_seq=None, now=now())
    answer = await customer.hear("message", **{"from": "staff"})
    assert (answer["name"], answer["in_reply_to"]) == ("이서준", None)
    at = customer.frames.index(answer)
    assert any(f["type"] == "owner" and f["name"] == "이서준" for f in customer.frames[:at])


async def test_who_chose_the_page_in_english_is_told_in_english_who_joined(
    page: Any, bot: Bot, front: Client
) -> None:
    korean = await page()
    await korean.say("안녕하세요", "a")
    await korean.hear("done", id="a")
    await korean.close()
    async with front.get("/chat", params={"lang": "en"}) as chosen:
        assert chosen.status == 200
    english = await page(korean.session, locale="en")
    staff, conversation = await a_staff(), await Conversation.get()
    await conversations.reply(staff, conversation.id, "Hello.", expected_seq=None, now=now(), joined=joined)
    await english.hear("message", **{"from": "staff"})
    assert await Message.exists(author="system", text="Seojun Lee has joined.")
    assert (await Conversation.get()).locale == "en"


async def test_a_browser_in_english_does_not_change_the_language_that_somebody_writes(
    page: Any, bot: Bot
) -> None:
    customer = await page()
    await customer.say("안녕하세요", "a")
    await customer.hear("done", id="a")
    await customer.close()
    await page(customer.session, locale="en")
    assert (await Conversation.get()).locale == "ko"


async def test_an_internal_note_never_reaches_the_customer(page: Any, bot: Bot, front: Client) -> None:
    customer = await page()
    await customer.say("상담원이요", "1")
    await customer.hear("done", id="1")
    staff, conversation = await a_staff(), await Conversation.get()
    await conversations.note(staff, conversation.id, "까다로운 분이에요", now=now())
    await conversations.reply(staff, conversation.id, "네, 확인할게요.", expected_seq=None, now=now())
    await customer.hear("message", **{"from": "staff"})
    history = await front.get("/channels/web/history", headers={"X-Dangol-Session": customer.session})
    assert "까다로운" not in str(customer.frames) + await history.text()


async def test_the_customer_sees_a_person_typing_and_reading(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("상담원이요", "1")
    await customer.hear("done", id="1")
    staff, conversation = await a_staff(), await Conversation.get()
    await conversations.take_over(staff, conversation.id, now())
    await customer.hear("owner", owner="staff")
    async with database.transaction():
        await happenings.record(
            "message.typing", conversation_id=conversation.id, staff_id=staff.id, now=now()
        )
    await customer.hear("typing")
    await customer.say("거기 계세요?", "2")
    await customer.hear("stored", id="2")
    await conversations.mark_seen(staff, conversation.id, now())
    assert (await customer.hear("delivered", key="2"))["key"] == "2"


async def test_staff_see_how_far_the_customer_has_read(page: Any, bot: Bot) -> None:
    customer = await page()
    await customer.say("안녕하세요", "1")
    answer = await customer.hear("message")
    await customer.send(type="seen", seq=10_000)
    await customer.settle()
    assert (await Conversation.get()).seen_seq == answer["seq"]
    assert (await Message.get(direction="out")).state == "seen"


# -- who may


async def test_a_foreign_site_may_not_open_the_socket(front: Client) -> None:
    answer = await front.get("/channels/web", headers={"Origin": "https://elsewhere.example"})
    assert answer.status == 403


async def test_a_site_of_the_list_may(front: Client, bot: Bot) -> None:
    customer = await Page(front).open(headers={"Origin": "https://shop.example"})
    await customer.say("안녕하세요", "1")
    await customer.hear("done", id="1")
    await customer.close()


async def test_a_visitor_finds_the_conversation_on_every_device(page: Any, bot: Bot) -> None:
    phone = await page(visitor=visitor_token())
    await phone.say("휴대폰이에요", "1")
    await phone.hear("done", id="1")
    computer = await page(visitor=visitor_token())
    assert computer.session != phone.session
    assert (await computer.hear("message"))["text"] == "들은 말: 휴대폰이에요"
    assert (await Identity.get()).display_name == "김민지"


async def test_a_visitors_name_and_phone_are_taken_over_once(page: Any, bot: Bot) -> None:
    phone = await page(visitor=visitor_token(phone="010-1234-2481"))
    await phone.say("안녕하세요", "1")
    await phone.hear("done", id="1")
    await phone.settle()
    contact = await Contact.get()
    assert (contact.name, contact.phone) == ("김민지", "+821012342481")
    again = await page(visitor=visitor_token(name="누군가", phone="02-123-4567"))
    await again.say("또 왔어요", "2")
    await again.hear("done", id="2")
    await again.settle()
    assert await Contact.filter(name="김민지", phone="+821012342481").exists()


@pytest.mark.parametrize(
    "token",
    [
        visitor_token("another secret that is also long enough"),
        visitor_token(valid_s=-60),
        visitor_token(sub=None),
        "not.a.token",
        "",
    ],
    ids=["another secret", "expired", "of nobody", "no token", "empty"],
)
async def test_a_bad_visitor_token_leaves_a_stranger(page: Any, bot: Bot, token: str) -> None:
    known = await page(visitor=visitor_token())
    await known.say("비밀이에요", "1")
    await known.hear("done", id="1")
    stranger = await page(visitor=token)
    assert stranger.heard("welcome")[0]["seq"] == 0
    told = [error["text"] for error in stranger.heard("error")]
    assert told == (["로그인한 정보를 확인하지 못해서 이름 없이 이어갈게요."] if token else [])


async def test_a_page_reconnects_with_the_token_it_began_with_though_it_ended(page: Any, bot: Bot) -> None:
    known = await page(visitor=visitor_token())
    await known.say("세탁기에서 물이 새요", "1")
    await known.hear("done", id="1")
    again = await page(session=known.session, visitor=visitor_token(valid_s=-60))
    assert again.session == known.session
    assert not again.heard("error")
    await again.say("아직이에요", "2")
    await again.hear("done", id="2")
    assert await Identity.all().count() == 1


async def test_an_ended_token_of_somebody_else_opens_no_session(page: Any, bot: Bot) -> None:
    known = await page(visitor=visitor_token())
    await known.say("비밀이에요", "1")
    await known.hear("done", id="1")
    for token in (visitor_token(sub="shop-8", valid_s=-60), visitor_token("x" * 40, valid_s=-60)):
        stranger = await page(session=known.session, visitor=token)
        assert stranger.heard("welcome")[0]["seq"] == 0
        assert stranger.session != known.session


async def test_a_visitors_session_alone_does_not_open_their_conversation(page: Any, bot: Bot) -> None:
    known = await page(visitor=visitor_token())
    await known.say("비밀이에요", "1")
    await known.hear("done", id="1")
    after_logout = await page(session=known.session)
    assert after_logout.heard("welcome")[0]["seq"] == 0
    assert after_logout.session != known.session


async def test_a_flood_is_slowed_and_nothing_of_it_is_lost(page: Any, bot: Bot, front: Client) -> None:
    assert front.app
    pace = front.app[chat.PACE]
    pace.rate, pace.burst = 0.0, 20
    customer = await page()
    for at in range(60):
        await customer.say(f"{at}", f"f{at}")
    outcomes: dict[str, str] = {}
    while len(outcomes) < 60:
        frame = await customer.next()
        if frame["type"] in ("stored", "error"):
            outcomes[frame["id"]] = frame.get("code", "stored")
    assert list(outcomes.values()).count("busy") == 40
    assert await Inbox.all().count() == 20


async def test_errors_are_said_in_the_customers_language(page: Any, bot: Bot) -> None:
    customer = await page(locale="en-GB")
    await customer.send(type="choice", id="c", value="none")
    assert (await customer.hear("error"))["text"] == "This cannot be chosen now. Please write it."
