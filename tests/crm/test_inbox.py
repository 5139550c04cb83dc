"""What is received is stored once, in order, whoever sends it and however often."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import db as database
from crm import inbox
from crm.errors import Invalid
from crm.inbound import TEXT_MAX
from crm.models import Contact, Conversation, Message

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


def hello(external_id: str | None = "1", user: str = "kim", **more) -> inbox.Inbound:
    given = {"channel": "web", "external_user": user, "external_id": external_id, "text": "안녕하세요"}
    return inbox.Inbound(**{**given, "received_at": AT, **more})


async def test_a_message_is_stored_with_contact_conversation_and_lane(any_db):
    stored = await inbox.store(hello(text="세탁기에서 물이 새요"), now=AT)
    message = await Message.get(id=stored.message_id)
    assert (message.text, message.seq, message.inbox_id) == ("세탁기에서 물이 새요", 1, stored.inbox_id)
    (claim,) = await inbox.claim("me", AT)
    assert claim.turns[0].text == "세탁기에서 물이 새요"
    assert claim.turns[0].inbox_id == stored.inbox_id


async def test_the_same_id_twice_gives_the_earlier_row(any_db):
    first = await inbox.store(hello(), now=AT)
    again = await inbox.store(hello(text="바뀐 글"), now=AT + timedelta(minutes=1))
    assert again == replace(first, duplicate=True)
    assert await Message.all().count() == 1


async def test_without_an_id_each_message_is_new(any_db):
    first = await inbox.store(hello(None, text="네"), now=AT)
    second = await inbox.store(hello(None, text="네"), now=AT)
    assert (first.seq, second.seq) == (1, 2)


async def test_simultaneous_first_messages_make_one_contact(any_db):
    async def alone(number: int) -> inbox.Stored:
        async with database.transaction():  # not batched with the others
            return await inbox.store(hello(str(number)), now=AT)

    stored = await asyncio.gather(*(database.spawn(alone(number)) for number in range(8)))
    assert await Contact.all().count() == 1
    assert await Conversation.all().count() == 1
    assert sorted(one.seq for one in stored) == list(range(1, 9))


async def test_simultaneous_copies_are_stored_once(any_db):
    async def alone() -> inbox.Stored:
        async with database.transaction():
            return await inbox.store(hello(), now=AT)

    stored = await asyncio.gather(*(database.spawn(alone()) for _ in range(6)))
    assert len({one.inbox_id for one in stored}) == 1
    assert sorted(one.duplicate for one in stored) == [False] + [True] * 5


async def test_concurrent_calls_are_all_answered(any_db):
    calls = [inbox.store(hello(str(at), user=f"user {at % 7}"), now=AT) for at in range(100)]
    stored = await asyncio.gather(*calls)
    assert len({one.inbox_id for one in stored}) == 100
    assert await Conversation.all().count() == 7


async def test_one_bad_message_of_a_batch_fails_alone(any_db):
    calls = [inbox.store(hello(str(at), user="x" * 201 if at == 3 else "kim"), now=AT) for at in range(6)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, Invalid) for one in results] == [at == 3 for at in range(6)]
    assert await Message.all().count() == 5


@pytest.mark.parametrize(
    "bad",
    [
        {"user": ""},
        {"external_id": ""},
        {"external_id": "x" * 201},
        {"kind": "poem"},
        {"received_at": datetime(2026, 1, 1)},
    ],
)
async def test_what_no_channel_may_hand_over_is_refused(db, bad):
    with pytest.raises(Invalid):
        await inbox.store(hello(**bad), now=AT)


async def test_hostile_text_and_data_are_stored_harmlessly(any_db):
    odd = hello(
        text="a\x00b\ud800" + "가" * 20_000, data={"x\x00": ["\udfff", float("nan"), object, {"y": "\x00"}]}
    )
    stored = await inbox.store(odd, now=AT)
    message = await Message.get(id=stored.message_id)
    assert len(message.text) <= TEXT_MAX
    assert message.text.startswith("ab?")
    assert message.data["truncated"]
    (claim,) = await inbox.claim("me", AT)
    assert claim.turns[0].last.data["x"][0] == "?"


async def test_choices_and_files_come_back_with_the_turn(any_db):
    await inbox.store(hello(kind="choice", choice="c1", files=("token",), text="네"), now=AT)
    (claim,) = await inbox.claim("me", AT)
    assert (claim.turns[0].last.choice, claim.turns[0].last.files) == ("c1", ("token",))


async def test_messages_wait_in_order_and_a_flood_is_one_turn(any_db):
    for number in range(inbox.FLOOD):
        await inbox.store(hello(None, text=str(number)), now=AT)
    (claim,) = await inbox.claim("me", AT)
    assert [turn.text for turn in claim.turns] == [str(number) for number in range(inbox.FLOOD)]
    await inbox.store(hello(None, text="zu viel"), now=AT)
    (claim,) = await inbox.claim("you", AT + timedelta(minutes=1))
    (turn,) = claim.turns
    assert len(turn.messages) == inbox.FLOOD + 1
    assert turn.last.text == "zu viel"


RUNS = count()
ARRIVES = st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", "3", None]), st.integers(-90, 90))
WORKS = st.just("a worker comes by")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ARRIVES | WORKS, max_size=16))
async def test_whatever_is_repeated_or_late_each_is_answered_once_as_it_first_came(db, steps):
    run, heard, answered = next(RUNS), dict[str, list[str]](a=[], b=[]), dict[str, list[str]](a=[], b=[])
    seen: dict[tuple[str, str], inbox.Stored] = {}

    async def work() -> None:
        for claim in await inbox.claim("me", AT):
            for message in [message for turn in claim.turns for message in turn.messages]:
                answered[message.text[0]].append(message.text)
            await inbox.finish(claim, claim.turns, AT)

    for number, step in enumerate(steps):
        if isinstance(step, str):
            await work()
            continue
        user, external_id, late_seconds = step
        text = f"{user}{number}"
        at = AT + timedelta(seconds=late_seconds)
        own = external_id and f"{run} {user} {external_id}"  # ids are unique on a channel account
        stored = await inbox.store(hello(own, user=f"{user} {run}", text=text, received_at=at), now=AT)
        before = seen.get((user, external_id)) if external_id else None
        assert stored == (replace(before, duplicate=True) if before else replace(stored, duplicate=False))
        if external_id and before is None:
            seen[user, external_id] = stored
        if before is None:
            heard[user].append(text)
    for _ in steps:
        await work()
    assert answered == heard


async def test_a_parked_message_can_be_given_again(any_db):
    stored = await inbox.store(hello(), now=AT)
    (claim,) = await inbox.claim("me", AT)
    async with database.transaction():
        await inbox.set_aside(claim.turns[0], AT)
        await inbox.finish(claim, claim.turns, AT, state="parked")
    assert [row["id"] for row in await inbox.parked()] == [stored.inbox_id]
    assert await inbox.claim("me", AT) == []
    assert await inbox.unpark(stored.inbox_id, AT)
    assert not await inbox.unpark(stored.inbox_id, AT)
    assert len(await inbox.claim("me", AT)) == 1
