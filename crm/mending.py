"""What staff do about a message that failed: let the bot try again, or send it once more."""

from datetime import datetime

from crm import audit, db, happenings, inbox, outbox, ownership
from crm.actor import Actor, check
from crm.errors import Conflict, NotFound
from crm.models import Conversation


async def retry_parked(actor: Actor, conversation_id: int, seq: int, *, now: datetime) -> None:
    """Give a parked message to the bot again, and the conversation with it; once more it may fail and park.

    `seq` is the message's number in the conversation. Raises `NotFound` when it is not parked, `Conflict`
    `closed`, or `answered` when a person has answered since: then nobody waits for the bot any more.
    """
    check(actor, "conversation.write")
    db.require_aware(now)
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        rows = await db.fetch(
            "SELECT i.id, i.message_id FROM inbox i JOIN message m ON m.inbox_id = i.id"
            " WHERE m.conversation_id = ? AND m.seq = ? AND i.state = 'parked'",
            conversation_id,
            seq,
        )
        if not rows:
            raise NotFound("message")
        if conversation.status == "closed":
            raise Conflict("closed")
        if await _answered(conversation_id, seq):
            raise Conflict("answered")
        await inbox.unpark(rows[0]["id"], now)
        await ownership.hand_back(actor, conversation_id, now)
        await _changed(actor, "message.retried", conversation, rows[0]["message_id"], seq, now)


async def send_again(actor: Actor, conversation_id: int, seq: int, *, now: datetime) -> None:
    """Send a message again that could not be sent. Raises `NotFound` when it is no dead letter, `Conflict`
    `not_allowed` when it may not go out any more (spam, erased, a person speaks now)."""
    check(actor, "conversation.write")
    db.require_aware(now)
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        rows = await db.fetch(
            "SELECT o.id, o.message_id, m.author, m.purpose FROM outbox o JOIN message m"
            " ON m.id = o.message_id WHERE m.conversation_id = ? AND m.seq = ? AND o.state = 'dead'",
            conversation_id,
            seq,
        )
        if not rows:
            raise NotFound("message")
        letter = rows[0]
        if not await ownership.may_send(conversation_id, author=letter["author"], purpose=letter["purpose"]):
            raise Conflict("not_allowed")
        await outbox.retry(letter["id"], now)
        await _changed(actor, "message.resent", conversation, letter["message_id"], seq, now)


async def _answered(conversation_id: int, seq: int) -> bool:
    rows = await db.fetch(
        "SELECT 1 AS one FROM message WHERE conversation_id = ? AND seq > ? AND direction = 'out'"
        " AND author = 'staff' LIMIT 1",
        conversation_id,
        seq,
    )
    return bool(rows)


async def _changed(
    actor: Actor, act: str, conversation: Conversation, message_id: int, seq: int, now: datetime
) -> None:
    """The thread shows it anew, and who did it is kept."""
    await happenings.record(
        "message.changed", now=now, conversation_id=conversation.id, message_id=message_id, seq=seq
    )
    await audit.record(actor, act, "message", message_id, now=now, contact_id=conversation.contact_id)
