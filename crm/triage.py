"""Putting conversations in order: later, done, again, how urgent, seen."""

from datetime import datetime

from crm import audit, db, happenings, open_search, ownership
from crm.actor import PERMISSIONS, Actor, check
from crm.checks import one_of
from crm.errors import Conflict, Invalid
from crm.models import Conversation, Mention, Message
from crm.threads import event, return_time

PRIORITIES = ("low", "normal", "high", "urgent")


async def snooze(actor: Actor, conversation_id: int, until: datetime, now: datetime) -> Conversation:
    """Put away until a time; a message of the customer brings it back earlier.

    Raises `Invalid("until", "past")` and `Conflict("closed")`.
    """
    check(actor, "conversation.write")
    if db.require_aware(until) <= now:
        raise Invalid("until", "past")
    async with db.transaction():
        conversation = await _not_closed(conversation_id)
        conversation.status, conversation.snoozed_until = "snoozed", until
        conversation.returns_at = None
        await conversation.save(update_fields=["status", "snoozed_until", "returns_at"])
        await _done(actor, conversation, "snoozed", now, fields=["status", "snoozed_until"])
    return conversation


async def close(actor: Actor, conversation_id: int, now: datetime) -> Conversation:
    """The matter is done: closed, nobody owes an answer, and the bot greets whoever writes again."""
    check(actor, "conversation.write")
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        if conversation.status == "closed":
            return conversation
        ownership.release(conversation)
        conversation.status, conversation.closed_at, conversation.snoozed_until = "closed", now, None
        conversation.unread = 0
        await conversation.save(update_fields=[*_CLOSING, *ownership.RELEASED])
        await open_search.closed(conversation.contact_id)
        await _done(actor, conversation, "closed", now, fields=["status"])
    return conversation


async def reopen(actor: Actor, conversation_id: int, now: datetime) -> Conversation:
    """A closed or snoozed conversation back into the inbox, with the owner it has."""
    check(actor, "conversation.write")
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        if conversation.status == "open":
            return conversation
        await _open(conversation, now)
        await _done(actor, conversation, "reopened", now, fields=["status"])
    return conversation


async def set_priority(actor: Actor, conversation_id: int, priority: str, now: datetime) -> Conversation:
    """low, normal, high or urgent. Raises `Invalid("priority", "unknown")`."""
    check(actor, "conversation.write")
    one_of("priority", priority, PRIORITIES)
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        if conversation.priority == priority:
            return conversation
        conversation.priority = priority
        await conversation.save(update_fields=["priority"])
        await _done(actor, conversation, "prioritised", now, fields=["priority"])
    return conversation


async def mark_seen(actor: Actor, conversation_id: int, now: datetime) -> None:
    """A staff member has the conversation before them: nothing is unread, and they saw their mentions.

    Who may only look leaves unread what others have to answer, and the customer is told of no reader.
    """
    check(actor, "conversation.read")
    async with db.transaction():
        if actor.role in PERMISSIONS["conversation.write"]:
            await db.execute(
                "UPDATE conversation SET unread = 0, staff_seen_seq = message_seq WHERE id = ?",
                conversation_id,
            )
        await Mention.filter(conversation_id=conversation_id, staff_id=actor.id, seen_at=None).update(
            seen_at=now
        )
        await happenings.record("conversation.changed", conversation_id=conversation_id, now=now)


async def mark_unseen(actor: Actor, conversation_id: int, now: datetime) -> None:
    """Put a conversation back among the unread, so that it is not forgotten."""
    check(actor, "conversation.write")
    async with db.transaction():
        await db.execute("UPDATE conversation SET unread = 1 WHERE id = ? AND unread = 0", conversation_id)
        await happenings.record("conversation.changed", conversation_id=conversation_id, now=now)


async def customer_saw(conversation_id: int, seq: int, now: datetime) -> None:
    """The channel reports that the customer has seen everything up to `seq`; never goes back."""
    db.require_aware(now)
    async with db.transaction():
        moved = await db.execute(
            "UPDATE conversation SET seen_seq = ? WHERE id = ? AND seen_seq < ? AND message_seq >= ?",
            seq,
            conversation_id,
            seq,
            seq,
        )
        if moved:
            unseen = Message.filter(conversation_id=conversation_id, seq__lte=seq, direction="out")
            await unseen.filter(seen_at=None).exclude(state="failed").update(seen_at=now, state="seen")


async def wake_snoozed(now: datetime, *, limit: int = 100) -> int:
    """Bring back what was snoozed until now; how many. For a tick."""
    db.require_aware(now)
    due = await db.fetch(
        "SELECT id FROM conversation WHERE snoozed_until <= ? ORDER BY snoozed_until LIMIT ?",
        db.stamp(now),
        limit,
    )
    woken = 0
    for row in due:
        async with db.transaction():
            conversation = await ownership.locked(int(row["id"]))
            until = conversation.snoozed_until
            if conversation.status == "snoozed" and until is not None and until <= now:
                await _open(conversation, now)
                await happenings.record(
                    "conversation.woken",
                    conversation_id=conversation.id,
                    contact_id=conversation.contact_id,
                    staff_id=conversation.assignee_id,
                    now=now,
                )
                woken += 1
    return woken


_CLOSING = ("status", "closed_at", "snoozed_until", "unread")


async def _not_closed(conversation_id: int) -> Conversation:
    conversation = await ownership.locked(conversation_id)
    if conversation.status == "closed":
        raise Conflict("closed")
    return conversation


async def _open(conversation: Conversation, now: datetime) -> None:
    conversation.status, conversation.snoozed_until, conversation.closed_at = "open", None, None
    if conversation.owner == "staff" and conversation.waiting_since is None:
        conversation.returns_at = await return_time(now)
    await conversation.save(update_fields=["status", "snoozed_until", "closed_at", "returns_at"])
    await open_search.opened(conversation.contact_id)


async def _done(
    actor: Actor, conversation: Conversation, what: str, now: datetime, *, fields: list[str]
) -> None:
    staff_id = actor.id if actor.is_staff else None
    await event(conversation.id, what, staff_id=staff_id, now=now)
    await happenings.record(
        "conversation.changed" if what == "prioritised" else f"conversation.{what}",
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        staff_id=staff_id,
        now=now,
    )
    if actor.is_staff:
        await audit.record(
            actor,
            f"conversation.{what}",
            "conversation",
            conversation.id,
            now=now,
            contact_id=conversation.contact_id,
            fields=fields,
        )


_LATE = (
    " reply_due_at < ? AND waiting_since IS NOT NULL AND (overdue_for IS NULL OR overdue_for <> reply_due_at)"
)


async def flag_overdue(now: datetime, *, limit: int = 100) -> int:
    """Tell staff of customers whose answer is late; how many. For a tick: once for each due time."""
    db.require_aware(now)
    late = await db.fetch(
        f"SELECT id FROM conversation WHERE{_LATE} ORDER BY reply_due_at LIMIT ?", db.stamp(now), limit
    )
    flagged = 0
    for row in late:
        async with db.transaction():
            told = await db.fetch(
                f"UPDATE conversation SET overdue_for = reply_due_at WHERE id = ? AND{_LATE}"
                " RETURNING contact_id, assignee_id",
                row["id"],
                db.stamp(now),
            )
            if told:
                await happenings.record(
                    "conversation.reply_overdue",
                    conversation_id=row["id"],
                    contact_id=told[0]["contact_id"],
                    staff_id=told[0]["assignee_id"],
                    now=now,
                )
                flagged += 1
    return flagged
