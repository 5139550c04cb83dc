"""Contacts (고객): making, changing, finding and showing them. Personal data is masked until revealed."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from crm import audit, db, happenings, reads, search
from crm.actor import Actor, check
from crm.checks import one_of, only
from crm.checks import text as checked_text
from crm.errors import Conflict, Invalid, NotFound
from crm.formats import mask_address, mask_email, mask_phone, normalise_phone, show_phone
from crm.inbox_views import add_labels
from crm.models import Account, Contact, Proof
from crm.reads import Page, cursor, read_cursor
from crm.threads import clean

__all__ = [
    "block", "card", "create", "get", "list_contacts", "mask_address", "mask_email", "mask_phone",
    "normalise_phone", "note", "reveal", "show_phone", "unblock", "update",
]  # fmt: skip

LONGEST: Final = {"name": 100, "email": 254, "address": 300, "notes": 4000}
LOCALES = ("ko", "en")
# Where the contact would rather hear from us (crm/ways.py); "" for no wish.
PREFERRED = ("", "web", "telegram", "kakao", "alimtalk", "sms", "email")
CHANGEABLE = frozenset(
    {*LONGEST, "phone", "locale", "account_id", "customer_since", "verified", "preferred_channel"}
)
PERSONAL = frozenset({"name", "phone", "email", "address", "notes"})
SEARCHED = frozenset({"name", "phone", "email"})
REVEALED: Final[dict[str, Callable[[str], str]]] = {"phone": show_phone, "email": str, "address": str}
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")


async def create(actor: Actor, *, now: datetime, **values: Any) -> Contact:
    """A new contact with any of name, phone, email, address, locale, account_id, notes, customer_since,
    preferred_channel.

    Raises `Invalid` naming the field.
    """
    check(actor, "contact.write")
    db.require_aware(now)
    checked = await _checked(values)
    async with db.transaction():
        contact = await Contact.create(**checked, created_at=now, updated_at=now)
        await search.reindex_contact(contact)
        await happenings.record("contact.created", contact_id=contact.id, staff_id=_staff(actor), now=now)
        await _audit(actor, "contact.created", contact.id, checked, {}, now)
    return contact


async def update(actor: Actor, contact_id: int, changes: Mapping[str, Any], *, now: datetime) -> Contact:
    """Change fields of a contact; what is equal already is no change. Old and new values go sealed into the
    audit. Raises `NotFound`, `Invalid` naming the field, `Conflict("merged")` for part of another contact."""
    check(actor, "contact.write")
    db.require_aware(now)
    checked = await _checked(changes)
    async with db.transaction():
        contact = await _locked(contact_id)
        before = {name: getattr(contact, name) for name in checked}
        changed = {name: value for name, value in checked.items() if before[name] != value}
        if not changed:
            return contact
        if contact.verified and {"phone", "email"} & changed.keys() and not actor.is_staff:
            changed["verified"] = await _still_proven(contact, changed)
        contact.update_from_dict({**changed, "updated_at": now})
        await contact.save(update_fields=[*changed, "updated_at"])
        if SEARCHED & changed.keys():
            await search.reindex_contact(contact)
        await happenings.record(
            "contact.updated", contact_id=contact_id, staff_id=_staff(actor), fields=sorted(changed), now=now
        )
        await _audit(actor, "contact.updated", contact_id, changed, before, now)
    return contact


async def get(actor: Actor, contact_id: int) -> Contact:
    """The whole row, unmasked: for services and the bot, never for a page. Raises `NotFound`."""
    check(actor, "contact.read")
    contact = await Contact.get_or_none(id=contact_id)
    if contact is None:
        raise NotFound(f"contact {contact_id}")
    return contact


_CARD = (
    "SELECT c.id, c.name, c.phone, c.email, c.address, c.locale, c.verified, c.blocked, c.notes,"
    " c.customer_since, c.created_at, c.erased_at, c.account_id, c.merged_into_id,"
    " c.preferred_channel, a.name AS account_name,"
    " (SELECT COUNT(*) FROM service_request r WHERE r.contact_id = c.id) AS requests,"
    " (SELECT COUNT(*) FROM service_request r WHERE r.contact_id = c.id"
    " AND r.status NOT IN ('resolved', 'closed', 'cancelled')) AS open_requests,"
    " (SELECT COUNT(*) FROM possession p WHERE p.contact_id = c.id AND p.ended_on IS NULL) AS possessions"
    " FROM contact c LEFT JOIN account a ON a.id = c.account_id WHERE c.id = ?"
)


async def card(actor: Actor, contact_id: int) -> dict[str, Any]:
    """The desk's contact card, in one row and its labels; phone, e-mail and address masked, '' if unknown.

    Raises `NotFound`.
    """
    check(actor, "contact.read")
    rows = await db.fetch(_CARD, contact_id)
    if not rows:
        raise NotFound(f"contact {contact_id}")
    item = _masked(rows)[0]
    item["customer_since"] = _date(item["customer_since"])
    item["erased_at"] = db.read_stamp(item["erased_at"])
    await add_labels("contact", [item])
    return item


async def reveal(actor: Actor, contact_id: int, field: str, now: datetime) -> str:
    """The unmasked phone, email or address; that the actor looked is in the audit before they see it.

    Raises `Forbidden`, `NotFound`, `Invalid("field", "unknown")`.
    """
    check(actor, "contact.reveal")
    one_of("field", field, REVEALED)
    async with db.transaction():
        await audit.record(
            actor, "contact.revealed", "contact", contact_id, now=now, contact_id=contact_id, fields=[field]
        )
        contact = await Contact.get_or_none(id=contact_id)
        if contact is None:
            raise NotFound(f"contact {contact_id}")
    return REVEALED[field](getattr(contact, field))


async def note(actor: Actor, contact_id: int, text: str, *, now: datetime) -> Contact:
    """Put a note in front of the notes about a contact."""
    check(actor, "contact.write")
    text = checked_text("text", clean(text), longest=LONGEST["notes"], required=True)
    async with db.transaction():
        contact = await _locked(contact_id)
        before = contact.notes
        contact.notes = f"{text}\n{before}".strip()[: LONGEST["notes"]]
        contact.updated_at = now
        await contact.save(update_fields=["notes", "updated_at"])
        await happenings.record("contact.noted", contact_id=contact_id, staff_id=_staff(actor), now=now)
        await _audit(actor, "contact.noted", contact_id, {"notes": contact.notes}, {"notes": before}, now)
    return contact


async def block(actor: Actor, contact_id: int, *, now: datetime) -> Contact:
    """Spam: what they write is stored, nothing answers."""
    return await _set_blocked(actor, contact_id, True, now)


async def unblock(actor: Actor, contact_id: int, *, now: datetime) -> Contact:
    """Not spam after all."""
    return await _set_blocked(actor, contact_id, False, now)


_LIST = (
    "SELECT c.id, c.name, c.phone, c.email, c.address, c.locale, c.blocked, c.verified, c.created_at,"
    " a.name AS account_name FROM contact c LEFT JOIN account a ON a.id = c.account_id WHERE"
)


async def list_contacts(actor: Actor, *, query: str = "", after: str | None = None, limit: int = 50) -> Page:
    """Contacts, newest first; with a query the best matches only (one page). Masked as in `card`."""
    check(actor, "contact.read")
    if query.strip():
        return await _search(query, limit)
    where, args = " c.erased_at IS NULL AND c.merged_into_id IS NULL", []
    if after:
        at, row_id = read_cursor(after)
        where += " AND c.created_at <= ? AND (c.created_at < ? OR c.id < ?)"
        args = [db.stamp(at), db.stamp(at), row_id]
    rows = await db.fetch(f"{_LIST}{where} ORDER BY c.created_at DESC, c.id DESC LIMIT {limit + 1:d}", *args)
    items = _masked(rows[:limit])
    await add_labels("contact", items)
    more = len(rows) > limit
    return Page(items, cursor(items[-1]["created_at"], items[-1]["id"]) if more else None)


async def _search(query: str, limit: int) -> Page:
    ids = await search.find_contacts(query, limit=limit)
    if not ids:
        return Page()
    rows = await db.fetch(f"{_LIST} c.id IN ({db.placeholders(len(ids))})", *ids)
    by_id = {row["id"]: row for row in _masked(rows)}
    items = [by_id[contact_id] for contact_id in ids if contact_id in by_id]
    await add_labels("contact", items)
    return Page(items)


async def _set_blocked(actor: Actor, contact_id: int, blocked: bool, now: datetime) -> Contact:
    check(actor, "contact.block")
    async with db.transaction():
        contact = await _locked(contact_id)
        if contact.blocked == blocked:
            return contact
        contact.blocked, contact.updated_at = blocked, now
        await contact.save(update_fields=["blocked", "updated_at"])
        act = "contact.blocked" if blocked else "contact.unblocked"
        await happenings.record(act, contact_id=contact_id, staff_id=_staff(actor), now=now)
        await _audit(actor, act, contact_id, {"blocked": blocked}, {}, now)
    return contact


async def _still_proven(contact: Contact, changed: Mapping[str, Any]) -> bool:
    """Is what a customer typed anew one of the values they have proven?"""
    values = [changed.get(field) or getattr(contact, field) for field in ("phone", "email")]
    return await Proof.filter(contact_id=contact.id, value__in=[v for v in values if v]).exists()


async def _locked(contact_id: int) -> Contact:
    if not await reads.lock("contact", contact_id):
        raise NotFound(f"contact {contact_id}")
    contact = await Contact.get(id=contact_id)
    if contact.merged_into_id is not None:
        raise Conflict("merged", contact_id=contact.merged_into_id)
    return contact


async def _audit(
    actor: Actor,
    act: str,
    contact_id: int,
    new: Mapping[str, Any],
    old: Mapping[str, Any],
    now: datetime,
) -> None:
    """Only what staff do; personal values as [old, new], sealed."""
    if not actor.is_staff:
        return
    personal = {name: [old.get(name, ""), new[name]] for name in sorted(PERSONAL & new.keys())}
    await audit.record(
        actor, act, "contact", contact_id,
        now=now, contact_id=contact_id, fields=sorted(new), personal=personal,
    )  # fmt: skip


async def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    only(changes, CHANGEABLE)
    values = dict(changes)
    for field in LONGEST.keys() & values.keys():
        values[field] = checked_text(field, values[field], longest=LONGEST[field])
    if values.get("email") and not _EMAIL.match(values["email"]):
        raise Invalid("email", "not_an_email")
    if "phone" in values:
        values["phone"] = _phone(values["phone"])
    if "locale" in values:
        one_of("locale", values["locale"], LOCALES)
    if "preferred_channel" in values:
        one_of("preferred_channel", values["preferred_channel"], PREFERRED)
    if not isinstance(values.get("customer_since"), date | None):
        raise Invalid("customer_since", "not_a_date")
    if not isinstance(values.get("verified", False), bool):
        raise Invalid("verified", "unknown")
    account_id = values.get("account_id")
    if account_id is not None and not await Account.filter(id=account_id).exists():
        raise Invalid("account_id", "unknown")
    return values


def _phone(value: object) -> str:
    written = checked_text("phone", value, longest=40)
    number = normalise_phone(written) if written else ""
    if number is None:
        raise Invalid("phone", "not_a_phone")
    return number


def _masked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows as a page may have them."""
    for row in db.read_rows(rows, times=("created_at",), flags=("blocked", "verified")):
        row["phone"], row["email"] = mask_phone(row["phone"]), mask_email(row["email"])
        row["address"] = mask_address(row["address"])
    return rows


def _date(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _staff(actor: Actor) -> int | None:
    return actor.id if actor.is_staff else None
