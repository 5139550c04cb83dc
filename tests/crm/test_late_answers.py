"""Customers whose answer is late."""

from datetime import datetime, timedelta

from crm import conversations, happenings, identities
from crm.models import Conversation


async def _late() -> list[int | None]:
    told = await happenings.since(0, limit=500)
    return [h.conversation_id for h in told if h.kind == "conversation.reply_overdue"]


async def test_staff_are_told_once_of_each_answer_that_is_late(any_db: str, now: datetime) -> None:
    identity = await identities.find_or_create("web", "", "visitor", now=now)
    conversation = await conversations.reach(identity, now=now)
    await conversations.hand_over(conversation.id, reason="asked", now=now)
    due = (await Conversation.get(id=conversation.id)).reply_due_at
    assert due is not None

    assert await conversations.flag_overdue(due - timedelta(seconds=1)) == 0
    assert await conversations.flag_overdue(due + timedelta(seconds=1)) == 1
    assert await conversations.flag_overdue(due + timedelta(minutes=5)) == 0

    assert await _late() == [conversation.id]


async def test_an_answered_customer_is_not_late(any_db: str, now: datetime) -> None:
    identity = await identities.find_or_create("web", "", "visitor", now=now)
    conversation = await conversations.reach(identity, now=now)
    await conversations.hand_over(conversation.id, reason="asked", now=now)
    await conversations.append(conversation.id, direction="out", author="staff", text="네", now=now)

    assert await conversations.flag_overdue(now + timedelta(days=3)) == 0
