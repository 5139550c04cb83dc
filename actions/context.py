"""What an action knows of the turn it runs in: whose conversation, when, in which language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rasa_sdk import Tracker

from crm import conversations, identities, zone
from crm.actor import Actor


@dataclass(frozen=True)
class Turn:
    """`at` is when the customer's message was received, aware, UTC."""

    conversation_id: int
    contact_id: int
    inbox_id: int | None
    at: datetime
    tz: ZoneInfo
    language: str

    @property
    def customer(self) -> Actor:
        """The customer acting on their own things."""
        return Actor("contact", self.contact_id)


async def turn_of(tracker: Tracker) -> Turn:
    """The turn of the tracker's latest message.

    Under stock Rasa no worker has stored the message: the sender then becomes an identity of the channel
    `rasa`, so that the same actions run there.
    """
    metadata = tracker.latest_message.get("metadata") or {}
    language = str(tracker.slots.get("language") or "ko")
    if "conversation_id" in metadata:
        return _stored(metadata, language)
    now = datetime.now(UTC)
    identity = await identities.find_or_create("rasa", "", tracker.sender_id, locale=language, now=now)
    conversation = await conversations.reach(identity, now=now, locale=language)
    return Turn(conversation.id, _contact(conversation), None, now, zone.current(), language)


def _contact(conversation: Any) -> int:
    return int(conversation.contact_id)


def _stored(metadata: Mapping[str, Any], language: str) -> Turn:
    return Turn(
        int(metadata["conversation_id"]),
        int(metadata["contact_id"]),
        metadata.get("inbox_id"),
        datetime.fromisoformat(metadata["at"]),
        zone.current(),
        language,
    )
