"""Due rows of live sessions: reminders, an offer after a long wait, sessions that were missed or left behind.

Each function is for a tick: idempotent, any number of processes may run it.
"""

from datetime import datetime

from crm import callbacks, db, live_sessions, ownership
from crm.actor import SYSTEM
from crm.live_rules import GIVEN_UP, next_reminder
from crm.models import Contact, LiveSession
from crm.zone import aware


async def remind(now: datetime, *, limit: int = 100) -> int:
    """Ask for the reminders that are due; how many sessions."""
    rows = await db.fetch(
        "SELECT id FROM live_session WHERE remind_at <= ? ORDER BY remind_at LIMIT ?",
        db.stamp(aware(now)),
        limit,
    )
    count = 0
    for row in rows:
        async with live_sessions.held(int(row["id"])) as session:
            due = session.remind_at
            if due is None or due > now or session.scheduled_at is None:
                continue
            count += session.status == "scheduled"
            if session.status == "scheduled":
                await live_sessions.happened(
                    "live.reminder_due", session, SYSTEM, now, reminder=int(due.timestamp())
                )
            await live_sessions.set_values(session, remind_at=next_reminder(session.scheduled_at, now))
    return count


async def look(now: datetime, *, limit: int = 100) -> int:
    """Offer an appointment to who waits too long; give up what nobody came to; end empty rooms. How many."""
    rows = await db.fetch(
        "SELECT id FROM live_session WHERE due_at <= ? ORDER BY due_at LIMIT ?", db.stamp(aware(now)), limit
    )
    count = 0
    for row in rows:
        async with db.transaction(), live_sessions.held(int(row["id"])) as session:
            if session.due_at is None or session.due_at > now:
                continue
            await _due(session, now)
            count += 1
    return count


async def _due(session: LiveSession, now: datetime) -> None:
    if session.status == "live":
        await live_sessions.end(session.id, SYSTEM, now=now)
    elif session.status == "waiting" and session.offered_at is None and session.waiting_since is not None:
        given_up = max(session.waiting_since + GIVEN_UP, now)
        await live_sessions.set_values(session, offered_at=now, due_at=given_up)
        await live_sessions.happened("live.offered", session, SYSTEM, now)
    elif session.status in ("scheduled", "invited", "waiting"):
        await _missed(session, now)
    else:
        await live_sessions.set_values(session, due_at=None)


async def _missed(session: LiveSession, now: datetime) -> None:
    """Nobody met: it becomes a callback, or a matter of the queue where no number is known.

    An invitation that the customer never opened was staff's to make and asks nothing of them.
    """
    came = session.waiting_since is not None
    await live_sessions.move(
        session, "missed", ended_at=now, ended_by=SYSTEM.ref, due_at=None, remind_at=None
    )
    wanted = came or session.scheduled_at is not None or not session.asked_by.startswith("staff")
    contact = await Contact.get(id=session.contact_id)
    reachable = contact.erased_at is None and not contact.blocked
    if wanted and reachable and contact.phone:
        callback = await callbacks.request(
            SYSTEM, contact.id, phone=contact.phone, conversation_id=session.conversation_id,
            request_id=session.request_id, now=now,
        )  # fmt: skip
        await live_sessions.set_values(session, callback_id=callback.id)
    elif wanted and reachable and session.conversation_id is not None:
        await ownership.hand_over(session.conversation_id, reason="live_missed", now=now)
    await live_sessions.happened("live.missed", session, SYSTEM, now, came=came)
