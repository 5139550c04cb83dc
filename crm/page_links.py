"""Signed addresses of one conversation's page: whoever holds one reads and answers there, nothing else.

For a channel that cannot carry everything or cannot be written to now. The link names an identity, so it
shows what that channel's conversation is when it is opened, and it ends by itself.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from crm import db, vault
from crm.errors import Invalid
from crm.models import Identity

LIFE: Final = timedelta(days=7)
_MAC_BYTES: Final = 16
_BODY_BYTES: Final = 11  # 6 of the identity, 5 of the end in seconds since 1970


def token(identity_id: int, *, life: timedelta = LIFE, now: datetime) -> str:
    """A token of 36 characters (A-Z a-z 0-9 _ -). Send it only to the one behind this identity, or to an
    address that they have proven."""
    expires = int((db.require_aware(now) + life).timestamp())
    body = identity_id.to_bytes(6) + expires.to_bytes(5)
    return base64.urlsafe_b64encode(body + _mac(body)).decode()


async def open_page(given: str, *, now: datetime) -> Identity:
    """The identity whose conversation a token shows. Raises `Invalid("link", "forged"|"expired")`."""
    try:
        raw = base64.b64decode(given, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Invalid("link", "forged") from fault
    body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    if len(raw) != _BODY_BYTES + _MAC_BYTES or not hmac.compare_digest(mac, _mac(body)):
        raise Invalid("link", "forged")
    if datetime.fromtimestamp(int.from_bytes(body[6:]), UTC) <= db.require_aware(now):
        raise Invalid("link", "expired")
    identity = await Identity.get_or_none(id=int.from_bytes(body[:6]))
    if identity is None:
        raise Invalid("link", "expired")
    return identity


def _mac(body: bytes) -> bytes:
    return hmac.new(vault.derived_key("page"), body, hashlib.sha256).digest()[:_MAC_BYTES]
