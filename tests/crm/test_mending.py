"""What failed is tried again by staff: what the bot could not answer, and what could not be sent."""

from datetime import UTC, datetime

import pytest

from crm import conversations, inbox, mending, outbox, staff
from crm import db as database
from crm.actor import SYSTEM, Actor
from crm.errors import Conflict, Forbidden, NotFound
from crm.models import AuditEntry, Conversation, Inbox, Message, Outbox

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def somebody(role: str = "agent") -> Actor:
    made = await staff.create(
        SYSTEM, login=role, name="이서준", role=role, password="a long enough password", now=AT
    )
    return Actor("staff", made.id, role, made.name)


async def parked() -> inbox.Stored:
    """A message that was set aside, as the worker does it: with a person."""
    hello = inbox.Inbound(
        channel="web", external_user="kim", external_id="1", text="세탁기요", received_at=AT
    )
    stored = await inbox.store(hello, now=AT)
    (claim,) = await inbox.claim("me", AT)
    async with database.transaction():
        await inbox.set_aside(claim.turns[0], AT)
        await conversations.hand_over(stored.conversation_id, reason="failed", now=AT)
        await inbox.finish(claim, claim.turns, AT, state="parked")
    return stored


async def test_a_parked_message_is_marked_and_goes_back_to_the_bot(any_db):
    stored, agent = await parked(), await somebody()
    assert (await Message.get(id=stored.message_id)).state == "parked"
    await mending.retry_parked(agent, stored.conversation_id, stored.seq, now=AT)
    assert (await Message.get(id=stored.message_id)).state == "stored"
    assert (await Conversation.get(id=stored.conversation_id)).owner == "bot"
    (claim,) = await inbox.claim("me", AT)
    assert claim.turns[0].text == "세탁기요"
    assert "message.retried" in await AuditEntry.all().values_list("act", flat=True)
    with pytest.raises(NotFound):
        await mending.retry_parked(agent, stored.conversation_id, stored.seq, now=AT)


async def test_what_a_person_has_answered_is_not_tried_again(any_db):
    stored, agent = await parked(), await somebody()
    await conversations.take_over(agent, stored.conversation_id, AT)
    await conversations.reply(agent, stored.conversation_id, "네, 볼게요", expected_seq=None, now=AT)
    with pytest.raises(Conflict, match="answered"):
        await mending.retry_parked(agent, stored.conversation_id, stored.seq, now=AT)
    assert (await Inbox.get(id=stored.inbox_id)).state == "parked"


async def test_in_a_closed_conversation_nothing_is_tried_again(db):
    stored, agent = await parked(), await somebody()
    await conversations.close(agent, stored.conversation_id, AT)
    with pytest.raises(Conflict, match="closed"):
        await mending.retry_parked(agent, stored.conversation_id, stored.seq, now=AT)


async def test_who_only_looks_mends_nothing(db):
    stored, looker = await parked(), await somebody("marketing")
    for mend in (mending.retry_parked, mending.send_again):
        with pytest.raises(Forbidden):
            await mend(looker, stored.conversation_id, stored.seq, now=AT)


async def unsent(text: str = "네") -> Message:
    """An answer of the bot that could not be sent."""
    hello = inbox.Inbound(channel="web", external_user="lee", external_id="2", text="저기요", received_at=AT)
    stored = await inbox.store(hello, now=AT)
    message = await outbox.put(
        stored.conversation_id, author="bot", text=text, inbox_id=stored.inbox_id, now=AT
    )
    (claim,) = await outbox.claim("me", AT)
    await outbox.dead(claim, claim.items[0], "blocked", AT)
    return message


async def test_a_dead_letter_is_sent_again_and_recorded(any_db):
    message, agent = await unsent(), await somebody()
    await mending.send_again(agent, message.conversation_id, message.seq, now=AT)
    assert (await Outbox.get(message_id=message.id)).state == "waiting"
    assert (await Message.get(id=message.id)).state == "queued"
    assert "message.resent" in await AuditEntry.all().values_list("act", flat=True)


async def test_what_the_bot_said_is_not_sent_again_while_a_person_speaks(db):
    message, agent = await unsent(), await somebody()
    await conversations.take_over(agent, message.conversation_id, AT)
    with pytest.raises(Conflict, match="not_allowed"):
        await mending.send_again(agent, message.conversation_id, message.seq, now=AT)
