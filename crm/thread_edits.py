"""Changing messages that contacts wrote: further files, another text."""

from collections.abc import Sequence
from datetime import datetime

from crm import db, happenings, reads, threads
from crm.models import Conversation, Message, MessageKey


async def attach(message: Message, tokens: Sequence[str], *, now: datetime) -> None:
    """Add a customer's further files to a message of theirs, in the caller's transaction."""
    conversation = await Conversation.get(id=message.conversation_id).only("id", "identity_id")
    owner = f"identity:{conversation.identity_id}"
    await threads.bind_files(message.id, message.conversation_id, tokens, owner)
    await _changed(message, now)


async def rewrite(message: Message, text: str, *, now: datetime, edited: bool = False) -> None:
    """Give a customer's message another text; when they `edited` it, the first one is kept beside it."""
    if edited:
        message.edited_at = now
        message.data = {"first_text": message.text, **message.data}
    message.text, message.unindexed = threads.clean(text), True
    await message.save(update_fields=["text", "unindexed", "edited_at", "data"])
    await MessageKey.filter(message_id=message.id).delete()  # made anew from the new text
    await _changed(message, now)


async def _changed(message: Message, now: datetime) -> None:
    await happenings.record(
        "message.changed",
        now=now,
        conversation_id=message.conversation_id,
        message_id=message.id,
        seq=message.seq,
    )


async def edit(identity_id: int, external_id: str, text: str, *, now: datetime) -> bool:
    """The customer changed what they had written; shown as such, and no new turn. False: no such message."""
    db.require_aware(now)
    async with db.transaction():
        await reads.lock("identity", identity_id)
        found = (
            await Message.filter(
                conversation__identity_id=identity_id, direction="in", external_id=external_id
            )
            .order_by("-id")
            .first()
        )
        if found is None:
            return False
        if found.text != threads.clean(text):
            await rewrite(found, text, now=now, edited=True)
    return True
