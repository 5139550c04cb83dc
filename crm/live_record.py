"""What a live session leaves in the record at its end: who was there for how long, what it cost, a summary.

All of it is written in the transaction of the end, so that a session is either running or in the record.
"""

from datetime import datetime, timedelta
from typing import Any

from crm import company, control_log, db, live_summary, request_writes, threads, writes
from crm.actor import Actor
from crm.live_rules import cost, policy_of
from crm.models import LiveParticipant, LiveSession, Message

MESSAGES_READ = 500  # lines of the chat that a summary looks at


async def leave(place: LiveParticipant, now: datetime) -> None:
    """Add up the time that a participant was in the call."""
    if place.joined_at is None or place.left_at is not None:
        return
    place.left_at = now
    place.present_ms += max(0, (now - place.joined_at) // timedelta(milliseconds=1))
    await writes.update(place, ["left_at", "present_ms"])


async def close(session: LiveSession, by: Actor, now: datetime) -> None:
    """Everybody has left; cost, summary, and a line in the request's history and in the thread."""
    places = await LiveParticipant.filter(session_id=session.id).order_by("id")
    for place in places:
        await leave(place, now)
    policy = policy_of((await company.get()).settings)
    worked = sum(place.present_ms for place in places if place.side in ("staff", "expert") and place.staff_id)
    session.cost_minor = cost(worked, policy.rate_minor)
    await _summarise(session)
    await writes.update(session, ["cost_minor", "summary", "summary_state"])
    shown = await facts(session)
    if session.request_id is not None:
        await request_writes.note_event(session.request_id, "live", by, now, live_id=session.id, **shown)
    if session.conversation_id is not None:
        await threads.event(session.conversation_id, "live_ended", now=now, live_id=session.id, **shown)


async def _summarise(session: LiveSession) -> None:
    said = await spoken(session)
    found = live_summary.summarise(said, locale=session.locale)
    if found:
        session.summary, session.summary_state = found, "suggested"


async def spoken(session: LiveSession) -> list[live_summary.Said]:
    """What was written in the chat during the session and, once there is one, said by its transcript."""
    lines = live_summary.lines_of(session.transcript)
    if session.conversation_id is not None:
        rows = Message.filter(conversation_id=session.conversation_id, seq__gt=session.first_seq)
        found = await rows.filter(direction__in=("in", "out")).order_by("seq").limit(MESSAGES_READ)
        sides = {"contact": "customer", "staff": "staff"}
        lines += [
            live_summary.Said(sides[row.author], row.text)
            for row in found
            if row.text and row.author in sides
        ]
    return lines


async def facts(session: LiveSession) -> dict[str, Any]:
    """Numbers of a session for happenings, receipts and the timeline: no personal values."""
    kinds = await db.fetch(
        "SELECT kind, count(*) AS n FROM live_event WHERE session_id = ? GROUP BY kind", session.id
    )
    count = {row["kind"]: int(row["n"]) for row in kinds}
    people = await db.fetch(
        "SELECT count(*) AS n FROM live_participant WHERE session_id = ? AND joined_at IS NOT NULL",
        session.id,
    )
    recorded = await db.fetch("SELECT count(*) AS n FROM recording WHERE session_id = ?", session.id)
    return {
        "minutes": minutes(session),
        "participants": int(people[0]["n"]),
        "photos": count.get("photo", 0),
        "files": count.get("file", 0),
        "marks": count.get("mark", 0),
        "screens": count.get("screen_started", 0),
        "controlled": len(await control_log.sources(session.id)),
        "recorded": int(recorded[0]["n"]),
        "cost_minor": session.cost_minor,
    }


def minutes(session: LiveSession) -> int:
    """Begun minutes from the start to the end; 0 before it began."""
    if session.started_at is None or session.ended_at is None:
        return 0
    return -(-int((session.ended_at - session.started_at).total_seconds()) // 60)
