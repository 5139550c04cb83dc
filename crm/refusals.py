"""Refusing advertising by an address (`/u/{token}`): who it is for is signed into it, no login is needed.

The address never ends: an advertisement may be read years later, and the way to refuse must work then
(정보통신망법 제50조 제4항). Opening it changes nothing, since mail filters open every link.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crm import audit, company, db, gate, merging, vault
from crm.actor import Actor
from crm.errors import Invalid, NotFound
from crm.formats import show_phone
from crm.models import Contact

# Numbers of channels in addresses; never renumber them. 0 is every channel.
CHANNELS: Final = ("", "web", "telegram", "kakao", "alimtalk", "sms", "email")
_MAC_BYTES: Final = 12


@dataclass(frozen=True)
class Refusal:
    """What an address is about. `done`: this channel is refused already."""

    contact_id: int
    channel: str
    done: bool


def address(public_url: str, contact_id: int, channel: str) -> str:
    """The address at which this contact refuses advertising on a channel ('' for all).

    GET shows a page with one button; POST refuses, also a mail program's one-click POST (RFC 8058).
    """
    return f"{public_url}/u/{token(contact_id, channel)}"


def token(contact_id: int, channel: str) -> str:
    """26 characters of A-Z a-z 0-9 _ -, short enough for an SMS. Raises `Invalid` for a channel."""
    if channel not in CHANNELS:
        raise Invalid("channel", "unknown", allowed=list(CHANNELS))
    body = contact_id.to_bytes(6) + CHANNELS.index(channel).to_bytes(1)
    return base64.urlsafe_b64encode(body + _mac(body)).decode().rstrip("=")


async def line(public_url: str, contact_id: int, channel: str, *, language: str) -> str:
    """The last line of an advertisement: the free number where the company has one and the channel is a
    phone's, else the address."""
    profile = await company.get()
    phone = channel in ("sms", "alimtalk") and profile.refusal_phone
    way = show_phone(profile.refusal_phone) if phone else address(public_url, contact_id, channel)
    return f"Unsubscribe free: {way}" if language == "en" else f"무료수신거부 {way}"


async def look(given: str) -> Refusal:
    """What the address of this token is about. Raises `NotFound` for one that is not ours."""
    contact_id, channel = _read(given)
    contact_id = await merging.resolve(contact_id)
    if not await Contact.filter(id=contact_id, erased_at=None).exists():
        raise NotFound("refusal")
    return Refusal(contact_id, channel, await gate.refuses_now(contact_id, channel))


async def refuse(given: str, *, told: bool, now: datetime) -> Refusal:
    """Refuse, once however often it is asked. `told`: they read the confirmation in the same breath; else it
    is sent to them. Raises `NotFound`."""
    db.require_aware(now)
    contact_id, _ = _read(given)
    async with db.transaction():
        await db.execute("UPDATE contact SET updated_at = updated_at WHERE id = ?", contact_id)
        about = await look(given)
        if not about.done:
            await gate.refuse(about.contact_id, channel=about.channel, source="link", told=told, now=now)
            actor = Actor("contact", about.contact_id)
            await audit.record(
                actor, "consent.refused", "contact", about.contact_id, now=now, contact_id=about.contact_id,
                fields=[about.channel or "all"],
            )  # fmt: skip
    return Refusal(about.contact_id, about.channel, done=True)


def _read(given: str) -> tuple[int, str]:
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NotFound("refusal") from fault
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != 7 or not hmac.compare_digest(mac, _mac(body)) or body[6] >= len(CHANNELS):
        raise NotFound("refusal")
    return int.from_bytes(body[:6]), CHANNELS[body[6]]


def _mac(body: bytes) -> bytes:
    return hmac.new(vault.derived_key("refusal"), body, hashlib.sha256).digest()[:_MAC_BYTES]
