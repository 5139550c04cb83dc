"""Encryption at rest: keys derived from the installation's secret, and one key of its own a contact.

What is sealed for a contact can be read only while that contact's key exists; erasing a person destroys the
key (`forget`) and with it every sealed value, wherever it is kept or backed up with the database alone.
"""

import os
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm import db
from crm.errors import CrmError
from crm.models import ContactCipher

NONCE_BYTES: Final = 12  # AES-GCM, NIST SP 800-38D section 8.2.2
KEY_BYTES: Final = 32
SECRET_MIN_BYTES: Final = 16


class Locked(CrmError):
    """The vault has no secret, the secret is another one, or the sealed bytes were changed."""

    code = "locked"


_secret: bytes = b""


def use(secret: bytes) -> None:
    """Take the installation's secret (`SECRET_KEY`); every key is derived from it.

    Raises `Locked` for a secret shorter than 16 bytes.
    """
    global _secret
    if len(secret) < SECRET_MIN_BYTES:
        raise Locked(f"the secret is shorter than {SECRET_MIN_BYTES} bytes")
    _secret = secret


def derived_key(purpose: str, secret: bytes | None = None) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869). Raises `Locked` before `use`."""
    material = secret or _secret
    if not material:
        raise Locked("vault.use has not been called")
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"dangol/{purpose}".encode()).derive(material)


def seal(plain: bytes, *, purpose: str) -> bytes:
    """Encrypt with the installation's key of `purpose`."""
    return _encrypt(derived_key(purpose), plain, purpose.encode())


def unseal(sealed: bytes, *, purpose: str) -> bytes:
    """Decrypt what `seal` made. Raises `Locked` when it cannot be read."""
    return _decrypt(derived_key(purpose), sealed, purpose.encode())


async def seal_for(contact_id: int, plain: bytes, *, now: datetime) -> bytes:
    """Encrypt with the contact's own key, making the key at first use."""
    key = await _key_of(contact_id) or await _make_key(contact_id, now)
    return _encrypt(key, plain, _bound_to(contact_id))


async def unseal_for(contact_id: int, sealed: bytes) -> bytes | None:
    """Decrypt with the contact's own key; None once the key was destroyed."""
    key = await _key_of(contact_id)
    return None if key is None else _decrypt(key, sealed, _bound_to(contact_id))


async def forget(contact_id: int) -> bool:
    """Destroy the contact's key: nothing sealed for them can be read again. False if there was none."""
    return await db.execute("DELETE FROM contact_cipher WHERE contact_id = ?", contact_id) > 0


async def rewrap(old: bytes, new: bytes, *, limit: int = 500, after: int = 0) -> int | None:
    """Wrap the next `limit` contact keys with the new secret; the last contact done, None at the end."""
    rows = await ContactCipher.filter(contact_id__gt=after).order_by("contact_id").limit(limit)
    for row in rows:
        bound = _bound_to(row.contact_id)
        plain = _decrypt(derived_key("contact", old), bytes(row.wrapped_key), bound)
        row.wrapped_key = _encrypt(derived_key("contact", new), plain, bound)
        await row.save(update_fields=["wrapped_key"])
    return rows[-1].contact_id if rows else None


async def fits() -> bool:
    """Whether the installation's secret opens what is sealed here: the newest key of a contact, if any."""
    newest = await ContactCipher.all().order_by("-contact_id").first()
    try:
        return newest is None or await _key_of(newest.contact_id) is not None
    except Locked:
        return False


async def _key_of(contact_id: int) -> bytes | None:
    rows = await db.fetch("SELECT wrapped_key FROM contact_cipher WHERE contact_id = ?", contact_id)
    if not rows:
        return None
    return _decrypt(derived_key("contact"), bytes(rows[0]["wrapped_key"]), _bound_to(contact_id))


async def _make_key(contact_id: int, now: datetime) -> bytes:
    wrapped = _encrypt(derived_key("contact"), AESGCM.generate_key(KEY_BYTES * 8), _bound_to(contact_id))
    await db.execute(
        "INSERT INTO contact_cipher (contact_id, wrapped_key, created_at) VALUES (?, ?, ?)"
        " ON CONFLICT (contact_id) DO NOTHING",
        contact_id,
        wrapped,
        db.stamp(now),
    )
    key = await _key_of(contact_id)
    if key is None:
        raise Locked(f"no key for contact {contact_id}")
    return key


def _bound_to(contact_id: int) -> bytes:
    return f"contact:{contact_id}".encode()


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except InvalidTag as fault:
        raise Locked("sealed with another secret, or changed") from fault
