"""The bot's memory of a conversation, and how often in a row it did not understand."""

from dataclasses import dataclass
from datetime import datetime

from crm import db, reads
from crm.errors import NotFound
from crm.models import Conversation


@dataclass(frozen=True)
class Remembered:
    """A snapshot and when it was taken (aware, UTC)."""

    body: str
    at: datetime


@dataclass(frozen=True)
class Partner:
    """Whom a message is from and where: what a turn looks at before it understands."""

    conversation: Conversation
    blocked: bool


async def partner(conversation_id: int) -> Partner:
    """The conversation of a stored message and whether its contact is blocked. Raises `NotFound`."""
    rows = await db.fetch(
        "SELECT v.*, c.blocked AS contact_blocked FROM conversation v JOIN contact c ON c.id = v.contact_id"
        " WHERE v.id = ?",
        conversation_id,
    )
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    return Partner(reads.as_model(Conversation, rows[0]), bool(rows[0]["contact_blocked"]))


async def recall(conversation_id: int) -> Remembered | None:
    """What the bot remembers, or None when it starts anew."""
    rows = await db.fetch("SELECT body, at FROM dialogue_snapshot WHERE conversation_id = ?", conversation_id)
    at = db.read_stamp(rows[0]["at"]) if rows else None
    return Remembered(rows[0]["body"], at) if at else None


async def remember(conversation_id: int, body: str, *, model: str, now: datetime) -> None:
    """Keep a snapshot in place of the earlier one. One statement, in the caller's transaction."""
    db.require_aware(now)
    await db.execute(
        "INSERT INTO dialogue_snapshot (conversation_id, body, model, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (conversation_id) DO UPDATE SET body = excluded.body, model = excluded.model,"
        " at = excluded.at",
        conversation_id,
        body,
        model,
        db.stamp(now),
    )


async def forget(conversation_id: int) -> None:
    """Begin anew when the bot speaks next: what was said to a person is not in its memory."""
    await db.execute("DELETE FROM dialogue_snapshot WHERE conversation_id = ?", conversation_id)


async def count_miss(conversation_id: int) -> int:
    """Count a message that was not understood; return how many in a row there are now."""
    rows = await db.fetch(
        "UPDATE conversation SET misses = misses + 1 WHERE id = ? RETURNING misses", conversation_id
    )
    return int(rows[0]["misses"])


async def misses(conversation_id: int) -> int:
    """How many messages in a row were not understood."""
    rows = await db.fetch("SELECT misses FROM conversation WHERE id = ?", conversation_id)
    return int(rows[0]["misses"]) if rows else 0


async def understood(conversation_id: int, misses: int) -> None:
    """A message was understood: the count of misses starts again, unless it has grown past `misses` since."""
    await db.execute(
        "UPDATE conversation SET misses = 0 WHERE id = ? AND misses > 0 AND misses <= ?",
        conversation_id,
        misses,
    )


async def speaks(conversation_id: int, language: str) -> None:
    """The language the customer writes in now; notices will be in it."""
    await db.execute(
        "UPDATE conversation SET locale = ? WHERE id = ? AND locale <> ?", language, conversation_id, language
    )
