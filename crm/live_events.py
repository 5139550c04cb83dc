"""The acts of a live session, for its timeline: joined, pointed, froze, took a photo, switched a camera, …"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from crm import db, writes
from crm.errors import Invalid
from crm.models import LiveEvent

# Each with what its data hold. Coordinates are fractions of the picture, 0 to 1, from its top left.
KINDS: Final[Mapping[str, str]] = {
    "entered": "a participant opened the waiting room",
    "joined": "a participant is in the call",
    "left": "a participant left the call",
    "started": "the call began",
    "ended": "the call ended",
    "held": "staff put the customer on hold",
    "resumed": "staff came back from hold",
    "transferred": "another staff member took the call",
    "invited": "staff invited another participant",
    "camera": "a participant switched the camera on, off, to the front or to the back",
    "torch": "the customer's light was switched",
    "mic": "a participant muted or unmuted",
    "screen_started": "a participant shared a screen",
    "screen_stopped": "a participant stopped sharing a screen",
    "mark": "staff drew an arrow, a circle or a line on the picture",
    "cleared": "staff removed marks",
    "frozen": "staff froze the picture",
    "thawed": "the picture moves again",
    "photo": "a photo of the picture was saved, or a participant sent one",
    "file": "a participant sent another file",
    "guided": "staff showed the customer a page of ours",
    "recording_asked": "staff asked to record",
    "recording_agreed": "a participant agreed to recording; `by` `asking` when by asking for it",
    "recording_refused": "a participant refused recording",
    "recording_started": "recording began",
    "recording_stopped": "recording stopped",
    "control_asked": "staff asked to see or to control the customer's computer",
    "control_agreed": "the customer agreed to it",
    "control_refused": "the customer refused it",
    "control_stopped": "viewing or control ended",
    "mode": "the call goes from browser to browser, or through the server again",
}
DATA_LONGEST: Final = 4000  # characters of an event's data as JSON
A_SESSION: Final = 5000  # events kept of one session: what comes beyond is not written down


async def record(
    session_id: int,
    kind: str,
    *,
    now: datetime,
    participant_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> LiveEvent | None:
    """Write an act down, in the caller's transaction or one of its own. None once a session has too many.

    Raises `KeyError` for an unknown kind, `Invalid` for data that are too long.
    """
    KINDS[kind]
    given = dict(data or {})
    if len(str(given)) > DATA_LONGEST:
        raise Invalid("data", "too_long", longest=DATA_LONGEST)
    async with writes.transaction():
        rows = await db.fetch("SELECT count(*) AS n FROM live_event WHERE session_id = ?", session_id)
        if rows[0]["n"] >= A_SESSION:
            return None
        return await writes.insert(
            LiveEvent, session_id=session_id, participant_id=participant_id, kind=kind, data=given, at=now
        )


async def grow(event_id: int, data: Mapping[str, Any]) -> None:
    """A stroke went on: the same act with more of it."""
    await LiveEvent.filter(id=event_id).update(data=dict(data))


async def of(session_id: int, *, after: int = 0, limit: int = 1000) -> list[LiveEvent]:
    """The acts of a session in order, with who did them."""
    rows = LiveEvent.filter(session_id=session_id, id__gt=after).order_by("id").limit(limit)
    return await rows.select_related("participant")
