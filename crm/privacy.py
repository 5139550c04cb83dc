"""Privacy: the notice at first contact, a person's own copy of their data, and erasure on demand.

Erasure (개인정보 보호법 제36조, 제21조) blanks a person's data everywhere and destroys their key, so that
what the audit holds of them cannot be read again. What other laws order to keep is set apart, sealed, and
deleted when its time is over; the answer to the person says so.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from crm import audit, company, consent, db, files, happenings, merging, reads, recordings, vault
from crm.actor import Actor, check
from crm.errors import NotFound
from crm.models import Contact, Possession, RetainedRecord, ServiceRequest
from crm.products import add_months

# Retention in months, and the rule that orders it.
KEEPS: Final = {
    "contract": (60, "전자상거래법 시행령 제6조: 계약·대금결제 기록 5년"),
    "complaint": (36, "전자상거래법 시행령 제6조: 소비자 불만·분쟁 기록 3년"),
    "consent": (6, "전자상거래법 시행령 제6조: 표시·광고 기록 6개월"),
}
PURPOSE = "retained"  # of the vault's key for what is kept


@dataclass(frozen=True)
class Erased:
    """What an erasure did: rows kept apart by kind, and until when the last of them is kept."""

    contact_id: int
    kept: dict[str, int]
    kept_until: datetime | None


async def notice_text(locale: str) -> str:
    """The company's privacy notice in a language, the other one when it has only that, '' without any."""
    profile = await company.get()
    texts = [profile.privacy_notice, profile.privacy_notice_en]
    wanted, other = reversed(texts) if locale == "en" else texts
    return wanted or other


async def notice(contact_id: int, *, channel: str, now: datetime) -> str | None:
    """The notice to show, once in a contact's life; None when they were told before.

    That they were told is written down with the channel, however many first messages arrive at once.
    """
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE contact SET privacy_noticed_at = ? WHERE id = ? AND privacy_noticed_at IS NULL"
            " RETURNING locale",
            db.stamp(now),
            contact_id,
        )
        if not rows:
            return None
        await consent.record(
            contact_id, "privacy_notice", channel=channel, granted=True, source="notice", now=now
        )
        await happenings.record("privacy.noticed", contact_id=contact_id, channel=channel, now=now)
        return await notice_text(rows[0]["locale"])


# What is copied for the person, and from which column the contact is known.
_EXPORTED: Final = {
    "identities": "SELECT channel, channel_account, external_id, display_name, created_at, last_seen_at"
    " FROM identity WHERE contact_id = ? ORDER BY id",
    "conversations": "SELECT id, channel, status, created_at, closed_at FROM conversation"
    " WHERE contact_id = ? ORDER BY id",
    "messages": "SELECT m.conversation_id, m.seq, m.direction, m.author, m.text, m.created_at FROM message m"
    " JOIN conversation v ON v.id = m.conversation_id"
    " WHERE v.contact_id = ? AND m.direction IN ('in', 'out') ORDER BY m.id",
    "mails": "SELECT m.conversation_id, m.seq, o.html FROM mail_original o"
    " JOIN message m ON m.id = o.message_id JOIN conversation v ON v.id = m.conversation_id"
    " WHERE v.contact_id = ? ORDER BY m.id",
    "files": "SELECT f.name, f.type, f.size, f.sha256, f.created_at FROM file f"
    " JOIN conversation v ON v.id = f.conversation_id WHERE v.contact_id = ? ORDER BY f.id",
    "requests": "SELECT number, category, status, product_text, symptom, address, phone, visit_from,"
    " visit_to, resolution, created_at, resolved_at, closed_at FROM service_request"
    " WHERE contact_id = ? ORDER BY id",
    "request_history": "SELECT r.number, e.kind, e.text, e.at FROM request_event e"
    " JOIN service_request r ON r.id = e.request_id WHERE r.contact_id = ? ORDER BY e.id",
    "ratings": "SELECT score, comment, at FROM rating WHERE contact_id = ? ORDER BY id",
    "callbacks": "SELECT phone, topic, status, due_at, outcome FROM callback WHERE contact_id = ?"
    " ORDER BY id",
    "possessions": "SELECT d.name, p.kind, p.since, p.months, p.serial_no, p.ended_on FROM possession p"
    " JOIN product d ON d.id = p.product_id WHERE p.contact_id = ? ORDER BY p.id",
    "consents": "SELECT purpose, channel, granted, source, at FROM consent WHERE contact_id = ? ORDER BY id",
    "looked_at": f"{reads.WITH_PARTS}SELECT act, at FROM audit_entry"
    " WHERE contact_id IN (SELECT id FROM part) ORDER BY id",
    "live_sessions": "SELECT purpose, status, scheduled_at, started_at, ended_at, rating, rating_comment,"
    " transcript, summary FROM live_session WHERE contact_id = ? ORDER BY id",
    "recordings": "SELECT f.track, f.plain_size, f.sha256, f.started_at, f.duration_ms FROM recording_file f"
    " JOIN recording r ON r.id = f.recording_id JOIN live_session s ON s.id = r.session_id"
    " WHERE s.contact_id = ? ORDER BY f.id",
    "proven": "SELECT kind, value, how, at FROM proof WHERE contact_id = ? ORDER BY id",
}


