"""The gate of outgoing messages: what each stands on, by law, and how a refusal is heard and reported.

Nothing reaches a provider past it. `outbox.put` asks for a permit and writes it into the row; a row without a
permit is never taken to be sent; and just before the request goes out an advertisement is judged once more,
for the hour may have come, or a refusal, while it waited.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from crm import advertising, company, consent, db, happenings
from crm.advertising import Advertiser, Deal, Decided, Verdict
from crm.errors import CrmError, NotFound
from crm.formats import show_phone
from crm.models import Consent

# reply: an answer; info: a plain notice of fact; opt_out and duty: what the law or a channel demands.
FREE: Final = frozenset({"reply", "info", "opt_out", "duty"})
AD: Final = "ad"
OF_ADVERTISING: Final = ("ad", "night_ad")


class Unlawful(CrmError):
    """The message may not be sent. `reason`: no_consent, refused, night (with `not_before`), no_mark,
    no_sender, no_contact, no_refusal, notices_only (AlimTalk), erased, mislabelled (an advertisement sent as
    something else)."""

    code = "unlawful"

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason, reason=reason, **values)
        self.reason = reason


@dataclass(frozen=True)
class Owed:
    """A decision about advertising that something is owed for."""

    consent_id: int
    contact_id: int
    identity_id: int | None
    purpose: str
    channel: str
    granted: bool
    at: datetime
    by: datetime


# --- before a message is put, and before it is sent


def admit(purpose: str, text: str) -> Verdict | None:
    """The verdict on whatever is no advertisement; None for one, which needs `advertising.judge`.

    Raises `ValueError` for a purpose that there is not.
    """
    if purpose == AD:
        return None
    if purpose not in FREE:
        raise ValueError(f"a message is for {sorted(FREE | {AD})}, not {purpose!r}")
    if text.lstrip().startswith(advertising.MARK):
        return Verdict(False, reason="mislabelled")
    return Verdict(True, basis=purpose)


async def permit(
    conversation_id: int, *, purpose: str, text: str, data: Mapping[str, Any] | None = None, now: datetime
) -> str:
    """What this message stands on, to be written with it. `data["goods"]`: the category it advertises.

    Raises `Unlawful`.
    """
    verdict = admit(purpose, text)
    if verdict is None:
        verdict = await _judge(conversation_id, text, str((data or {}).get("goods", "")), now)
    if not verdict.allowed:
        raise Unlawful(verdict.reason, not_before=verdict.not_before)
    return verdict.basis


async def at_sending(
    conversation_id: int, *, purpose: str, text: str, data: Mapping[str, Any], now: datetime
) -> Verdict:
    """The last word before the request to the provider."""
    try:
        return Verdict(
            True, basis=await permit(conversation_id, purpose=purpose, text=text, data=data, now=now)
        )
    except Unlawful as fault:
        return Verdict(False, reason=fault.reason, not_before=fault.values.get("not_before"))


async def allowed_on(contact_id: int, channel: str, *, text: str, goods: str = "", now: datetime) -> Verdict:
    """May this advertisement go to a contact on a channel? For choosing the way before anything is put."""
    return advertising.judge(
        channel=channel,
        text=text,
        sender=await _sender(),
        decisions=await _decisions(contact_id),
        deals=await _deals(contact_id) if goods else (),
        goods=goods,
        at=db.require_aware(now),
    )


async def _judge(conversation_id: int, text: str, goods: str, now: datetime) -> Verdict:
    rows = await db.fetch(
        "SELECT v.contact_id, v.channel, c.erased_at FROM conversation v"
        " JOIN contact c ON c.id = v.contact_id WHERE v.id = ?",
        conversation_id,
    )
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    if rows[0]["erased_at"] is not None:
        return Verdict(False, reason="erased")
    return await allowed_on(rows[0]["contact_id"], rows[0]["channel"], text=text, goods=goods, now=now)


async def _sender() -> Advertiser:
    profile = await company.get()
    contacts = (profile.phone, show_phone(profile.phone), profile.email)
    return Advertiser((profile.name, profile.name_en), tuple(one for one in contacts if one))


async def _decisions(contact_id: int) -> list[Decided]:
    rows = await Consent.filter(contact_id=contact_id, purpose__in=OF_ADVERTISING).order_by("at", "id")
    return [Decided(row.id, row.purpose, row.channel, row.granted, row.at) for row in rows]


async def _deals(contact_id: int) -> list[Deal]:
    """What the contact bought or rents, each with the last day of the deal."""
    rows = await db.fetch(
        "SELECT p.id, d.category, p.since, p.ended_on FROM possession p JOIN product d ON d.id = p.product_id"
        " WHERE p.contact_id = ?",
        contact_id,
    )
    days = [(row, db.read_day(row["ended_on"] or row["since"])) for row in rows]
    return [Deal(row["id"], row["category"], day) for row, day in days if day is not None]


# --- refusing


async def refuses_now(contact_id: int, channel: str) -> bool:
    """Has the contact refused advertising on this channel ('' for all), as things stand?"""
    decided = [one for one in await _decisions(contact_id) if one.purpose == AD]
    if channel:
        return advertising.refused(decided, channel)
    standing = {one.channel for one in decided if one.granted}
    return bool(decided) and all(advertising.refused(decided, each) for each in {*standing, ""})


async def refuse(
    contact_id: int,
    *,
    channel: str,
    source: str,
    identity_id: int | None = None,
    conversation_id: int | None = None,
    told: bool = False,
    now: datetime,
) -> None:
    """No advertising on this channel any more ('' for all), by day or night.

    Unless `told`, the handlers of `consent.changed` confirm it.
    """
    async with db.transaction():
        for purpose in reversed(OF_ADVERTISING):  # the one that is confirmed comes last
            await consent.record(
                contact_id,
                purpose,
                channel=channel,
                granted=False,
                source=source,
                identity_id=identity_id,
                conversation_id=conversation_id if purpose == "ad" else None,
                told=told or purpose != "ad",
                now=now,
            )


async def hear(conversation_id: int, text: str, *, source: str, now: datetime) -> bool:
    """If these words of a customer refuse advertising, write it down, whoever owns the conversation; the
    confirmation follows by itself. Returns whether they did."""
    if not advertising.refuses(text):
        return False
    rows = await db.fetch(
        "SELECT contact_id, identity_id, channel FROM conversation WHERE id = ?", conversation_id
    )
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    await refuse(
        rows[0]["contact_id"],
        channel="" if advertising.refuses_all(text) else rows[0]["channel"],
        source=source,
        identity_id=rows[0]["identity_id"],
        conversation_id=conversation_id,
        now=now,
    )
    return True


# --- what is owed afterwards


async def owed_reports(now: datetime, *, limit: int = 100) -> list[Owed]:
    """Decisions whose result the contact has not been told, oldest first; `by` is the last day for it."""
    db.require_aware(now)
    rows = (
        await Consent.filter(reported_at=None, purpose="ad", at__lte=now, contact__erased_at=None)
        .order_by("at", "id")
        .limit(limit)
    )
    return [_owed(row, advertising.report_by(row.at)) for row in rows]


async def reported(consent_id: int, now: datetime) -> bool:
    """The contact is told the result of their decision now; False when they were told before."""
    return bool(await Consent.filter(id=consent_id, reported_at=None).update(reported_at=now))


async def flag_reconfirmations(now: datetime, *, limit: int = 100) -> int:
    """Record `consent.reconfirmation_due` for standing consents of two years, once each; how many.

    Silence keeps a consent: what is due is only that the contact is asked again.
    """
    db.require_aware(now)
    # Two years are never fewer than 730 days: the exact day is judged below.
    rows = await _standing(now - timedelta(days=730), limit)
    due = [row for row in rows if advertising.reconfirm_at(row.reconfirmed_at or row.at) <= now]
    for row in due:
        async with db.transaction():
            if await Consent.filter(id=row.id, reconfirmed_at=row.reconfirmed_at).update(reconfirmed_at=now):
                await happenings.record(
                    "consent.reconfirmation_due", contact_id=row.contact_id, channel=row.channel,
                    consent_id=row.id, identity_id=row.identity_id, now=now,
                )  # fmt: skip
    return len(due)


async def _standing(before: datetime, limit: int) -> Sequence[Consent]:
    """Yeses to advertising in force, last confirmed before then, oldest first."""
    rows = await db.fetch(
        "SELECT c.id FROM consent c JOIN contact p ON p.id = c.contact_id"
        " WHERE c.purpose = 'ad' AND c.granted = ? AND COALESCE(c.reconfirmed_at, c.at) <= ?"
        " AND p.erased_at IS NULL AND NOT EXISTS (SELECT 1 FROM consent n"
        " WHERE n.contact_id = c.contact_id AND n.purpose = 'ad' AND n.channel IN (c.channel, '')"
        " AND (n.at > c.at OR n.at = c.at AND n.id > c.id))"
        " ORDER BY COALESCE(c.reconfirmed_at, c.at), c.id LIMIT ?",
        True, db.stamp(before), limit,
    )  # fmt: skip
    return await Consent.filter(id__in=[row["id"] for row in rows]).order_by("id")


def _owed(row: Consent, by: datetime) -> Owed:
    return Owed(row.id, row.contact_id, row.identity_id, row.purpose, row.channel, row.granted, row.at, by)
