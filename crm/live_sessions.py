"""Live sessions (실시간 상담): waited for, held, called off, ended. Reads: crm/live_views.py.

scheduled | invited -> waiting -> live -> ended; before it began also missed or cancelled. One is made in
crm/live_asking.py; who comes and goes is crm/live_people.py; what it leaves behind is crm/live_record.py.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from crm import (
    audit,
    company,
    db,
    happenings,
    live_events,
    live_record,
    reads,
    writes,
)
from crm.actor import SYSTEM, Actor, check
from crm.errors import Conflict, NotFound
from crm.live_rules import (
    BEFORE,
    EARLY,
    Policy,
    check_move,
    policy_of,
)
from crm.models import LiveParticipant, LiveSession
from crm.zone import aware


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


async def set_mode(session_id: int, mode: str, *, now: datetime) -> None:
    """How the media goes: `forward`, or `peer` (browser to browser, never recorded)."""
    async with held(session_id) as session:
        if session.mode != mode:
            await set_values(session, mode=mode)
            await live_events.record(session_id, "mode", data={"mode": mode}, now=now)


async def policy_in_force() -> Policy:
    """What the company decided about live support."""
    return policy_of((await company.get()).settings)
