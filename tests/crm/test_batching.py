"""What shares a transaction shares neither its error, nor its wait for a lock, nor the order of others."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from crm import db as database
from crm import identities, inbox, ownership
from crm.batching import Grouped, Shared
from crm.models import Conversation, File, Happening, Inbox, Lane, Message
from crm.models import Sequence as Counted

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


def hello(external_id: str | None, user: str = "kim", **more) -> inbox.Inbound:
    given = {"channel": "web", "external_user": user, "external_id": external_id, "text": "안녕하세요"}
    return inbox.Inbound(**{**given, "received_at": AT, **more})


async def count_each(names: Sequence[str]) -> list[int]:
    """Raise the counter of each name; the name `bad` is one that fails after it wrote."""
    counted = []
    for name in names:
        rows = await database.fetch(
            "INSERT INTO sequence (name, value) VALUES (?, 1)"
            " ON CONFLICT (name) DO UPDATE SET value = sequence.value + 1 RETURNING value",
            name,
        )
        if name == "bad":
            raise ValueError(name)
        counted.append(rows[0]["value"])
    return counted


async def test_an_error_is_its_own_callers_alone(any_db):
    grouped = Grouped(count_each)
    names = ["a", "bad", "b", "c", "bad", "d"]
    results = await asyncio.gather(*(grouped.run(name) for name in names), return_exceptions=True)
    assert [one if one == 1 else type(one) for one in results] == [1, ValueError, 1, 1, ValueError, 1]
    assert {row.name: row.value for row in await Counted.all()} == dict.fromkeys("abcd", 1)


async def test_items_of_one_order_follow_one_another_even_apart(any_db):
    grouped, done = Grouped(count_each), []

    async def run(name: str, at: int) -> None:
        try:
            await grouped.run(name, order="kim")
        finally:
            done.append(at)

    names = ["a", "bad", "b", "a", "bad", "c"]
    await asyncio.gather(*(run(name, at) for at, name in enumerate(names)), return_exceptions=True)
    assert done == sorted(done)


async def test_works_of_any_kind_can_share_too(any_db):
    shared = Shared()
    results = await asyncio.gather(*(shared.run(lambda: count_each(["a"])) for _ in range(20)))
    assert sorted(results) == [[value] for value in range(1, 21)]


async def test_copies_at_once_are_stored_once_beside_others(any_db):
    calls = [hello("same"), hello("other"), hello("same"), hello("same", text="바뀐 글"), hello(None)]
    stored = await asyncio.gather(*(inbox.store(one, now=AT) for one in calls))
    assert [one.duplicate for one in stored] == [False, False, True, True, False]
    assert len({one.inbox_id for one in stored}) == 3
    assert (stored[2].message_id, stored[2].seq) == (stored[0].message_id, stored[0].seq)
    assert await Message.all().count() == 3


async def test_each_user_keeps_their_order_within_a_batch(any_db):
    calls = [hello(str(at), user=f"user {at % 3}", text=str(at)) for at in range(90)]
    await asyncio.gather(*(inbox.store(one, now=AT) for one in calls))
    for user in range(3):
        identity = await identities.find("web", "", f"user {user}")
        said = await Message.filter(conversation__identity_id=identity.id).order_by("seq")
        assert [message.seq for message in said] == list(range(1, 31))
        assert [int(message.text) for message in said] == list(range(user, 90, 3))
        conversation = await Conversation.get(identity_id=identity.id)
        assert (conversation.message_seq, conversation.unread) == (30, 30)
        assert conversation.last_message["text"] == said[-1].text
    told = await Happening.filter(kind="message.received").order_by("id")
    assert len(told) == 90
    placed = {row.id: row for row in await Inbox.all()}
    for message in await Message.all():
        assert (placed[message.inbox_id].seq, placed[message.inbox_id].message_id) == (
            message.seq,
            message.id,
        )


async def test_a_batch_is_due_with_the_first_of_it_that_is(any_db):
    await asyncio.gather(
        inbox.store(hello("1"), now=AT, wait=timedelta(seconds=2)), inbox.store(hello("2"), now=AT)
    )
    assert (await Lane.get(kind="inbox")).due_at == AT


async def test_a_batch_starts_the_clock_of_those_who_wait_for_a_person(any_db):
    first = await inbox.store(hello("1"), now=AT)
    await ownership.hand_over(first.conversation_id, reason="asked", now=AT)
    await asyncio.gather(*(inbox.store(hello(str(at), f"user {at % 2}"), now=AT) for at in range(2, 6)))
    later = AT + timedelta(minutes=1)
    await asyncio.gather(inbox.store(hello("9"), now=later), inbox.store(hello("10", "user 0"), now=later))
    waiting = await Conversation.get(id=first.conversation_id)
    assert waiting.waiting_since is not None
    assert waiting.reply_due_at is not None
    assert await Conversation.filter(reply_due_at=None).count() == 2


async def test_files_of_a_batch_go_to_their_own_messages(any_db):
    kim = await identities.find_or_create("web", "", "kim", now=AT)
    lee = await identities.find_or_create("web", "", "lee", now=AT)
    for token, owner in (("a" * 43, kim), ("b" * 43, lee)):
        await File.create(
            token=token,
            owner=f"identity:{owner.id}",
            name="x.png",
            type="image/png",
            size=1,
            sha256="0" * 64,
            storage_key=token,
            created_at=AT,
        )
    stored = await asyncio.gather(
        inbox.store(hello("1", "kim", files=("a" * 43, "b" * 43)), now=AT),
        inbox.store(hello("2", "lee", files=("b" * 43,)), now=AT),
    )
    bound = {file.token[0]: file.message_id for file in await File.all()}
    assert bound == {"a": stored[0].message_id, "b": stored[1].message_id}


@pytest.mark.postgres
async def test_a_lock_that_is_not_let_go_holds_up_its_own_user_alone(pg):
    stuck = await inbox.store(hello("1"), now=AT)
    other = await asyncpg.connect(pg)
    await other.execute("BEGIN")  # a worker that was stopped in the middle of its turn
    await other.execute("UPDATE lane SET token = token WHERE key = $1", stuck.conversation_id)
    waiting = [asyncio.create_task(inbox.store(hello(str(at)), now=AT)) for at in range(2, 5)]
    await asyncio.gather(*(inbox.store(hello(f"x{at}", f"user {at % 4}"), now=AT) for at in range(40)))
    waiting.append(asyncio.create_task(inbox.store(hello("5"), now=AT)))
    await inbox.store(hello("y", "user 1"), now=AT)
    assert not any(task.done() for task in waiting)
    await other.execute("ROLLBACK")
    await other.close()
    assert [(await task).seq for task in waiting] == [2, 3, 4, 5]