async def export(actor: Actor, contact_id: int, *, now: datetime) -> dict[str, Any]:
    """All that is kept about one person, as they may ask for (개인정보 보호법 제35조); JSON-ready, audited.

    Internal notes of staff are not the person's data and stay out. Raises `NotFound`.
    """
    check(actor, "contact.reveal")
    contact_id = await merging.resolve(contact_id)
    async with db.transaction():
        await audit.record(
            actor, "contact.exported", "contact", contact_id, now=now, contact_id=contact_id, fields=["*"]
        )
        own = await db.fetch(
            "SELECT name, phone, email, address, locale, preferred_channel, customer_since,"
            " privacy_noticed_at, created_at FROM contact WHERE id = ?",
            contact_id,
        )
        if not own:
            raise NotFound(f"contact {contact_id}")
        found = {name: await db.fetch(sql, contact_id) for name, sql in _EXPORTED.items()}
    return {"exported_at": now.isoformat(), "contact": _plain(own[0])} | {
        name: [_plain(row) for row in rows] for name, rows in found.items()
    }


async def erase(actor: Actor, contact_id: int, *, now: datetime) -> Erased:
    """Erase a person: one transaction, then the bytes of their files. Erasing twice changes nothing.

    Contacts that were merged are one person: all of it is erased, and they cannot be parted again. Raises
    `Forbidden`, `NotFound`.
    """
    check(actor, "contact.erase")
    db.require_aware(now)
    contact_id = await merging.resolve(contact_id)
    async with db.transaction():
        await _close_and_hold(contact_id, now)
        contact = await Contact.get_or_none(id=contact_id)
        if contact is None:
            raise NotFound(f"contact {contact_id}")
        if contact.erased_at is not None:
            return Erased(contact_id, dict.fromkeys(KEEPS, 0), None)
        kept = await _set_apart(contact, now)
        for sql in _ERASING:
            await db.execute(sql, contact_id)
        await db.execute(_ERASING_FILES, files.ERASED, contact_id, contact_id)
        for part in (contact_id, *await merging.parts_of(contact_id)):
            await db.execute(_ERASING_LABELS, part)
            await Contact.filter(id=part).update(**_BLANK, erased_at=now, updated_at=now)
            await vault.forget(part)
        await happenings.record("contact.erased", contact_id=contact_id, now=now)
        await audit.record(
            actor, "contact.erased", "contact", contact_id, now=now, contact_id=contact_id, fields=["*"]
        )
    while await files.sweep(now):
        pass
    while await recordings.sweep(now):
        pass
    counts = {kind: sum(row.kind == kind for row in kept) for kind in KEEPS}
    return Erased(contact_id, counts, max((row.keep_until for row in kept), default=None))


