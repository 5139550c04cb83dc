"""The sender: every message once with its key, each recipient in order, faults of providers outlived."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bots.channels.base import Blocked, Outbound, RetryLater, Undeliverable, Wire
from bots.limits import Limiter, Rate
from bots.sender import MAX_ATTEMPTS, Sender
from crm import consent, gate, inbox, lanes, outbox
from crm import db as database
from crm.models import Identity, Message, Outbox
from tests.crm.makers import a_company

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Recorder:
    """A channel that keeps what it was given, and fails as told before."""

    def __init__(self, *faults: Exception | None, parts: int = 1) -> None:
        self.faults = list(faults)
        self.parts = parts
        self.taken: list[tuple[str, str]] = []

    def render(self, message: Outbound) -> Sequence[Wire]:
        return [
            Wire(key=f"{message.key}:{at}", to=message.external_user, payload={"text": message.text})
            for at in range(self.parts)
        ]

    async def send(self, message: Wire) -> str:
        await asyncio.sleep(0)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        self.taken.append((message.to, message.payload["text"]))
        return f"provider {len(self.taken)}"


async def say(*texts: str, user: str = "kim") -> list[Message]:
    stored = await inbox.store(
        inbox.Inbound(channel="web", external_user=user, external_id=None, text="네", received_at=AT), now=AT
    )
    put = outbox.put
    return [await put(stored.conversation_id, author="bot", text=text, now=AT) for text in texts]


async def states() -> list[str]:
    return [message.state for message in await Message.filter(direction="out").order_by("id")]


async def test_each_recipient_gets_messages_in_order(any_db):
    for user in ("kim", "lee", "park"):
        await say("하나", "둘", "셋", user=user)
    channel = Recorder()
    await Sender({"web": channel}, now=Clock()).drain()
    for user in ("kim", "lee", "park"):
        assert [text for to, text in channel.taken if to == user] == ["하나", "둘", "셋"]
    assert await states() == ["sent"] * 9


async def test_retry_later_is_obeyed_and_order_kept(any_db):
    await say("하나", "둘")
    clock, channel = Clock(), Recorder(RetryLater(30))
    sender = Sender({"web": channel}, now=clock)
    await sender.drain()
    clock.forward(29)
    assert await sender.drain() == 0
    clock.forward(2)
    await sender.drain()
    assert [text for _, text in channel.taken] == ["하나", "둘"]


async def test_a_new_message_does_not_break_the_provider_s_pause(any_db):
    await say("하나")
    clock, channel = Clock(), Recorder(RetryLater(30))
    sender = Sender({"web": channel}, now=clock)
    await sender.drain()
    await say("둘")
    clock.forward(5)
    assert await sender.drain() == 0


async def test_one_recipient_s_trouble_does_not_stop_the_others(any_db):
    await say("하나", user="kim")
    await say("둘", user="lee")
    channel = Recorder(RetryLater(30))
    await Sender({"web": channel}, now=Clock()).drain()
    assert len(channel.taken) == 1


async def test_a_provider_that_fails_for_long_makes_a_dead_letter(any_db):
    await say("하나")
    clock = Clock()
    sender = Sender({"web": Recorder(*[OSError("down")] * MAX_ATTEMPTS)}, now=clock)
    for _ in range(MAX_ATTEMPTS):
        await sender.drain()
        clock.forward(1000)
    (letter,) = await outbox.dead_letters()
    assert (letter["error"], letter["attempts"]) == ("builtins.OSError", MAX_ATTEMPTS)
    assert await states() == ["failed"]


async def test_a_customer_who_blocked_us_is_marked_and_not_tried_again(any_db):
    await say("하나", "둘")
    channel = Recorder(Blocked())
    await Sender({"web": channel}, now=Clock()).drain()
    await say("셋", user="lee")
    assert (await Identity.get(external_id="kim")).blocked_at == AT
    assert [letter["error"] for letter in await outbox.dead_letters()] == ["blocked"]
    await Sender({"web": channel}, now=Clock()).drain()
    assert ("lee", "셋") in channel.taken


async def test_an_undeliverable_message_is_a_dead_letter_at_once_and_the_next_goes(any_db):
    await say("하나", "둘")
    channel = Recorder(Undeliverable("no such chat"))
    await Sender({"web": channel}, now=Clock()).drain()
    assert [letter["error"] for letter in await outbox.dead_letters()] == ["no such chat"]
    assert [text for _, text in channel.taken] == ["둘"]


async def test_a_message_of_a_channel_that_is_off_is_a_dead_letter(any_db):
    await say("하나")
    await Sender({}, now=Clock()).drain()
    assert [letter["error"] for letter in await outbox.dead_letters()] == ["channel_off"]


async def test_what_the_provider_took_of_a_long_message_is_not_sent_again(any_db):
    await say("하나")
    clock, channel = Clock(), Recorder(None, OSError("down"), parts=3)
    sender = Sender({"web": channel}, now=clock)
    await sender.drain()
    clock.forward(60)
    await sender.drain()
    assert len(channel.taken) == 3


async def test_a_running_sender_sends_what_comes_and_stops_when_asked(any_db):
    channel = Recorder()
    sender = Sender({"web": channel})
    task = database.spawn(sender.run())
    await say("하나", "둘")
    for _ in range(500):
        if len(channel.taken) == 2:
            break
        await asyncio.sleep(0.01)
    sender.stop()
    await asyncio.wait_for(task, 5)
    assert [text for _, text in channel.taken] == ["하나", "둘"]
    assert await states() == ["sent", "sent"]


async def test_a_sender_that_dies_while_sending_sends_again_with_the_same_key(any_db):
    (message,) = await say("하나")
    clock = Clock()
    (claim,) = await outbox.claim("dead", clock())
    assert claim.items[0].key == message.key
    clock.forward(lanes.LEASE_SECONDS + 1)
    (again,) = await outbox.claim("next", clock())
    assert again.items[0].key == message.key


def test_a_channel_is_used_no_faster_than_allowed():
    limiter = Limiter({"telegram": Rate(per_second=2, burst=2, recipient_per_second=1)})
    assert [limiter.take("telegram", "", user, AT) for user in (1, 2)] == [0.0, 0.0]
    assert limiter.take("telegram", "", 3, AT) == pytest.approx(0.5)
    later = AT + timedelta(seconds=0.5)
    assert limiter.take("telegram", "", 1, later) == pytest.approx(0.5)
    assert limiter.take("telegram", "", 3, later) == 0.0
    assert limiter.take("web", "", 3, later) == 0.0


async def test_a_long_wait_for_the_bucket_gives_the_lane_back_until_then(any_db):
    await say("하나", "둘")
    clock, channel = Clock(), Recorder()
    limiter = Limiter({"web": Rate(per_second=100, burst=100, recipient_per_second=0.1)})
    sender = Sender({"web": channel}, limiter=limiter, now=clock)
    await sender.drain()
    assert [text for _, text in channel.taken] == ["하나"]
    clock.forward(11)
    await sender.drain()
    assert [text for _, text in channel.taken] == ["하나", "둘"]


AD = "(광고) 새봄가전 1588-1234\n필터를 20% 싸게 드려요.\n무료수신거부 080-123-4567"
EVENING = datetime(2026, 3, 4, 11, 59, tzinfo=UTC)  # 20:59 in Korea


async def advertise_and_say(text: str) -> int:
    """An advertisement put at 20:59, and an answer behind it; the contact."""
    await a_company(phone="1588-1234")
    (message,) = await say("네", user="kim")
    await Sender({"web": Recorder()}, now=Clock()).drain()
    talk = await message.conversation
    await consent.record(talk.contact_id, "ad", channel="web", granted=True, source="chat", now=AT)
    await outbox.put(talk.id, author="system", text=AD, purpose="ad", now=EVENING)
    await outbox.put(talk.id, author="bot", text=text, now=EVENING)
    return int(talk.contact_id)


async def test_an_advertisement_that_the_night_overtakes_waits_for_the_morning_and_holds_up_nothing(any_db):
    await advertise_and_say("답")
    clock, channel = Clock(), Recorder()
    sender = Sender({"web": channel}, now=clock)
    clock.at = EVENING + timedelta(minutes=2)
    await sender.drain()
    assert [text for _, text in channel.taken] == ["답"]
    for hours, woken in ((1, 0), (10, 0), (11, 1)):  # 22:01, 07:01 and 08:01 in Korea
        clock.at = EVENING + timedelta(hours=hours, minutes=2)
        assert await outbox.wake(clock()) == woken
        await sender.drain()
    assert [text for _, text in channel.taken] == ["답", AD]
    assert await states() == ["sent"] * 3


async def test_who_refuses_by_night_does_not_get_the_advertisement_in_the_morning(any_db):
    contact_id = await advertise_and_say("답")
    clock, channel = Clock(), Recorder()
    sender = Sender({"web": channel}, now=clock)
    clock.at = EVENING + timedelta(hours=1)
    await sender.drain()
    await gate.refuse(contact_id, channel="web", source="chat", told=True, now=clock())
    clock.at = EVENING + timedelta(hours=12)
    await outbox.wake(clock())
    await sender.drain()
    assert [text for _, text in channel.taken] == ["답"]
    assert (await Outbox.get(state="dead")).error == "refused"
