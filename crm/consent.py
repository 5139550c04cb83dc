"""Consent: every decision is a row, and the newest of a purpose and channel holds."""

from datetime import datetime
from typing import Any

from crm import db, happenings
from crm.checks import one_of
from crm.models import Consent

# privacy_notice: was told what is kept and why. ad and night_ad need a separate, prior yes for each channel
# (정보통신망법 제50조); recording is asked before every recording.
PURPOSES = ("privacy_notice", "ad", "night_ad", "recording")


async def record(
    contact_id: int,
    purpose: str,
    *,
    channel: str = "",
    granted: bool,
    source: str,
    identity_id: int | None = None,
    conversation_id: int | None = None,
    told: bool = False,
    now: datetime,
) -> Consent:
    """Write down a decision and where it came from (`source`: e.g. `chat`, `staff:3`, `form:contact`).

    `identity_id`, `conversation_id`: who said so, and where. `told`: they are told the result in the same
    breath; otherwise a decision about advertising is reported later (crm/gate.py).
    """
    db.require_aware(now)
    one_of("purpose", purpose, PURPOSES)
    async with db.transaction():
        row = await Consent.create(
            contact_id=contact_id,
            purpose=purpose,
            channel=channel,
            granted=granted,
            source=source[:64],
            identity_id=identity_id,
            reported_at=now if told else None,
            at=now,
        )
        await happenings.record(
            "consent.changed",
            contact_id=contact_id,
            purpose=purpose,
            channel=channel,
            granted=granted,
            conversation_id=conversation_id,
            consent_id=row.id,
            told=told,
            now=now,
        )
    return row


async def holds(contact_id: int, purpose: str, *, channel: str = "") -> bool:
    """Is the newest decision for this purpose on this channel a yes? Nothing said is a no."""
    rows = await db.fetch(
        "SELECT granted FROM consent WHERE contact_id = ? AND purpose = ? AND channel = ?"
        " ORDER BY at DESC, id DESC LIMIT 1",
        contact_id,
        purpose,
        channel,
    )
    return bool(rows and rows[0]["granted"])


async def current(contact_id: int) -> list[dict[str, Any]]:
    """The decision in force of every purpose and channel, with its time and source."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in await Consent.filter(contact_id=contact_id).order_by("at", "id"):
        newest[row.purpose, row.channel] = {
            "purpose": row.purpose,
            "channel": row.channel,
            "granted": row.granted,
            "source": row.source,
            "at": row.at,
        }
    return list(newest.values())