async def kept_facts(actor: Actor, record: RetainedRecord) -> dict[str, Any]:
    """What is kept apart of an erased person, for the dispute it is kept for."""
    check(actor, "contact.erase")
    return dict(json.loads(vault.unseal(bytes(record.sealed), purpose=PURPOSE)))


async def purge_kept(now: datetime) -> int:
    """Delete what need not be kept any longer; how many rows. For a nightly tick."""
    return await db.execute("DELETE FROM retained_record WHERE keep_until <= ?", db.stamp(now))


_BLANK: Final[dict[str, Any]] = {
    "name": "", "phone": "", "email": "", "address": "", "notes": "", "account_id": None, "verified": False,
    "customer_since": None, "preferred_channel": "",
}  # fmt: skip

_OF_CONTACT = "(SELECT id FROM conversation WHERE contact_id = ?)"
_OF_REQUESTS = "(SELECT id FROM service_request WHERE contact_id = ?)"
_MESSAGES = f"(SELECT id FROM message WHERE conversation_id IN {_OF_CONTACT})"
_ERASING: Final = (
    f"DELETE FROM training_candidate WHERE conversation_id IN {_OF_CONTACT}",
    f"DELETE FROM message_key WHERE message_id IN {_MESSAGES}",
    f"DELETE FROM mail_original WHERE message_id IN {_MESSAGES}",
    f"DELETE FROM request_key WHERE request_id IN {_OF_REQUESTS}",
    f"DELETE FROM mention WHERE conversation_id IN {_OF_CONTACT}",
    f"UPDATE outbox SET state = 'dead', error = 'erased' WHERE state IN ('waiting', 'taken', 'asleep')"
    f" AND conversation_id IN {_OF_CONTACT}",
    f"UPDATE outbox SET address = '' WHERE address <> '' AND conversation_id IN {_OF_CONTACT}",
    f"UPDATE inbox SET data = '{{}}', state = 'done' WHERE conversation_id IN {_OF_CONTACT}",
    "UPDATE message SET text = '', choices = '[]', cards = '[]', data = '{}', external_id = '',"
    " state = CASE state WHEN 'parked' THEN 'stored' ELSE state END,"
    f" in_reply_to = NULL WHERE conversation_id IN {_OF_CONTACT}",
    f"DELETE FROM dialogue_snapshot WHERE conversation_id IN {_OF_CONTACT}",
    f"UPDATE request_event SET text = '', data = '{{}}' WHERE request_id IN {_OF_REQUESTS}",
    "UPDATE service_request SET product_text = '', symptom = '', address = '', phone = '', resolution = '',"
    " unindexed = NULL"
    " WHERE contact_id = ?",
    "UPDATE callback_attempt SET note = '' WHERE callback_id IN"
    " (SELECT id FROM callback WHERE contact_id = ?)",
    "UPDATE callback SET phone = '', topic = '' WHERE contact_id = ?",
    "UPDATE callback SET status = 'cancelled' WHERE status = 'due' AND contact_id = ?",
    "UPDATE recording SET status = 'deleted', sealed_key = NULL, reason = 'erased', delete_at = NULL"
    " WHERE session_id IN (SELECT id FROM live_session WHERE contact_id = ?)",
    "UPDATE live_participant SET name = '', bound_hash = '', revoked_at = COALESCE(revoked_at, expires_at)"
    " WHERE session_id IN (SELECT id FROM live_session WHERE contact_id = ?)",
    "UPDATE live_event SET data = '{}' WHERE session_id IN"
    " (SELECT id FROM live_session WHERE contact_id = ?)",
    "DELETE FROM control_entry WHERE session_id IN (SELECT id FROM live_session WHERE contact_id = ?)",
    "UPDATE live_session SET transcript = '', summary = '{}', summary_state = '', rating_comment = ''"
    " WHERE contact_id = ?",
    "UPDATE live_session SET status = 'cancelled', due_at = NULL, remind_at = NULL"
    " WHERE status IN ('scheduled', 'invited', 'waiting', 'live') AND contact_id = ?",
    "UPDATE rating SET comment = '' WHERE contact_id = ?",
    "UPDATE service_request SET possession_id = NULL WHERE contact_id = ?",
    "DELETE FROM possession WHERE contact_id = ?",
    "DELETE FROM consent WHERE contact_id = ?",
    "DELETE FROM contact_key WHERE contact_id = ?",
    "DELETE FROM open_key WHERE contact_id = ?",
    "DELETE FROM timeline_entry WHERE contact_id = ?",
    "DELETE FROM one_time_code WHERE identity_id IN (SELECT id FROM identity WHERE contact_id = ?)",
    f"DELETE FROM proof WHERE contact_id IN ({reads.WITH_PARTS}SELECT id FROM part)",
    "UPDATE identity SET external_id = 'erased:' || id, display_name = '', data = '{}' WHERE contact_id = ?",
)
_ERASING_LABELS = "DELETE FROM labelling WHERE subject = 'contact' AND subject_id = ?"
_ERASING_FILES = (
    "UPDATE file SET owner = ?, message_id = NULL, conversation_id = NULL, request_id = NULL, name = '',"
    f" description = '' WHERE conversation_id IN {_OF_CONTACT} OR request_id IN {_OF_REQUESTS}"
)


