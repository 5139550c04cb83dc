"""Whose is this identity? Proofs of who somebody is, and what follows from them.

Words prove nothing: a phone number or e-mail that was typed only makes a suggestion. What proves is in `HOW`.
A proven value joins the identity's contact to another when exactly one other contact is certain to be its
owner: it proved the same value itself, or staff entered it and no channel ever wrote as that contact.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from crm import audit, db, happenings, merging, reads, search, vault
from crm.actor import SYSTEM, Actor, check
from crm.checks import one_of
from crm.errors import CrmError, Invalid, NotFound
from crm.formats import normalise_phone
from crm.models import Contact, Identity, OneTimeCode, Proof, SpentLink

HOW: Final = {
    "channel": "the channel vouches that the number is the sender's own (Telegram's contact share)",
    "code": "a one-time code sent to the address",
    "link": "a signed address from a channel that is linked already",
    "visitor": "the signed token of the embedding site",
}
KINDS: Final = ("phone", "email", "visitor")
LIKELY: Final = 10  # other contacts with the same value that are looked at

CODE_DIGITS: Final = 6
CODE_LIFE: Final = timedelta(minutes=10)
CODE_TRIES: Final = 5
CODES_AN_HOUR: Final = 5  # for one asker, and to one address: nobody is rung up by strangers

LINK_LIFE: Final = timedelta(hours=24)
_MAC_BYTES: Final = 16


@dataclass(frozen=True)
class Linked:
    """Whose the identity is now; `merge_id` when two contacts became one; `suggested` are for staff."""

    contact_id: int
    merge_id: int | None = None
    suggested: tuple[int, ...] = ()


@dataclass(frozen=True)
class Code:
    """A code to be sent to `target` and shown nowhere else; good until `expires_at`."""

    kind: str
    target: str
    digits: str
    expires_at: datetime


@dataclass(frozen=True)
class Tried:
    """What became of a typed code. `result`: right, wrong (with `tries_left`), used_up, or none (no code is
    in force)."""

    result: str
    tries_left: int = 0
    linked: Linked | None = None


class TooMany(CrmError):
    """Too many codes were asked for; `minutes` until the next may be."""

    code = "too_many"


# --- proving


async def prove(identity_id: int, kind: str, value: str, *, how: str, now: datetime) -> Linked:
    """The one behind this identity has proven a value to be theirs (see the caller for how).

    Raises `NotFound`, `Invalid` for a value that is none of its kind.
    """
    db.require_aware(now)
    one_of("how", how, HOW)
    value = _normalised(kind, value)
    async with db.transaction():
        identity = await _locked(identity_id)
        contact = await Contact.get(id=identity.contact_id)
        others = await _proven_others(contact.id, kind, value)
        await _write_down(identity, contact, kind, value, how, now)
        certain, likely = await _owners(contact.id, kind, value)
        if len(certain) != 1 or others:
            return Linked(contact.id, suggested=tuple(certain + likely))
        journal = await merging.merge(SYSTEM, certain[0], contact.id, proof=how, now=now)
        return Linked(certain[0], journal.id, tuple(likely))


async def vouch(identity_id: int, visitor: str, *, phone: str = "", email: str = "", now: datetime) -> Linked:
    """The embedding site says, signed, that this browser is its visitor of that number, with phone or e-mail
    that it knows. What of it is malformed proves nothing."""
    linked = None
    for kind, value in (("visitor", visitor), ("phone", phone), ("email", email)):
        try:
            _normalised(kind, value)
        except Invalid:
            continue
        linked = await prove(identity_id, kind, value, how="visitor", now=now)
    return linked or Linked((await Identity.get(id=identity_id)).contact_id)


async def proven(contact_id: int, kind: str) -> list[str]:
    """The values of a kind that a contact has proven, newest first."""
    rows = await Proof.filter(contact_id=contact_id, kind=kind).order_by("-at", "-id")
    return [row.value for row in rows]


async def _locked(identity_id: int) -> Identity:
    if not await reads.lock("identity", identity_id):
        raise NotFound(f"identity {identity_id}")
    return await Identity.get(id=identity_id)


def _normalised(kind: str, value: str) -> str:
    one_of("kind", kind, KINDS)
    value = value.strip()
    if kind == "phone":
        number = normalise_phone(value)
        if number is None:
            raise Invalid("phone", "not_a_phone")
        return number
    if kind == "email" and not (value.count("@") == 1 and "." in value.partition("@")[2]):
        raise Invalid("email", "not_an_email")
    if not value or len(value) > 254:
        raise Invalid(kind, "required" if not value else "too_long")
    return value.lower() if kind == "email" else value


async def _proven_others(contact_id: int, kind: str, value: str) -> bool:
    """Has this contact proven another value already? Numbers change hands: then staff decide."""
    return await Proof.filter(contact_id=contact_id, kind=kind).exclude(value=value).exists()


async def _write_down(
    identity: Identity, contact: Contact, kind: str, value: str, how: str, now: datetime
) -> None:
    await db.execute(
        "INSERT INTO proof (contact_id, identity_id, kind, value, how, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (contact_id, kind, value) DO UPDATE SET at = excluded.at, how = excluded.how",
        contact.id, identity.id, kind, value, how, db.stamp(now),
    )  # fmt: skip
    changed = ["verified", "updated_at"]
    if kind in ("phone", "email") and not getattr(contact, kind):
        setattr(contact, kind, value)
        changed.append(kind)
    if kind == "visitor" or getattr(contact, kind).lower() == value:
        contact.verified = True
    contact.updated_at = now
    await contact.save(update_fields=changed)
    await search.reindex_contact(contact)
    await Identity.filter(id=identity.id).update(verified=True)
    await happenings.record(
        "identity.proven", contact_id=contact.id, channel=identity.channel, how=how, now=now
    )


async def _owners(contact_id: int, kind: str, value: str) -> tuple[list[int], list[int]]:
    """Other living contacts with this value: those certain to own it, and those that only say so."""
    told = f"OR c.{kind} = ?" if kind in ("phone", "email") else ""
    rows = await db.fetch(
        "SELECT c.id, EXISTS (SELECT 1 FROM proof p WHERE p.contact_id = c.id AND p.kind = ? AND p.value = ?)"
        " AS proved, EXISTS (SELECT 1 FROM identity i WHERE i.contact_id = c.id) AS wrote FROM contact c"
        f" WHERE (c.id IN (SELECT contact_id FROM proof WHERE kind = ? AND value = ?) {told})"
        " AND c.id <> ? AND c.merged_into_id IS NULL AND c.erased_at IS NULL ORDER BY c.id LIMIT ?",
        kind, value, kind, value, *([value] if told else []), contact_id, LIKELY,
    )  # fmt: skip
    certain = [int(row["id"]) for row in rows if row["proved"] or not row["wrote"]]
    return certain, [int(row["id"]) for row in rows if int(row["id"]) not in certain]


# --- one-time codes


async def issue_code(identity_id: int, kind: str, target: str, *, now: datetime) -> Code:
    """A code for an address that somebody says is theirs; the caller has it sent there, and only there.

    A new code ends the one before. Raises `TooMany`, `NotFound`, `Invalid`.
    """
    db.require_aware(now)
    one_of("kind", kind, ("phone", "email"))
    target = _normalised(kind, target)
    async with db.transaction():
        await _locked(identity_id)
        await _refuse_flood(identity_id, kind, target, now)
        digits = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        await OneTimeCode.filter(identity_id=identity_id, used_at=None).update(used_at=now, sealed=None)
        await OneTimeCode.create(
            identity_id=identity_id,
            kind=kind,
            target=target,
            hash=_hash(identity_id, target, digits),
            created_at=now,
            expires_at=now + CODE_LIFE,
        )
    return Code(kind, target, digits, now + CODE_LIFE)


async def try_code(identity_id: int, typed: str, *, now: datetime) -> Tried:
    """A code was typed. The try counts whatever becomes of it; the right one proves the address.

    Never raises for a wrong code: the caller's transaction must commit the counted try.
    """
    db.require_aware(now)
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE one_time_code SET tries = tries + 1 WHERE identity_id = ? AND used_at IS NULL"
            " AND expires_at > ? AND tries < ? RETURNING id, kind, target, hash, tries",
            identity_id, db.stamp(now), CODE_TRIES,
        )  # fmt: skip
        if not rows:
            return await _no_code(identity_id, now)
        row = rows[0]
        digits = "".join(ch for ch in typed if ch.isdecimal() and ch.isascii())
        if not hmac.compare_digest(row["hash"], _hash(identity_id, row["target"], digits)):
            left = CODE_TRIES - int(row["tries"])
            return Tried("wrong" if left else "used_up", left)
        await OneTimeCode.filter(id=row["id"]).update(used_at=now, sealed=None)
        linked = await prove(identity_id, row["kind"], row["target"], how="code", now=now)
        return Tried("right", linked=linked)


async def _no_code(identity_id: int, now: datetime) -> Tried:
    spent = OneTimeCode.filter(
        identity_id=identity_id, used_at=None, expires_at__gt=now, tries__gte=CODE_TRIES
    )
    return Tried("used_up" if await spent.exists() else "none")


async def _refuse_flood(identity_id: int, kind: str, target: str, now: datetime) -> None:
    since = now - timedelta(hours=1)
    for asked in ({"identity_id": identity_id}, {"kind": kind, "target": target}):
        recent = (
            await OneTimeCode.filter(**asked, created_at__gt=since)
            .order_by("-created_at")
            .limit(CODES_AN_HOUR)
        )
        if len(recent) == CODES_AN_HOUR:
            wait = recent[-1].created_at + timedelta(hours=1) - now
            raise TooMany(minutes=max(1, -(-int(wait.total_seconds()) // 60)))


def _hash(identity_id: int, target: str, digits: str) -> str:
    told = f"{identity_id}\0{target}\0{digits}".encode()
    return hmac.new(vault.derived_key("one-time-code"), told, hashlib.sha256).hexdigest()


# --- signed links


async def link_for(actor: Actor, contact_id: int, *, life: timedelta = LINK_LIFE, now: datetime) -> str:
    """A token of 43 characters that joins whoever opens it on another channel to this contact, once.

    It fits a Telegram `/start` (64 of A-Z a-z 0-9 _ -). Give it only to the contact: on a channel that is
    theirs, or printed and handed over. What staff issue is audited.
    """
    check(actor, "contact.merge")
    expires = int((db.require_aware(now) + life).timestamp())
    body = contact_id.to_bytes(6) + expires.to_bytes(5) + secrets.token_bytes(5)
    if actor.is_staff:
        await audit.record(
            actor, "contact.link_issued", "contact", contact_id, now=now, contact_id=contact_id
        )
    return base64.urlsafe_b64encode(body + _mac(body)).decode().rstrip("=")


async def open_link(identity_id: int, token: str, *, now: datetime) -> Linked:
    """The one behind this identity opened a link. Raises `Invalid("link", "forged"|"expired"|"used")`,
    `NotFound`, and `Conflict` when the contact is erased."""
    contact_id, expires, digest = _read_link(token)
    if expires <= db.require_aware(now):
        raise Invalid("link", "expired")
    async with db.transaction():
        identity = await _locked(identity_id)
        contact_id = await merging.resolve(contact_id)
        if identity.contact_id == contact_id:
            return Linked(contact_id)
        spent = await db.fetch(
            "INSERT INTO spent_link (digest, contact_id, expires_at) VALUES (?, ?, ?)"
            " ON CONFLICT (digest) DO NOTHING RETURNING digest",
            digest, contact_id, db.stamp(expires),
        )  # fmt: skip
        if not spent:
            raise Invalid("link", "used")
        journal = await merging.merge(SYSTEM, contact_id, identity.contact_id, proof="link", now=now)
        await Identity.filter(id=identity_id).update(verified=True)
        return Linked(contact_id, journal.id)


def _read_link(token: str) -> tuple[int, datetime, str]:
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Invalid("link", "forged") from fault
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != 16 or not hmac.compare_digest(mac, _mac(body)):
        raise Invalid("link", "forged")
    expires = datetime.fromtimestamp(int.from_bytes(body[6:11]), UTC)
    return int.from_bytes(body[:6]), expires, hashlib.sha256(body).hexdigest()


def _mac(body: bytes) -> bytes:
    return hmac.new(vault.derived_key("link"), body, hashlib.sha256).digest()[:_MAC_BYTES]


async def sweep(now: datetime) -> int:
    """Forget codes of yesterday and links that are over anyway; how many rows."""
    await OneTimeCode.filter(expires_at__lte=now).update(sealed=None)
    codes = await OneTimeCode.filter(expires_at__lte=now - timedelta(days=1)).delete()
    return int(codes + await SpentLink.filter(expires_at__lte=now).delete())
