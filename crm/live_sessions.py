"""Live sessions (실시간 상담): asked for, waited for, held, ended. Reads: crm/live_views.py.

scheduled | invited -> waiting -> live -> ended; before it began also missed or cancelled. Every change is in
this file; what a session leaves behind at its end is crm/live_record.py.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from crm import (
    assignment,
    audit,
    company,
    db,
    happenings,
    identities,
    live_events,
    live_links,
    live_record,
    ownership,
    reads,
    threads,
    writes,
)
from crm.actor import SYSTEM, Actor, check
from crm.checks import one_of, text
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.live_rules import (
    AFTER_SCHEDULED,
    BEFORE,
    EARLY,
    EMPTY_ROOM,
    FURTHEST,
    GRACE,
    LINK_TTL,
    OPEN,
    PURPOSES,
    Policy,
    check_move,
    next_reminder,
    policy_of,
)
from crm.models import Contact, Conversation, LiveParticipant, LiveSession, ServiceRequest, Staff
from crm.zone import aware

TOPIC: Final = {"repair": "repair", "explain": "sales"}  # the topic by which a team takes live support
ROOM_BYTES: Final = 18


@dataclass(frozen=True)
class Made:
    """A session with the places of the two who meet in it; `staff` is None until somebody takes it."""

    session: LiveSession
    customer: LiveParticipant
    staff: LiveParticipant | None


# --- asking for one


async def create(
    actor: Actor,
    contact_id: int,
    *,
    purpose: str = "repair",
    request_id: int | None = None,
    conversation_id: int | None = None,
    scheduled_at: datetime | None = None,
    staff_id: int | None = None,
    now: datetime,
) -> Made:
    """Make a live session and everybody's links. Staff who invite take it, unless `staff_id` names another.

    A contact who asks while one of theirs is open gets that one. The customer hears of it by the happening
    `live.invited`, `live.scheduled` or `live.requested` (asked for by themselves: the answer carries the
    link). Raises `Invalid` (`purpose`, `scheduled_at` `past` or `too_far`, `staff_id` `inactive`),
    `NotFound`, `Forbidden`, `Conflict("unreachable")` for a blocked or erased contact.
    """
    _may_ask(actor, contact_id)
    aware(now)
    one_of("purpose", purpose, PURPOSES)
    _check_time(scheduled_at, now)
    if staff_id is None and actor.is_staff:
        staff_id = actor.id
    async with writes.transaction():
        await reads.lock("contact", contact_id)
        contact = await Contact.get_or_none(id=contact_id)
        if contact is None:
            raise NotFound("contact")
        if contact.blocked or contact.erased_at is not None:
            raise Conflict("unreachable")
        if not actor.is_staff and (running := await _running(contact_id)):
            return running
        if staff_id is not None and not await Staff.exists(id=staff_id, active=True):
            raise Invalid("staff_id", "inactive")
        request = await _request(request_id, contact_id)
        conversation = await _conversation(contact, conversation_id, request, now)
        team = await assignment.team_for(TOPIC[purpose])
        expires = (scheduled_at + AFTER_SCHEDULED) if scheduled_at else now + LINK_TTL
        session = await LiveSession.create(
            room=secrets.token_urlsafe(ROOM_BYTES),
            contact_id=contact_id,
            request_id=request.id if request else None,
            conversation_id=conversation.id,
            staff_id=staff_id,
            team_id=team.id if team else None,
            purpose=purpose,
            status="scheduled" if scheduled_at else "invited",
            asked_by=actor.ref,
            locale=conversation.locale,
            first_seq=conversation.message_seq,
            scheduled_at=scheduled_at,
            remind_at=next_reminder(scheduled_at, now) if scheduled_at else None,
            due_at=(scheduled_at + GRACE) if scheduled_at else expires,
            expires_at=expires,
            created_at=now,
        )
        customer = await _place(session, "customer", contact.name, None)
        staff = await _place(session, "staff", "", staff_id) if staff_id else None
        kind = "live.scheduled" if scheduled_at else "live.invited" if actor.is_staff else "live.requested"
        await happened(kind, session, actor, now)
        if actor.is_staff:
            await audit.record(actor, kind, "live", session.id, now=now, contact_id=contact_id)
    return Made(session, customer, staff)


async def _running(contact_id: int) -> Made | None:
    found = await LiveSession.filter(contact_id=contact_id, status__in=OPEN).order_by("-id").first()
    if found is None or found.scheduled_at is not None:
        return None
    places = await LiveParticipant.filter(session_id=found.id, revoked_at=None).order_by("id")
    customer = next((place for place in places if place.side == "customer"), None)
    staff = next((place for place in places if place.side == "staff"), None)
    return Made(found, customer, staff) if customer else None


async def _request(request_id: int | None, contact_id: int) -> ServiceRequest | None:
    if request_id is None:
        return None
    request = await ServiceRequest.get_or_none(id=request_id)
    if request is None or request.contact_id != contact_id:
        raise NotFound("request")
    return request


async def _conversation(
    contact: Contact, conversation_id: int | None, request: ServiceRequest | None, now: datetime
) -> Conversation:
    """Where its chat stands: as told, the request's, the contact's newest, or one made for the call page."""
    wanted = conversation_id or (request.conversation_id if request else None)
    if wanted is not None:
        found = await Conversation.get_or_none(id=wanted)
        if found is None or found.contact_id != contact.id:
            raise NotFound("conversation")
        return found
    newest = await Conversation.filter(contact_id=contact.id).order_by("-last_message_at", "-id").first()
    if newest is not None:
        return newest
    identity = await identities.attach(contact.id, "web", "", f"call:{contact.id}", now=now)
    if identity is None:
        raise Conflict("unreachable")
    return await threads.reach(identity, now=now, locale=contact.locale)


async def _place(
    session: LiveSession, side: str, name: str, staff_id: int | None, expires_at: datetime | None = None
) -> LiveParticipant:
    return await LiveParticipant.create(
        session_id=session.id, side=side, staff_id=staff_id, name=name[:100], salt=live_links.new_salt(),
        expires_at=expires_at or session.expires_at,
    )  # fmt: skip


def _check_time(scheduled_at: datetime | None, now: datetime) -> None:
    if scheduled_at is None:
        return
    if aware(scheduled_at, "scheduled_at") <= now:
        raise Invalid("scheduled_at", "past")
    if scheduled_at > now + FURTHEST:
        raise Invalid("scheduled_at", "too_far", days=FURTHEST.days)


def _may_ask(actor: Actor, contact_id: int) -> None:
    if actor.kind != "contact":
        check(actor, "live.write")
    elif actor.id != contact_id:
        raise Forbidden("live.write")


# --- changing one


@asynccontextmanager
async def held(session_id: int) -> AsyncIterator[LiveSession]:
    """A session, held until the transaction's end. Raises `NotFound`."""
    async with db.transaction():
        session = await reads.held(LiveSession, session_id)
        if session is None:
            raise NotFound("live session")
        yield session


