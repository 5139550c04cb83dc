"""Asking for live support: a session on a contact or a request, with everybody's links."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crm import (
    assignment,
    audit,
    identities,
    live_people,
    live_sessions,
    reads,
    threads,
    writes,
)
from crm.actor import Actor, check
from crm.checks import one_of
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.live_rules import AFTER_SCHEDULED, FURTHEST, GRACE, LINK_TTL, OPEN, PURPOSES, next_reminder
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
        customer = await live_people.place_in(session, "customer", contact.name, None)
        staff = await live_people.place_in(session, "staff", "", staff_id) if staff_id else None
        kind = "live.scheduled" if scheduled_at else "live.invited" if actor.is_staff else "live.requested"
        await live_sessions.happened(kind, session, actor, now)
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