async def _close_and_hold(contact_id: int, now: datetime) -> None:
    """The transaction's first statement: nothing of the person goes on, and nobody waits for an answer."""
    await db.execute(
        "UPDATE conversation SET status = 'closed', closed_at = ?, owner = 'bot', assignee_id = NULL,"
        " waiting_since = NULL, reply_due_at = NULL, returns_at = NULL, snoozed_until = NULL, unread = 0,"
        " last_message = '{}', handover_reason = '' WHERE contact_id = ?",
        db.stamp(now),
        contact_id,
    )


async def _set_apart(contact: Contact, now: datetime) -> list[RetainedRecord]:
    """Seal what the law orders to keep, with who it was, and return it."""
    who = {"name": contact.name, "phone": contact.phone, "email": contact.email, "address": contact.address}
    kept: list[RetainedRecord] = []
    for kind, facts_of in _FACTS.items():
        months, basis = KEEPS[kind]
        for reference, ended, facts in await facts_of(contact.id):
            until = datetime.combine(add_months(ended, months), time(), UTC)
            if until <= now:
                continue
            sealed = vault.seal(json.dumps({**who, **facts}, default=str).encode(), purpose=PURPOSE)
            kept.append(
                await RetainedRecord.create(
                    kind=kind, reference=reference, basis=basis, sealed=sealed, keep_until=until
                )
            )
    return kept


Facts = list[tuple[str, date, dict[str, Any]]]


async def _contracts(contact_id: int) -> Facts:
    """Purchases and rentals, counted from their end, or their start while there is none."""
    rows = await Possession.filter(contact_id=contact_id).select_related("product")
    return [
        (
            f"possession:{row.id}",
            row.ended_on or add_months(row.since, row.months or 0),
            {
                "product": row.product.name,
                "kind": row.kind,
                "since": row.since,
                "months": row.months,
                "ended_on": row.ended_on,
                "serial_no": row.serial_no,
            },
        )
        for row in rows
    ]


async def _complaints(contact_id: int) -> Facts:
    """Complaints with what was said about them, counted from their end."""
    rows = await ServiceRequest.filter(contact_id=contact_id, category="complaint")
    return [
        (
            row.number,
            (row.closed_at or row.resolved_at or row.updated_at).date(),
            {
                "product": row.product_text,
                "symptom": row.symptom,
                "resolution": row.resolution,
                "status": row.status,
                "opened": row.created_at,
            },
        )
        for row in rows
    ]


async def _consents(contact_id: int) -> Facts:
    """Decisions about advertising."""
    rows = await consent.current(contact_id)
    return [
        (f"consent:{contact_id}:{row['purpose']}:{row['channel']}", row["at"].date(), dict(row))
        for row in rows
        if row["purpose"] in ("ad", "night_ad")
    ]


_FACTS: Final[dict[str, Callable[[int], Awaitable[Facts]]]] = {
    "contract": _contracts,
    "complaint": _complaints,
    "consent": _consents,
}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