async def happened(kind: str, session: LiveSession, actor: Actor, now: datetime, **data: Any) -> None:
    """Record a happening about a session: references only."""
    await happenings.record(
        kind,
        now=now,
        contact_id=session.contact_id,
        conversation_id=session.conversation_id,
        request_id=session.request_id,
        staff_id=actor.id if actor.is_staff else session.staff_id,
        live_id=session.id,
        actor=actor.ref,
        **data,
    )


async def move(session: LiveSession, status: str, **values: Any) -> None:
    """Another status with what hangs on it. Raises `Conflict("not_allowed")`."""
    check_move(session.status, status)
    await set_values(session, status=status, **values)


async def set_values(session: LiveSession, **values: Any) -> None:
    """Write columns of a session that the caller holds."""
    session.update_from_dict(values)
    await writes.update(session, sorted(values))


async def wait(participant_id: int, now: datetime) -> LiveSession:
    """The customer is in the waiting room. Again changes nothing.

    Raises `Conflict`: `over`, or `not_yet` (with `opens_at`) long before a scheduled time.
    """
    aware(now)
    async with writes.transaction():
        place = await LiveParticipant.get(id=participant_id)
        async with held(place.session_id) as session:
            if session.status in ("waiting", "live"):
                return session
            if session.status not in BEFORE:
                raise Conflict("over", status=session.status)
            opens = session.scheduled_at - EARLY if session.scheduled_at else now
            if now < opens:
                raise Conflict("not_yet", opens_at=opens.isoformat())
            policy = await policy_in_force()
            since = session.waiting_since or now
            await move(session, "waiting", waiting_since=since, due_at=now + policy.wait, remind_at=None)
            await live_events.record(session.id, "entered", participant_id=participant_id, now=now)
            await happened("live.waiting", session, Actor("contact", session.contact_id), now)
    return session


