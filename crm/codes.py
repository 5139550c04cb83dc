"""Sending one-time codes, which prove that somebody reads a phone number or an e-mail address.

A code goes out like every message, through the outbox and past the gate, but to the address and not into the
chat that asked for it. In the thread there stands only that one was sent; the digits are sealed until they
are sent, and gone afterwards. `linking.try_code` takes what the customer types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm import company, linking, message_templates, outbox, ownership, vault, writes
from crm.errors import CrmError, Invalid
from crm.formats import mask_email, mask_phone
from crm.linking import CODE_LIFE, TooMany
from crm.models import Conversation, OneTimeCode
from crm.outbox import Address

__all__ = ["Sent", "TooMany", "Unsendable", "dispatch", "kinds", "masked", "minutes", "reveal", "use"]

# Channels that reach an address of a kind, in the order in which they are tried.
REACHING: Final = {"phone": ("alimtalk", "sms"), "email": ("email",)}
SEAL: Final = "one-time-code-sealed"
_on: set[str] = set()


@dataclass(frozen=True)
class Sent:
    """A code is under way to `masked`; good until `expires_at`."""

    masked: str
    expires_at: datetime


class Unsendable(CrmError):
    """No channel that is on reaches an address of this kind."""

    code = "unsendable"


def use(channels: Sequence[str]) -> None:
    """Tell which channels are on. The composition calls this once."""
    _on.clear()
    _on.update(channels)


def kinds() -> tuple[str, ...]:
    """The kinds of address (`phone`, `email`) that codes can be sent to."""
    return tuple(kind for kind, names in REACHING.items() if _on.intersection(names))


async def dispatch(conversation_id: int, kind: str, target: str, *, now: datetime) -> Sent:
    """Send a code to an address that the one behind a conversation says is theirs.

    A new code ends the one before. Raises `TooMany` (five an hour for one asker, and to one address),
    `Unsendable`, `Invalid` for an address that is none.
    """
    ways = [name for name in REACHING.get(kind, ()) if name in _on]
    if not ways:
        raise Unsendable(kind)
    async with writes.transaction():
        talk = await Conversation.get(id=conversation_id)
        code = await linking.issue_code(talk.identity_id, kind, target, now=now)
        row = await OneTimeCode.filter(identity_id=talk.identity_id, used_at=None).order_by("-id").first()
        if row is None:
            raise Invalid("code", "gone")
        row.sealed = vault.seal(code.digits.encode(), purpose=SEAL)
        row.ways = ways
        if not await _next(row, talk, now):
            raise Unsendable(kind)
    return Sent(masked(code.kind, code.target), code.expires_at)


async def failed(message_id: int, *, now: datetime) -> bool:
    """The message with a code could not be sent: try the next channel, or tell staff and the customer's bot
    that there is none. False when the message carried no code."""
    row = await OneTimeCode.get_or_none(message_id=message_id)
    if row is None:
        return False
    async with writes.transaction():
        talk = await Conversation.filter(identity_id=row.identity_id).order_by("-id").first()
        over = row.used_at is not None or row.expires_at <= now
        if talk is None or over or await _next(row, talk, now):
            return True
        await OneTimeCode.filter(id=row.id).update(used_at=now, sealed=None)
        await ownership.hand_over(talk.id, reason="no_way", now=now)
    return True


async def reveal(message_id: int, *, now: datetime) -> str | None:
    """The digits that a queued message carries, for the request to the provider and nothing else; None when
    it carries none, or the code is over."""
    row = await OneTimeCode.get_or_none(message_id=message_id)
    if row is None or row.sealed is None or row.used_at is not None or row.expires_at <= now:
        return None
    return vault.unseal(bytes(row.sealed), purpose=SEAL).decode()


def masked(kind: str, target: str) -> str:
    """The address as it may be shown in a thread."""
    return mask_email(target) if kind == "email" else mask_phone(target)


def minutes() -> int:
    """How long a code is good."""
    return int(CODE_LIFE.total_seconds() // 60)


async def _next(row: OneTimeCode, talk: Conversation, now: datetime) -> bool:
    """Put the code on the first channel that is left; whether there was one."""
    while row.ways:
        channel, *row.ways = row.ways
        data: dict[str, Any] = {"event": "code_sent", "channel": channel, "code": row.id,
                                "target": masked(row.kind, row.target)}  # fmt: skip
        if channel == "alimtalk" and not await _filled("0" * linking.CODE_DIGITS, talk.locale):
            continue
        message = await outbox.put(
            talk.id, author="system", text="", purpose="duty", lang=talk.locale, data=data,
            aside=Address(channel, row.target), now=now,
        )  # fmt: skip
        row.message_id = message.id
        await row.save(update_fields=["sealed", "ways", "message_id"])
        return True
    return False


async def template(digits: str, locale: str) -> Mapping[str, Any] | None:
    """The approved template that says a code, filled, as the channel wants it; None when there is none."""
    filled = await _filled(digits, locale)
    return {**filled.data, "text": filled.text} if filled else None


async def _filled(digits: str, locale: str) -> message_templates.Filled | None:
    values = {"company": await company.name(locale), "code": digits, "minutes": str(minutes())}
    return await message_templates.fit("code", values, locale=locale)
