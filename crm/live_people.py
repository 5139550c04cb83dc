"""Who is in a live session: staff who come, colleagues and guests who are asked in, coming and going."""

from datetime import datetime, timedelta

from crm import audit, db, live_events, live_links, live_record, ownership, writes
from crm.actor import SYSTEM, Actor, check
from crm.checks import text
from crm.errors import Conflict, Invalid
from crm.live_rules import EMPTY_ROOM, LINK_TTL, OPEN
from crm.live_sessions import happened, held, move, set_values
from crm.models import LiveParticipant, LiveSession, Staff
from crm.zone import aware


async def place_in(
    session: LiveSession, side: str, name: str, staff_id: int | None, expires_at: datetime | None = None
) -> LiveParticipant:
    """A place with a link of its own; good as long as the session's unless `expires_at` says otherwise."""
    return await LiveParticipant.create(
        session_id=session.id, side=side, staff_id=staff_id, name=name[:100], salt=live_links.new_salt(),
        expires_at=expires_at or session.expires_at,
    )  # fmt: skip


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
    return place or await place_in(session, "staff", actor.name, actor.id)


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
            place = await place_in(session, "expert", colleague.name, staff_id)
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
        place = await place_in(session, "expert", name, None, max(session.expires_at, now + LINK_TTL))
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
            place = await place_in(session, "staff", colleague.name, staff_id)
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


async def joined(participant_id: int, now: datetime) -> None:
    """A participant is in the call (again). Nothing once it is over: the room may tell of it late."""
    async with writes.transaction():
        place = await LiveParticipant.get(id=participant_id)
        async with held(place.session_id) as session:
            await place.refresh_from_db()
            if session.status != "live" or (place.joined_at is not None and place.left_at is None):
                return
            place.joined_at, place.left_at = now, None
            await place.save(update_fields=["joined_at", "left_at"])
            if session.due_at is not None:
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
