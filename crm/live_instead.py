"""When nobody comes: the customer chooses to be phoned, or a visit, instead of waiting on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import callbacks, contacts, db, hours, live_sessions, requests
from crm.actor import Actor
from crm.errors import Conflict, Invalid
from crm.live_rules import BEFORE
from crm.models import Callback, Contact, LiveSession, ServiceRequest
from crm.zone import aware

DAYS_OFFERED = 5
SLOTS_A_DAY = 6


@dataclass(frozen=True)
class Day:
    """A day on which a visit is possible, with its first times."""

    slots: tuple[tuple[datetime, datetime], ...]


async def visit_days(session: LiveSession, now: datetime) -> list[Day]:
    """The next days with times for a visit; empty for a product explanation."""
    if session.purpose != "repair":
        return []
    calendar = await hours.load(session.team_id)
    found = []
    for day, closure in calendar.visit_days(now):
        if closure is None:
            slots = calendar.visit_slots(day, now=now)[:SLOTS_A_DAY]
            found.append(Day(tuple((slot.start, slot.end) for slot in slots)))
        if len(found) == DAYS_OFFERED:
            break
    return found


async def phone_known(session: LiveSession) -> str:
    """The customer's number as it is spoken; '' when we must ask."""
    contact = await Contact.get(id=session.contact_id)
    return contacts.show_phone(contact.phone) if contact.phone else ""


async def callback(session_id: int, phone: str, *, at: datetime | None, now: datetime) -> Callback:
    """Call me instead. `phone` may be empty when the contact's is known. Raises `Invalid` `phone`."""
    async with db.transaction():
        session, customer = await _give_up(session_id, now)
        contact = await Contact.get(id=session.contact_id)
        number = contacts.normalise_phone(phone) if phone.strip() else contact.phone
        if not number:
            raise Invalid("phone", "not_a_phone")
        made = await callbacks.request(
            customer, session.contact_id, phone=number, conversation_id=session.conversation_id,
            request_id=session.request_id, preferred_at=at, now=now,
        )  # fmt: skip
        await live_sessions.set_values(session, callback_id=made.id)
    return made


async def visit(session_id: int, start: datetime, *, now: datetime) -> ServiceRequest:
    """Come to me instead: the request's visit, or a new request for one. Raises `Invalid` `visit_from`."""
    async with db.transaction():
        session, customer = await _give_up(session_id, now)
        for day in await visit_days(session, now):
            for begins, ends in day.slots:
                if begins == aware(start, "visit_from"):
                    return await _book(session, customer, begins, ends, now)
        raise Invalid("visit_from", "not_offered")


async def _book(
    session: LiveSession, customer: Actor, begins: datetime, ends: datetime, now: datetime
) -> ServiceRequest:
    times: dict[str, Any] = {"visit_from": begins, "visit_to": ends}
    if session.request_id is not None:
        return await requests.amend(customer, session.request_id, times, now=now)
    contact = await Contact.get(id=session.contact_id)
    return await requests.open(
        customer, session.contact_id, conversation_id=session.conversation_id, category="visit",
        phone=contact.phone, address=contact.address, now=now, **times,
    )  # fmt: skip


async def _give_up(session_id: int, now: datetime) -> tuple[LiveSession, Actor]:
    """The customer waits no longer. Raises `Conflict` when the call has begun or is over."""
    async with live_sessions.held(session_id) as session:
        if session.status not in BEFORE:
            raise Conflict("over", status=session.status)
        customer = Actor("contact", session.contact_id)
        await live_sessions.cancel(customer, session_id, now=now)
        await session.refresh_from_db()
    return session, customer
