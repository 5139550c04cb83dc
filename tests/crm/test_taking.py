"""Messages that leave in an answer, on a page or behind a link: one of these ways has each, never two."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from bots.sender import Sender
from bots.waiting import GATHERS, REQUEST_ENDS, Waiting, link_failed
from crm import inbox, lanes, linking, outbox, page_links, taking, vault
from crm.errors import Invalid
from crm.models import Conversation, Identity, Message, Outbox
from crm.ways import Terms

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
WAYS = {"sms": Terms(cost=20, address="phone")}


async def asked(text: str = "안녕하세요", at: datetime = AT, user: str = "kim") -> inbox.Stored:
    return await inbox.store(
        inbox.Inbound(channel="kakao", external_user=user, external_id=None, text=text, received_at=at),
        now=at,
    )


async def say(
    stored: inbox.Stored, text: str, *, at: datetime = AT, turn: bool = False, **more: object
) -> Message:
    return await outbox.put(
        stored.conversation_id,
        author="bot",
        text=text,
        inbox_id=stored.inbox_id if turn else None,
        now=at,
        **more,  # type: ignore[arg-type]
    )


async def waiting(stored: inbox.Stored) -> list[outbox.Item]:
    conversation = await Conversation.get(id=stored.conversation_id)
    return await outbox.waiting(conversation.identity_id)


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at


def sender(clock: Clock, ways: dict[str, Terms] | None = None) -> Sender:
    wait = Waiting(ways if ways is not None else WAYS, "https://help.example.com", now=clock)
    return Sender({}, waits={"kakao": wait}, now=clock)


@pytest.fixture(autouse=True)
def secret() -> None:
    vault.use(b"s" * 32)


async def test_many_ways_that_want_a_message_at_once_get_it_once(any_db):
    stored = await asked()
    for n in range(5):
        await say(stored, f"{n}")
    items = await waiting(stored)
    taken = await asyncio.gather(*(taking.take(items, "answer", AT) for _ in range(8)))
    had = [item.outbox_id for one in taken for item in one.items]
    assert sorted(had) == sorted(item.outbox_id for item in items)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_order_of_ways_nothing_is_said_twice_or_lost(db, seed):
    chance = random.Random(seed)
    for run in range(30):
        stored = await asked(user=f"user{run}")
        for n in range(3):
            await say(stored, f"{n}")
        everything: list[outbox.Item] = await waiting(stored)
        holding: list[taking.Taken] = []
        for _ in range(chance.randrange(8)):
            if holding and chance.random() < 0.4:
                await taking.give_back(holding.pop(), AT)
                continue
            some = chance.sample(everything, chance.randrange(1, 4))
            holding.append(await taking.take(some, chance.choice(["answer", "callback", "page"]), AT))
        shown = [item.text for taken in holding for item in taken.items]
        left = [item.text for item in await waiting(stored)]
        assert sorted(shown + left) == ["0", "1", "2"]


async def test_what_was_given_back_is_not_taken_from_who_has_it_since(any_db):
    stored = await asked()
    await say(stored, "하나")
    items = await waiting(stored)
    first = await taking.take(items, "callback", AT)
    assert await taking.give_back(first, AT) == 1
    second = await taking.take(items, "answer", AT)
    assert await taking.give_back(first, AT) == 0
    assert len(second.items) == 1
    assert (await Outbox.get()).state == "sent"


async def test_an_advertisement_that_may_not_go_out_now_is_set_aside(any_db):
    stored = await asked()
    message = await say(stored, "안내")
    await Message.filter(id=message.id).update(purpose="ad", text="(광고) 새봄 할인")
    assert (await taking.take(await waiting(stored), "answer", AT)).items == ()
    assert (await Outbox.get()).state == "dead"
    assert (await Message.get(id=message.id)).state == "failed"


async def test_what_a_page_has_shown_is_not_said_again(any_db):
    stored = await asked()
    first, _ = await say(stored, "하나"), await say(stored, "둘")
    assert await taking.shown(stored.conversation_id, first.seq, AT) == 1
    assert [item.text for item in await waiting(stored)] == ["둘"]


# --- the notice with a link


async def proven(stored: inbox.Stored) -> Identity:
    conversation = await Conversation.get(id=stored.conversation_id)
    await linking.prove(conversation.identity_id, "phone", "010-1234-2481", how="code", now=AT)
    return await Identity.get(id=conversation.identity_id)


async def notices() -> list[Message]:
    return await Message.filter(conversation__channel="sms", direction="out").order_by("id")


async def test_a_reply_of_staff_becomes_one_notice_after_a_moment(any_db):
    stored, clock = await asked(), Clock()
    await proven(stored)
    await say(stored, "하나")
    await say(stored, "둘")
    await sender(clock).drain()
    assert await notices() == []
    clock.at += GATHERS
    await sender(clock).drain()
    [notice] = await notices()
    assert notice.text.startswith("새 답변이 도착했어요.")
    assert "https://help.example.com/c/" in notice.text
    assert await waiting(stored) == []


async def test_further_messages_need_no_second_notice_until_the_customer_comes(any_db):
    stored, clock = await asked(), Clock()
    await proven(stored)
    for text in ("하나", "둘"):
        await say(stored, text, at=clock.at)
        clock.at += GATHERS
        await sender(clock).drain()
    assert len(await notices()) == 1
    assert await waiting(stored) == []
    await asked("네", clock.at)
    await say(stored, "셋", at=clock.at)
    clock.at += GATHERS
    await sender(clock).drain()
    assert len(await notices()) == 2


async def test_an_answer_of_a_turn_waits_until_its_request_has_surely_ended(any_db):
    stored, clock = await asked(), Clock()
    await proven(stored)
    await say(stored, "하나", turn=True)
    clock.at += REQUEST_ENDS - timedelta(seconds=1)
    await sender(clock).drain()
    assert await notices() == []
    clock.at += timedelta(seconds=1)
    await sender(clock).drain()
    assert len(await notices()) == 1


async def test_without_a_proven_phone_it_waits_and_the_lane_rests(any_db):
    stored, clock = await asked(), Clock()
    await say(stored, "하나")
    clock.at += GATHERS
    await sender(clock).drain()
    assert [item.text for item in await waiting(stored)] == ["하나"]
    assert await lanes.next_due(["outbox"]) is None


async def test_a_message_put_while_the_lane_is_looked_at_is_not_forgotten(any_db):
    stored, clock = await asked(), Clock()
    await say(stored, "하나")
    clock.at += GATHERS
    [claim] = await outbox.claim("another", clock.at)
    await say(stored, "둘", at=clock.at)
    await Waiting({}, "https://help.example.com", now=clock)(claim)
    assert await lanes.next_due(["outbox"]) == clock.at + GATHERS


async def test_what_a_failed_notice_carried_waits_again(any_db):
    stored, clock = await asked(), Clock()
    await proven(stored)
    await say(stored, "하나")
    clock.at += GATHERS
    await sender(clock).drain()
    [notice] = await notices()
    assert await link_failed(notice.id, WAYS, now=clock.at)
    assert [item.text for item in await waiting(stored)] == ["하나"]
    clock.at += GATHERS
    await sender(clock).drain()
    assert len(await notices()) == 1, "the same way is not tried again until they write"


async def test_a_failed_notice_of_another_kind_is_left_to_the_router(any_db):
    stored = await asked()
    message = await say(stored, "하나")
    assert not await link_failed(message.id, WAYS, now=AT)


# --- the link


async def test_a_link_opens_the_conversation_of_its_identity_until_it_ends(any_db):
    stored = await asked()
    identity = await Identity.get()
    token = page_links.token(identity.id, now=AT)
    assert len(token) == 36
    assert (await page_links.open_page(token, now=AT)).id == identity.id
    with pytest.raises(Invalid, match="expired"):
        await page_links.open_page(token, now=AT + page_links.LIFE)
    assert stored.conversation_id


@pytest.mark.parametrize(
    "change", [lambda t: "B" + t[1:], lambda t: t[:-1], lambda t: t + "A", lambda t: "", lambda t: "é"]
)
async def test_a_forged_link_opens_nothing(db, change):
    await asked()
    token = page_links.token((await Identity.get()).id, now=AT)
    with pytest.raises(Invalid, match="forged"):
        await page_links.open_page(change(token), now=AT)


async def test_what_a_dead_process_held_waits_again_and_is_taken_once(any_db: str) -> None:
    stored = await asked()
    await say(stored, "네, 도와드릴게요")
    held = await taking.hold(await waiting(stored), "answer", AT)
    assert len(held.items) == 1
    assert await waiting(stored) == []  # nobody else's meanwhile
    assert await taking.reclaim(AT + timedelta(seconds=5)) == 0  # it may be alive still
    later = AT + taking.HELD_AT_MOST + timedelta(seconds=1)
    assert await taking.reclaim(later) == 1
    assert (await taking.release(held, later)).items == ()  # it was only slow: too late to write
    again = await taking.release(await taking.hold(await waiting(stored), "answer", later), later)
    assert [item.text for item in again.items] == ["네, 도와드릴게요"]
    assert await taking.reclaim(later + timedelta(days=1)) == 0  # said, for all that anybody can tell
    assert (await Message.get(id=again.items[0].message_id)).state == "sent"


async def test_a_held_message_counts_as_sent_only_when_it_is_released(db: str) -> None:
    stored = await asked()
    said = await say(stored, "네")
    held = await taking.hold(await waiting(stored), "callback", AT)
    assert (await Message.get(id=said.id)).state == "queued"
    assert await taking.give_back(held, AT) == 1
    assert len(await waiting(stored)) == 1
