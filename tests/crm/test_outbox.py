"""What is to be sent is written with its cause, keeps its order and its key, and is never lost from sight."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import db as database
from crm import inbox, lanes, outbox
from crm.errors import Conflict, NotFound
from crm.models import Contact, Conversation, Message, Outbox

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def asked(text: str = "안녕하세요", user: str = "kim") -> inbox.Stored:
    return await inbox.store(
        inbox.Inbound(channel="web", external_user=user, external_id=text, text=text, received_at=AT), now=AT
    )


async def say(stored: inbox.Stored, text: str, **more) -> Message:
    given = {"author": "bot", "text": text, "inbox_id": stored.inbox_id, "now": AT}
    return await outbox.put(stored.conversation_id, **{**given, **more})


async def test_answers_are_numbered_by_the_message_they_answer(any_db):
    stored = await asked()
    for text in ("하나", "둘"):
        await say(stored, text)
    rows = await Outbox.filter(inbox_id=stored.inbox_id).order_by("id")
    assert [row.ordinal for row in rows] == [0, 1]
    assert [message.text for message in await outbox.of_inbox(stored.inbox_id)] == ["하나", "둘"]
    assert (await outbox.of_inbox(stored.inbox_id))[0].in_reply_to == "안녕하세요"


async def test_a_recipient_gets_messages_in_order_and_each_is_sent_once(any_db):
    stored = await asked()
    first, second = await say(stored, "하나"), await say(stored, "둘")
    (claim,) = await outbox.claim("me", AT)
    assert [(item.key, item.text) for item in claim.items] == [(first.key, "하나"), (second.key, "둘")]
    assert claim.items[0].external_user == "kim"
    for item in claim.items:
        await outbox.sent(claim, item, f"wire {item.seq}", AT)
    assert await outbox.claim("me", AT + timedelta(minutes=1)) == []
    assert (await Message.get(id=first.id)).state == "sent"
    assert (await Message.get(id=second.id)).external_id == "wire 3"


async def test_what_cannot_be_sent_now_holds_back_what_follows(any_db):
    stored = await asked()
    await say(stored, "하나")
    await say(stored, "둘")
    (claim,) = await outbox.claim("me", AT)
    due = AT + timedelta(seconds=30)
    await outbox.later(claim, claim.items[0], due, AT, error="busy", counted=True)
    assert await outbox.claim("me", due - timedelta(seconds=1)) == []
    (claim,) = await outbox.claim("me", due)
    assert [item.text for item in claim.items] == ["하나", "둘"]
    assert claim.items[0].attempts == 1


async def test_a_new_message_does_not_shorten_the_pause(any_db):
    stored = await asked()
    await say(stored, "하나")
    (claim,) = await outbox.claim("me", AT)
    await outbox.later(claim, claim.items[0], AT + timedelta(seconds=30), AT, error="busy", counted=True)
    await say(stored, "둘")
    assert await outbox.claim("me", AT + timedelta(seconds=1)) == []


async def test_a_dead_letter_is_visible_lets_the_next_pass_and_can_be_sent_again(any_db):
    stored = await asked()
    first = await say(stored, "하나")
    await say(stored, "둘")
    (claim,) = await outbox.claim("me", AT)
    await outbox.dead(claim, claim.items[0], "no such chat", AT)
    await outbox.sent(claim, claim.items[1], "2", AT)
    (letter,) = await outbox.dead_letters()
    assert (letter["message_id"], letter["error"]) == (first.id, "no such chat")
    assert (await Message.get(id=first.id)).state == "failed"
    assert await outbox.retry(letter["id"], AT)
    assert not await outbox.retry(letter["id"], AT)
    (claim,) = await outbox.claim("me", AT)
    await outbox.sent(claim, claim.items[0], "1", AT)
    assert (await Message.get(id=first.id)).state == "sent"


async def test_a_sender_that_lost_its_lane_changes_nothing(any_db):
    stored = await asked()
    message = await say(stored, "하나")
    (old,) = await outbox.claim("old", AT)
    later = AT + timedelta(seconds=lanes.LEASE_SECONDS + 1)
    (new,) = await outbox.claim("new", later)
    with pytest.raises(lanes.LaneLost):
        await outbox.sent(old, old.items[0], "1", later)
    assert (await Message.get(id=message.id)).state == "queued"
    await outbox.sent(new, new.items[0], "2", later)


async def test_while_a_person_owns_the_conversation_the_bot_is_refused_and_a_notice_is_not(any_db):
    stored = await asked()
    await Conversation.filter(id=stored.conversation_id).update(owner="staff")
    with pytest.raises(Conflict):
        await say(stored, "하나")
    await say(stored, "접수가 완료되었어요", purpose="info")
    assert await Outbox.all().count() == 1


async def test_a_blocked_contact_hears_nothing_from_the_bot(any_db):
    stored = await asked()
    await Contact.all().update(blocked=True)
    with pytest.raises(Conflict):
        await say(stored, "하나")


async def test_an_unknown_conversation_is_an_error(any_db):
    with pytest.raises(NotFound):
        await outbox.put(99, author="bot", text="하나", now=AT)


async def test_a_turn_that_fails_has_said_nothing(any_db):
    stored = await asked()
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await say(stored, "하나")
            raise ZeroDivisionError
    assert await outbox.claim("me", AT) == []
    assert await Message.filter(direction="out").count() == 0
