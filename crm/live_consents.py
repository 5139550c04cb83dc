"""What participants of a live session agreed to: recording, and what the desktop agent may do.

Recording needs a yes of every side that is there, asked before it begins (개인정보 보호법 제15조;
announced, as 통신비밀보호법 제3조 wants it of conversations with others present).
A refusal holds until they agree again.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from crm import consent, control_log, db, happenings, live_events
from crm.checks import one_of
from crm.errors import Conflict, NotFound
from crm.models import LiveConsent, LiveParticipant, LiveSession

KINDS: Final = ("recording", "view", "control", "clipboard", "files")


async def give(
    session_id: int,
    participant_id: int,
    kind: str,
    *,
    granted: bool,
    asking: bool = False,
    now: datetime,
) -> LiveConsent:
    """Keep a participant's decision. A customer's word on recording also stands among the contact's consents.

    `asking`: they agreed by asking for it, after the page had told them so; the timeline says which.

    Raises `NotFound` for a participant of another session, `Conflict("over")` after the end.
    """
    one_of("kind", kind, KINDS)
    db.require_aware(now)
    async with db.transaction():
        await db.execute("UPDATE live_session SET held = held WHERE id = ?", session_id)
        session = await LiveSession.get_or_none(id=session_id)
        participant = await LiveParticipant.get_or_none(id=participant_id, session_id=session_id)
        if session is None or participant is None:
            raise NotFound("participant")
        if session.status in ("ended", "missed", "cancelled"):
            raise Conflict("over")
        row = await LiveConsent.create(
            session_id=session_id, participant_id=participant_id, kind=kind, granted=granted, at=now
        )
        if kind == "recording":
            act = "recording_agreed" if granted else "recording_refused"
            data = {"by": "asking"} if asking else {}
            await live_events.record(session_id, act, participant_id=participant_id, data=data, now=now)
            if participant.side == "customer":
                await consent.record(
                    session.contact_id, "recording", channel="live", granted=granted,
                    source=f"live:{session_id}", told=True, now=now,
                )  # fmt: skip
        else:
            await control_log.append(session_id, f"{kind}_{'yes' if granted else 'no'}", now=now)
        await happenings.record(
            "live.consented", contact_id=session.contact_id, live_id=session_id, what=kind,
            granted=granted, side=participant.side, now=now,
        )  # fmt: skip
    return row


async def holding(session_id: int, kind: str) -> dict[int, bool]:
    """The decision in force of every participant who made one, by participant."""
    rows = await db.fetch(
        "SELECT participant_id, granted FROM live_consent WHERE session_id = ? AND kind = ? ORDER BY id",
        session_id,
        kind,
    )
    return {row["participant_id"]: bool(row["granted"]) for row in rows}


async def missing(session_id: int, kind: str, participant_ids: Collection[int]) -> list[int]:
    """Those of `participant_ids` who have not agreed, in order."""
    given = await holding(session_id, kind)
    return sorted(one for one in set(participant_ids) if not given.get(one, False))
