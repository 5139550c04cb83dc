"""Signed links by which a person whom we know on one channel says 'this is me' on another.

A link is at most 64 characters of [A-Za-z0-9_-]: it fits Telegram's `/start` payload
(https://core.telegram.org/bots/features#deep-linking), an address and a printed QR code.
"""

import base64
import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta
from typing import Final

from crm import db, happenings, reads
from crm.errors import Invalid, NotFound
from crm.models import Contact, Conversation, Identity, ServiceRequest
from crm.vault import derived_key

TTL: Final = timedelta(hours=1)  # of a link that is pressed at once; a printed one is given more
_BODY: Final = struct.Struct(">QI")  # contact, last moment in seconds since 1970
_MAC_BYTES: Final = 16


def issue(contact_id: int, now: datetime, *, ttl: timedelta = TTL) -> str:
    """A link token for this contact, good until `now` + `ttl`."""
    body = _BODY.pack(contact_id, int((db.require_aware(now) + ttl).timestamp()))
    return base64.urlsafe_b64encode(body + _mac(body)).rstrip(b"=").decode()


def read(token: str, now: datetime) -> int:
    """The contact that a token names. Raises `Invalid("link", "forged"|"expired")`."""
    try:
        raw = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
    except ValueError as fault:
        raise Invalid("link", "forged") from fault
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    if not hmac.compare_digest(mac, _mac(body)):
        raise Invalid("link", "forged")
    contact_id, until = _BODY.unpack(body)
    if datetime.fromtimestamp(until, UTC) < now:
        raise Invalid("link", "expired")
    return int(contact_id)


async def redeem(token: str, identity_id: int, *, now: datetime) -> bool:
    """Give an identity, with its conversations, to the contact that the token names.

    False when nothing changed: it is theirs already, or the identity's own contact is known for more than
    this identity, so that staff must look at both. Raises `Invalid`, and `NotFound` for an erased contact.
    """
    contact_id = read(token, now)
    async with db.transaction():
        await reads.lock("identity", identity_id)
        identity = await Identity.get(id=identity_id)
        contact = await Contact.get_or_none(id=contact_id)
        if contact is None or contact.erased_at is not None:
            raise NotFound(f"contact {contact_id}")
        if identity.contact_id == contact_id or not await _is_fresh(identity):
            return False
        before = identity.contact_id
        identity.contact_id, identity.verified = contact_id, True
        identity.data = {**identity.data, "linked_from": before}
        await identity.save(update_fields=["contact_id", "verified", "data"])
        await Conversation.filter(identity_id=identity_id).update(contact_id=contact_id)
        await happenings.record("contact.merged", contact_id=contact_id, other=before, now=now)
    return True


async def _is_fresh(identity: Identity) -> bool:
    """Whether the contact behind it is no more than this identity."""
    others = await Identity.filter(contact_id=identity.contact_id).exclude(id=identity.id).exists()
    return not others and not await ServiceRequest.filter(contact_id=identity.contact_id).exists()


def _mac(body: bytes) -> bytes:
    return hmac.new(derived_key("link"), body, hashlib.sha256).digest()[:_MAC_BYTES]