async def step_out(participant_id: int, now: datetime) -> None:
    """The customer closed the page while waiting: the place in the queue stays until the link expires."""
    async with writes.transaction():
        place = await LiveParticipant.get(id=participant_id)
        async with held(place.session_id) as session:
            if session.status == "waiting" and place.side == "customer":
                await move(session, "invited", due_at=max(session.expires_at, now))
                await happened("live.stepped_out", session, Actor("contact", session.contact_id), now)


async def take(actor: Actor, session_id: int, *, now: datetime) -> LiveParticipant:
    """A staff member comes: the session is theirs and, once the customer is there too, live.

    Their place in it. A session of somebody else's becomes theirs only while nobody speaks; else they need
    an invitation (`invite`) or a transfer. Raises `Conflict`: `over`, `taken` (with `staff_id`).
    """
    check(actor, "live.write")
    aware(now)
    async with db.transaction(), held(session_id) as session:
        if session.status not in OPEN:
            raise Conflict("over", status=session.status)
        place = await LiveParticipant.filter(
            session_id=session_id, staff_id=actor.id, revoked_at=None
        ).order_by("id").first()  # fmt: skip
        if place is None and session.status == "live":
            raise Conflict("taken", staff_id=session.staff_id)
        if place is None or (place.side == "staff" and session.staff_id != actor.id):
            place = await _instead(session, actor, place)
        if session.status == "waiting" and place.side == "staff":
            await _begin(session, actor, now)
        await audit.record(actor, "live.entered", "live", session_id, now=now, contact_id=session.contact_id)
    return place


async def _instead(session: LiveSession, actor: Actor, place: LiveParticipant | None) -> LiveParticipant:
    """The actor in place of whoever was meant to come."""
    others = LiveParticipant.filter(session_id=session.id, side="staff", revoked_at=None)
    await others.exclude(staff_id=actor.id).update(revoked_at=session.created_at)
    await set_values(session, staff_id=actor.id)
    return place or await _place(session, "staff", actor.name, actor.id)


async def _begin(session: LiveSession, actor: Actor, now: datetime) -> None:
    later = now + timedelta(hours=12)
    await move(session, "live", started_at=now, due_at=None, expires_at=max(session.expires_at, later))
    await live_events.record(session.id, "started", now=now)
    await happened("live.started", session, actor, now)
    if session.conversation_id is not None:
        conversation = await ownership.locked(session.conversation_id)
        if conversation.owner != "staff" or conversation.assignee_id != actor.id:
            await ownership.take(conversation, actor, now)


async def invite(actor: Actor, session_id: int, staff_id: int, *, now: datetime) -> LiveParticipant:
    """Ask a colleague into the call as an expert; their place.

    Raises `Invalid` `staff_id`, `Conflict` `over`.
    """
    check(actor, "live.write")
    async with db.transaction(), held(session_id) as session:
        colleague = await _colleague(session, staff_id)
        place = await LiveParticipant.get_or_none(session_id=session_id, staff_id=staff_id, revoked_at=None)
        if place is None:
            place = await _place(session, "expert", colleague.name, staff_id)
        data = {"staff_id": staff_id}
        await live_events.record(session_id, "invited", data=data, now=now)
        await happened("live.expert_invited", session, actor, now, invited=staff_id)
        await audit.record(
            actor, "live.expert_invited", "live", session_id, now=now, contact_id=session.contact_id
        )
    return place


async def invite_guest(actor: Actor, session_id: int, name: str, *, now: datetime) -> LiveParticipant:
    """A place for somebody from outside (a maker's expert), by link alone. Raises as `invite`."""
    check(actor, "live.write")
    name = text("name", name, longest=60, required=True)
    async with db.transaction(), held(session_id) as session:
        if session.status not in OPEN:
            raise Conflict("over", status=session.status)
        place = await _place(session, "expert", name, None, max(session.expires_at, now + LINK_TTL))
        await live_events.record(session_id, "invited", now=now)
        await audit.record(
            actor, "live.guest_invited", "live", session_id, now=now, contact_id=session.contact_id
        )
    return place


