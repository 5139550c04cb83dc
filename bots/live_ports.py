"""What the media room is given of the CRM: who may sit where, consents, the timeline, recordings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from crm import live_consents, live_events, live_links, live_people, live_sessions, live_views, recordings
from crm.actor import SYSTEM, Actor
from crm.errors import CrmError, Invalid
from crm.models import LiveParticipant, LiveSession, Staff
from media.ports import Act, Consents, Journal, RecordingStore, Refused, Role, Seat, Segment, Tickets

RIGHTS: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"speak", "point", "record"}),
    "staff": frozenset({"speak", "point", "record", "control", "admit"}),
    "expert": frozenset({"speak", "point"}),
    "agent": frozenset({"speak"}),
}
# The room's acts as those of the timeline; what is not here is told by the CRM's own functions.
_MARKS = {"freeze": "frozen", "unfreeze": "thawed", "clear": "cleared"}
_CONTROL = {
    "requested": "control_asked", "granted": "control_agreed", "refused": "control_refused",
    "revoked": "control_stopped",
}  # fmt: skip
_RECORDING = {"asked": "recording_asked"}  # consents and files tell the rest


class LiveTickets:
    """Seats by the links of the CRM. Before a session began nobody sits: customers wait on their page."""

    async def resolve(self, token: str, browser: str, now: datetime) -> Seat:
        """The seat of a token whose browser entered before. Raises `Refused`."""
        try:
            place = await live_links.find(token, now=now)
        except Invalid as fault:
            codes = {"forged": "unknown_token", "expired": "expired", "revoked": "cancelled"}
            raise Refused(codes.get(fault.reason, "unknown_token")) from fault
        participant, session = place.participant, place.session
        if not live_links.is_bound_to(participant, browser):
            raise Refused("bound_elsewhere")
        if session.status != "live":
            over = {"ended": "ended", "missed": "ended", "cancelled": "cancelled"}
            raise Refused(over.get(session.status, "not_yet"))
        role = cast("Role", participant.side)
        return Seat(
            room=session.room,
            participant=str(participant.id),
            role=role,
            name=await shown_name(participant, session),
            lang=cast("Literal['ko', 'en']", session.locale if session.locale in ("ko", "en") else "ko"),
            rights=RIGHTS[role],
            expires_at=session.expires_at,
        )


async def shown_name(participant: LiveParticipant, session: LiveSession) -> str:
    """What the others read: a colleague's name in the customer's language."""
    if participant.staff_id is None:
        return participant.name
    staff = await Staff.get(id=participant.staff_id)
    return staff.name_en if session.locale == "en" and staff.name_en else staff.name


STROKES = 200  # strokes in hand that a process remembers
POINTS = 64  # of a stroke that the timeline keeps


class LiveJournal:
    """The timeline of a session, and what the room decides about it."""

    def __init__(self) -> None:
        self._strokes: dict[tuple[int, str, str], tuple[int, dict[str, Any]]] = {}

    async def record(self, room: str, acts: Sequence[Act]) -> None:
        """Write the acts of a room down, in order."""
        session = await live_views.by_room(room)
        for act in acts:
            await self._one(session, act)

    async def _one(self, session: LiveSession, act: Act) -> None:
        who = await _participant(session, act.participant)
        if act.kind == "joined" and who:
            await live_people.joined(who, act.at)
        elif act.kind == "left" and who:
            await live_people.left(who, act.at)
        elif act.kind == "opened":
            await live_sessions.set_mode(session.id, str(act.details.get("mode", "")), now=act.at)
        elif act.kind == "held":
            whom = await _participant(session, str(act.details.get("whom", "")))
            side = await LiveParticipant.get(id=whom) if whom else None
            if side is not None and side.side == "customer":
                await live_sessions.hold(session.id, on=bool(act.details.get("on")), now=act.at)
        elif act.kind == "pointed" and act.details.get("act") == "draw":
            await self._stroke(session, act, who)
        elif found := _event(act):
            kind, data = found
            await live_events.record(session.id, kind, participant_id=who, data=data, now=act.at)

    async def _stroke(self, session: LiveSession, act: Act, who: int | None) -> None:
        """A stroke is told in parts and stands on the timeline once."""
        mark = str(act.details.get("id", ""))
        points = [list(point) for point in act.details.get("points") or []]
        key = (session.id, act.participant, mark)
        known = self._strokes.get(key)
        if known is None:
            data = {name: act.details.get(name) for name in ("of", "track", "id")} | {
                "points": points[:POINTS]
            }
            event = await live_events.record(session.id, "mark", participant_id=who, data=data, now=act.at)
            if event is not None:
                self._strokes[key] = event.id, data
                if len(self._strokes) > STROKES:
                    del self._strokes[next(iter(self._strokes))]
            return
        event_id, data = known
        data["points"] = ([*data["points"], *points] if mark.startswith("pen") else points)[:POINTS]
        await live_events.grow(event_id, data)

    async def transfer(self, room: str, by: str, to: str, note: str, now: datetime) -> None:
        """Give the session to another staff member. Raises `Refused`."""
        session = await live_views.by_room(room)
        giver = await _actor(session, by)
        try:
            await live_people.transfer(giver, session.id, int(to), now=now)
        except (CrmError, ValueError) as fault:
            raise Refused("not_allowed") from fault

    async def ended(self, room: str, reason: str, now: datetime) -> None:
        """Write the session into the record; once."""
        session = await live_views.by_room(room)
        if session.status == "live":
            await live_sessions.end(session.id, SYSTEM, now=now)


def _event(act: Act) -> tuple[str, dict[str, Any]] | None:
    """The act as one of the timeline; None for what stands there already or is too fleeting."""
    details = dict(act.details)
    if act.kind == "pointed":
        kind = _MARKS.get(str(details.get("act")), "")
        return (kind, {"of": details.get("of", "")}) if kind else None
    if act.kind == "shared":
        track, on = details.get("track"), bool(details.get("on"))
        if track == "screen":
            return "screen_started" if on else "screen_stopped", {}
        return ("camera" if track == "camera" else "mic"), {"on": on}
    if act.kind == "control":
        kind = _CONTROL.get(str(details.get("state")), "")
        return (kind, {"scope": details.get("scope")}) if kind else None
    if act.kind == "recording":
        kind = _RECORDING.get(str(details.get("state")), "")
        return (kind, {}) if kind else None
    return None


class LiveConsents:
    """Who agreed to be recorded."""

    async def give(
        self, room: str, participant: str, *, agreed: bool, asking: bool = False, now: datetime
    ) -> None:
        session = await live_views.by_room(room)
        await live_consents.give(
            session.id, int(participant), "recording", granted=agreed, asking=asking, now=now
        )

    async def missing(self, room: str, participants: Sequence[str], now: datetime) -> Sequence[str]:
        session = await live_views.by_room(room)
        asked = [int(one) for one in participants if one.isdigit()]
        return [str(one) for one in await live_consents.missing(session.id, "recording", asked)]


class LiveRecordings:
    """Where recordings go: crm/recordings.py."""

    async def open(self, room: str, now: datetime) -> tuple[int, bytes]:
        session = await live_views.by_room(room)
        return await recordings.open_(session.id, now=now)

    async def unfinished(self, room: str, now: datetime) -> int | None:
        """The recording that goes on after the process that wrote it died."""
        session = await live_views.by_room(room)
        return await recordings.unfinished(session.id)

    async def key(self, recording: int) -> bytes | None:
        return await recordings.key_of(recording)

    async def keep(self, segment: Segment) -> None:
        taken = recordings.Segment(
            recording_id=segment.recording,
            participant_id=int(segment.participant) if segment.participant.isdigit() else None,
            track=segment.track,
            path=segment.path,
            size=segment.bytes,
            plain_size=segment.plain_bytes,
            sha256=segment.sha256,
            started_at=segment.started_at,
            duration_ms=segment.duration_ms,
            video="video" in segment.media,
            audio="audio" in segment.media,
            repaired=segment.repaired,
        )
        await recordings.keep(taken)

    async def close(self, recording: int, reason: str, now: datetime) -> None:
        await recordings.close(recording, reason, now=now)


def ports() -> tuple[Tickets, Journal, Consents, RecordingStore]:
    """The four ports that the CRM fills; the registry is bots/live_registry.py."""
    return LiveTickets(), LiveJournal(), LiveConsents(), LiveRecordings()


async def _participant(session: LiveSession, key: str) -> int | None:
    """The participant's number, if it is one of this session."""
    if not key.isdigit() or not await LiveParticipant.exists(id=int(key), session_id=session.id):
        return None
    return int(key)


async def _actor(session: LiveSession, key: str) -> Actor:
    """The staff member who sits there. Raises `Refused` for anybody else."""
    number = await _participant(session, key)
    place = await LiveParticipant.get(id=number).select_related("staff") if number else None
    if place is None or place.staff is None:
        raise Refused("not_allowed")
    return Actor("staff", place.staff.id, place.staff.role, place.staff.name)
