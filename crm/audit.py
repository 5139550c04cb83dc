"""Who did or looked at what, as a hash chain that an erasure leaves whole.

Entries hold references, field names and hashes. Personal values are sealed with the contact's own key
(crm/vault.py); the chain covers the sealed bytes, so it stays verifiable when the key is gone.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crm import db, reads, vault, writes
from crm.actor import Actor, check
from crm.models import AuditEntry

GENESIS = "0" * 64


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how many entries were walked and the first that does not fit, if any."""

    entries: int
    broken_at: int | None
    reason: str = ""

    @property
    def whole(self) -> bool:
        return self.broken_at is None


async def record(
    actor: Actor,
    act: str,
    subject: str,
    subject_id: int | None,
    *,
    now: datetime,
    contact_id: int | None = None,
    fields: Sequence[str] = (),
    personal: Mapping[str, Any] | None = None,
) -> int:
    """Append one act (`contact.revealed`, `request.status`, ...) and return its id.

    Joins the caller's transaction. Appending takes the head of the chain until commit, so call it last:
    who holds the head must not wait for another row. `personal` needs `contact_id` and is sealed.
    """
    db.require_aware(now)
    async with db.transaction():
        previous = await _take_head()
        sealed = await _sealed(contact_id, personal, now)
        row: dict[str, Any] = {
            "actor": actor.ref,
            "act": act,
            "subject": subject,
            "subject_id": subject_id,
            "contact_id": contact_id,
            "fields_changed": list(fields),
            "sealed": sealed,
            "at": now,
        }
        digest = _digest(row, previous)
        entry = await writes.insert(AuditEntry, **row, previous=previous, hash=digest)
        await db.execute("UPDATE audit_head SET hash = ?, entry_id = ? WHERE id = 1", digest, entry.id)
        number: int = entry.id
        return number


async def verify(*, batch: int = 500) -> Verdict:
    """Walk the whole chain, oldest first, and compare it with the head (which tells a cut tail)."""
    previous, last_id, count = GENESIS, 0, 0
    while rows := await AuditEntry.filter(id__gt=last_id).order_by("id").limit(batch):
        for entry in rows:
            if entry.previous != previous:
                return Verdict(count, entry.id, "previous")
            if entry.hash != _digest(_columns(entry), previous):
                return Verdict(count, entry.id, "hash")
            previous, last_id, count = entry.hash, entry.id, count + 1
    head = await db.fetch("SELECT entry_id, hash FROM audit_head WHERE id = 1")
    if head and head[0]["hash"] != previous:
        return Verdict(count, int(head[0]["entry_id"]), "head")
    if not head and count:
        return Verdict(count, last_id, "head")
    return Verdict(count, None)


async def personal_values(actor: Actor, entry: AuditEntry) -> dict[str, Any] | None:
    """The sealed values of an entry; None when it has none or the contact was erased."""
    check(actor, "audit.read")
    if entry.sealed is None or entry.contact_id is None:
        return None
    plain = await vault.unseal_for(entry.contact_id, bytes(entry.sealed))
    return None if plain is None else dict(json.loads(plain))


async def of_contact(actor: Actor, contact_id: int, *, limit: int = 100) -> list[AuditEntry]:
    """Who changed or looked at this contact, or at one that was merged into it, newest first."""
    check(actor, "audit.read")
    rows = await db.fetch(f"{reads.WITH_PARTS}SELECT id FROM part", contact_id)
    ids = [row["id"] for row in rows] or [contact_id]
    return await AuditEntry.filter(contact_id__in=ids).order_by("-at", "-id").limit(limit)


async def _take_head() -> str:
    """Lock the head until commit and return the hash it holds."""
    take = "UPDATE audit_head SET entry_id = entry_id WHERE id = 1 RETURNING hash"
    rows = await db.fetch(take)
    if not rows:
        await db.execute(
            "INSERT INTO audit_head (id, entry_id, hash) VALUES (1, 0, ?) ON CONFLICT (id) DO NOTHING",
            GENESIS,
        )
        rows = await db.fetch(take)
    return str(rows[0]["hash"])


async def _sealed(contact_id: int | None, personal: Mapping[str, Any] | None, now: datetime) -> bytes | None:
    if not personal:
        return None
    if contact_id is None:
        raise ValueError("personal values are sealed with a contact's key: contact_id is missing")
    text = json.dumps(dict(personal), ensure_ascii=False, sort_keys=True, default=str)
    return await vault.seal_for(contact_id, text.encode(), now=now)


def _columns(entry: AuditEntry) -> dict[str, Any]:
    return {
        "actor": entry.actor,
        "act": entry.act,
        "subject": entry.subject,
        "subject_id": entry.subject_id,
        "contact_id": entry.contact_id,
        "fields_changed": entry.fields_changed,
        "sealed": entry.sealed,
        "at": entry.at,
    }


def _digest(row: Mapping[str, Any], previous: str) -> str:
    """SHA-256 of the previous hash and this entry's columns in one canonical text."""
    sealed = row["sealed"]
    columns = {
        **row,
        "sealed": None if sealed is None else hashlib.sha256(bytes(sealed)).hexdigest(),
        "at": row["at"].astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return hashlib.sha256(f"{previous}\n{db.write_json(columns, canonical=True)}".encode()).hexdigest()