async def transfer(actor: Actor, session_id: int, staff_id: int, *, now: datetime) -> LiveParticipant:
    """Give the session to a colleague, who becomes its staff side; the giver stays until they leave."""
    check(actor, "live.write")
    async with db.transaction(), held(session_id) as session:
        colleague = await _colleague(session, staff_id)
        await LiveParticipant.filter(session_id=session_id, side="staff").update(side="expert")
        place = await LiveParticipant.get_or_none(session_id=session_id, staff_id=staff_id, revoked_at=None)
        if place is None:
            place = await _place(session, "staff", colleague.name, staff_id)
        else:
            place.side = "staff"
            await place.save(update_fields=["side"])
        await set_values(session, staff_id=staff_id)
        await live_events.record(session_id, "transferred", data={"staff_id": staff_id}, now=now)
        await happened("live.transferred", session, actor, now, to=staff_id)
        await audit.record(
            actor, "live.transferred", "live", session_id, now=now, contact_id=session.contact_id
        )
    return place


async def _colleague(session: LiveSession, staff_id: int) -> Staff:
    if session.status not in OPEN:
        raise Conflict("over", status=session.status)
    colleague = await Staff.get_or_none(id=staff_id, active=True)
    if colleague is None:
        raise Invalid("staff_id", "inactive")
    return colleague


async def hold(session_id: int, *, on: bool, now: datetime) -> bool:
    """The customer waits with music, or is heard again; False when it was so already."""
    async with held(session_id) as session:
        if session.status != "live" or session.held == on:
            return False
        await set_values(session, held=on)
        await live_events.record(session_id, "held" if on else "resumed", now=now)
        await happened("live.held", session, SYSTEM, now, on=on)
    return True


async def cancel(actor: Actor, session_id: int, *, now: datetime) -> LiveSession:
    """Call a session off before it began; a contact only their own. Raises `Conflict` `not_allowed`."""
    async with db.transaction(), held(session_id) as session:
        if actor.kind == "contact" and actor.id != session.contact_id:
            raise NotFound("live session")
        if actor.kind != "contact":
            check(actor, "live.write")
        await move(session, "cancelled", ended_at=now, ended_by=actor.ref, due_at=None, remind_at=None)
        await happened("live.cancelled", session, actor, now)
        if actor.is_staff:
            await audit.record(
                actor, "live.cancelled", "live", session_id, now=now, contact_id=session.contact_id
            )
    return session


async def end(session_id: int, by: Actor, *, now: datetime) -> LiveSession:
    """The call is over for everybody: closed, and written into the record. Again changes nothing."""
    aware(now)
    async with db.transaction(), held(session_id) as session:
        if session.status == "ended":
            return session
        await move(session, "ended", ended_at=now, ended_by=by.ref, due_at=None, held=False)
        await live_record.close(session, by, now)
        await happened("live.ended", session, by, now, **await live_record.facts(session))
        if by.is_staff:
            await audit.record(by, "live.ended", "live", session_id, now=now, contact_id=session.contact_id)
    return session


# --- who is in the call


async def joined(participant_id: int, now: datetime) -> None:
    """A participant is in the call (again)."""
    async with writes.transaction():
        place = await LiveParticipant.get(id=participant_id)
        async with held(place.session_id) as session:
            await place.refresh_from_db()
            if place.joined_at is not None and place.left_at is None:
                return
            place.joined_at, place.left_at = now, None
            await place.save(update_fields=["joined_at", "left_at"])
            if session.status == "live" and session.due_at is not None:
                await set_values(session, due_at=None)
            await live_events.record(session.id, "joined", participant_id=participant_id, now=now)
            await happened("live.joined", session, SYSTEM, now, side=place.side)


async def left(participant_id: int, now: datetime) -> None:
    """A participant is not in the call any more; when nobody is, it ends in two minutes."""
    async with writes.transaction():
        place = await LiveParticipant.get(id=participant_id)
        async with held(place.session_id) as session:
            await place.refresh_from_db()
            if place.joined_at is None or place.left_at is not None:
                return
            await live_record.leave(place, now)
            await live_events.record(session.id, "left", participant_id=participant_id, now=now)
            if (
                session.status == "live"
                and not await LiveParticipant.filter(
                    session_id=session.id, joined_at__isnull=False, left_at=None
                ).exists()
            ):
                await set_values(session, due_at=now + EMPTY_ROOM)
            await happened("live.left", session, SYSTEM, now, side=place.side)


async def set_mode(session_id: int, mode: str, *, now: datetime) -> None:
    """How the media goes: `forward`, or `peer` (browser to browser, never recorded)."""
    async with held(session_id) as session:
        if session.mode != mode:
            await set_values(session, mode=mode)
            await live_events.record(session_id, "mode", data={"mode": mode}, now=now)


async def policy_in_force() -> Policy:
    """What the company decided about live support."""
    return policy_of((await company.get()).settings)
