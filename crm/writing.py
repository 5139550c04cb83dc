"""What staff write into a conversation. A reply goes to the customer; a note never does."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from crm import audit, db, happenings, outbox, ownership, writes
from crm.actor import Actor, check
from crm.checks import text as checked_text
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import Conversation, Mention, Message, Staff
from crm.thread_edits import rewrite
from crm.threads import append, clean

TEXT_LONGEST = 4000
_MENTION = re.compile(r"(?<![\w@.])@([a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?)", re.IGNORECASE)


async def reply(
    actor: Actor,
    conversation_id: int,
    text: str,
    *,
    files: Sequence[str] = (),
    expected_seq: int | None,
    joined: Callable[[str, Staff], str] | None = None,
    now: datetime,
) -> Message:
    """Write to the customer. Writing takes a conversation over that no person holds yet.

    `joined` says in a language who has joined; where the writer takes the conversation over, that stands
    before the reply. Without it the customer hears so afterwards, when the happening is read.

    `expected_seq` is the last number the writer has seen. When a colleague replied after it, raises
    `Conflict("newer_messages")` with `seq` and the colleagues' `names`, and nothing is sent; sending again
    with that `seq` (or None) goes through. Raises `Invalid("text", "required"|"too_long")`.
    """
    check(actor, "conversation.write")
    text = _text(text, files)
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        if expected_seq is not None:
            await _refuse_unseen_replies(actor, conversation, expected_seq)
        if conversation.owner == "bot" or conversation.assignee_id is None:
            await _join(conversation, actor, joined, now)
        message = await outbox.put(
            conversation_id, author="staff", staff_id=actor.id, text=text, files=tuple(files), now=now
        )
        await audit.record(
            actor, "conversation.replied", "message", message.id, now=now, contact_id=conversation.contact_id
        )
    return message


async def _join(
    conversation: Conversation, actor: Actor, joined: Callable[[str, Staff], str] | None, now: datetime
) -> None:
    """Take the conversation over and, given the words, tell the customer at once."""
    await ownership.take(conversation, actor, now, told=joined is not None)
    if joined is not None and await ownership.may_send(conversation.id, author="system", purpose="info"):
        text = joined(conversation.locale, await Staff.get(id=actor.id))
        await outbox.put(
            conversation.id, author="system", text=text, purpose="info", lang=conversation.locale,
            data=ownership.JOINED, now=now,
        )  # fmt: skip


async def note(
    actor: Actor, conversation_id: int, text: str, *, files: Sequence[str] = (), now: datetime
) -> Message:
    """Leave an internal note, which changes neither who speaks nor any clock. `@login` calls a colleague."""
    check(actor, "conversation.write")
    text = _text(text, files)
    async with db.transaction():
        conversation = await ownership.locked(conversation_id)
        message = await append(
            conversation_id,
            direction="note",
            author="staff",
            staff_id=actor.id,
            text=text,
            files=files,
            now=now,
        )
        await _mention(actor, conversation, message, now)
        await happenings.record(
            "message.noted",
            conversation_id=conversation_id,
            contact_id=conversation.contact_id,
            staff_id=actor.id,
            message_id=message.id,
            now=now,
        )
        await audit.record(
            actor, "conversation.noted", "message", message.id, now=now, contact_id=conversation.contact_id
        )
    return message


async def amend_note(actor: Actor, message_id: int, text: str, *, now: datetime) -> bool:
    """Its author changed a note; the first text is kept beside it. False: the text is the same.

    Raises `NotFound` where no note is, and `Conflict("another_author")` for a note of somebody else.
    """
    check(actor, "conversation.write")
    text = _text(text, ())
    async with writes.transaction():
        found = await Message.get_or_none(id=message_id)
        if found is None or found.direction != "note":
            raise NotFound("message")
        if found.staff_id != actor.id:
            raise Conflict("another_author")
        if found.text == text:
            return False
        await ownership.locked(found.conversation_id)
        await rewrite(found, text, now=now, edited=True)
        await audit.record(actor, "conversation.note_changed", "message", message_id, now=now)
    return True


def mentioned_logins(text: str) -> list[str]:
    """The logins named with @ in a text, each once, in order. An e-mail address names nobody."""
    return list(dict.fromkeys(login.lower() for login in _MENTION.findall(text)))


def _text(text: str, files: Sequence[str]) -> str:
    return checked_text("text", clean(text), longest=TEXT_LONGEST, required=not files)


async def _refuse_unseen_replies(actor: Actor, conversation: Conversation, expected_seq: int) -> None:
    if actor.id is None:
        raise Forbidden("conversation.write")
    if expected_seq < 0:
        raise Invalid("expected_seq", "out_of_range")
    rows = await db.fetch(
        "SELECT DISTINCT s.name FROM message m JOIN staff s ON s.id = m.staff_id"
        " WHERE m.conversation_id = ? AND m.seq > ? AND m.direction = 'out' AND m.staff_id <> ?",
        conversation.id,
        expected_seq,
        actor.id,
    )
    if rows:
        names = sorted(row["name"] for row in rows)
        raise Conflict("newer_messages", names=names, seq=conversation.message_seq)


async def _mention(actor: Actor, conversation: Conversation, message: Message, now: datetime) -> None:
    logins = mentioned_logins(message.text)
    if not logins:
        return
    for staff in await Staff.filter(login__in=logins, active=True).exclude(id=actor.id):
        await Mention.create(message_id=message.id, staff_id=staff.id, conversation_id=conversation.id)
        await happenings.record(
            "message.mentioned",
            conversation_id=conversation.id,
            contact_id=conversation.contact_id,
            staff_id=staff.id,
            message_id=message.id,
            now=now,
        )
