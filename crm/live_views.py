"""What pages read of live sessions: lists for staff, one with everything in it, and whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm import live_wait
from crm.actor import Actor, check
from crm.errors import NotFound
from crm.live_rules import OPEN
from crm.models import Callback, LiveParticipant, LiveSession, ServiceRequest, Staff

LISTED = 50


@dataclass(frozen=True)
class Whole:
    """A session with its people; `contact`, `staff`, `request` and `conversation` are loaded."""

    session: LiveSession
    places: Sequence[LiveParticipant]

    def of_staff(self, staff_id: int) -> LiveParticipant | None:
        """The place of a staff member in it."""
        return next((p for p in self.places if p.staff_id == staff_id and p.revoked_at is None), None)

    @property
    def customer(self) -> LiveParticipant:
        return next(place for place in self.places if place.side == "customer")


async def get(actor: Actor, session_id: int) -> Whole:
    """One session. Raises `NotFound`, `Forbidden`."""
    check(actor, "live.read")
    return await whole(session_id)


async def whole(session_id: int) -> Whole:
    """One session, for who was let in already. Raises `NotFound`."""
    session = await LiveSession.get_or_none(id=session_id).select_related(
        "contact", "staff", "request__product", "request__assignee", "conversation"
    )
    if session is None:
        raise NotFound("live session")
    places = LiveParticipant.filter(session_id=session_id).order_by("id").limit(50)
    return Whole(session, await places.select_related("staff"))


async def open_ones(actor: Actor, *, limit: int = LISTED) -> list[LiveSession]:
    """Running and coming sessions: live, then who waits longest, then invited and scheduled."""
    check(actor, "live.read")
    order = {"live": 0, "waiting": 1, "invited": 2, "scheduled": 3}
    rows = await LiveSession.filter(status__in=OPEN).order_by("-id").limit(limit).select_related(
        "contact", "staff", "request"
    )  # fmt: skip
    return sorted(rows, key=lambda row: (order[row.status], _since(row)))


def _since(row: LiveSession) -> datetime:
    return row.waiting_since or row.scheduled_at or row.created_at


async def past(actor: Actor, *, before: int | None = None, limit: int = LISTED) -> list[LiveSession]:
    """Sessions that are over, newest first; `before` is the id of the last one shown."""
    check(actor, "live.read")
    rows = LiveSession.filter(status__in=("ended", "missed"))
    if before is not None:
        rows = rows.filter(id__lt=before)
    return await rows.order_by("-id").limit(limit).select_related("contact", "staff", "request")


async def of_contact(contact_id: int, *, limit: int = 5) -> list[LiveSession]:
    """A contact's sessions, newest first."""
    rows = LiveSession.filter(contact_id=contact_id).order_by("-created_at", "-id").limit(limit)
    return await rows.select_related("staff")


async def of_request(request_id: int, *, limit: int = 10) -> list[LiveSession]:
    """A request's sessions, newest first."""
    rows = LiveSession.filter(request_id=request_id).order_by("-id").limit(limit)
    return await rows.select_related("staff")


async def count_waiting(actor: Actor) -> int:
    """How many customers wait in waiting rooms."""
    check(actor, "live.read")
    return await LiveSession.filter(status="waiting").count()


async def missed_of(queue: Sequence[Callback]) -> set[int]:
    """Those of the callbacks that a session became which nobody came to."""
    if not queue:
        return set()
    contacts = {callback.contact_id for callback in queue}
    rows = LiveSession.filter(contact_id__in=list(contacts), callback_id__not_isnull=True)
    return {int(str(each)) for each in await rows.values_list("callback_id", flat=True)}


async def by_room(room: str) -> LiveSession:
    """The session that the media room calls so. Raises `NotFound`."""
    session = await LiveSession.get_or_none(room=room)
    if session is None:
        raise NotFound("live session")
    return session


async def standing(session: LiveSession, now: datetime) -> live_wait.Wait:
    """The waiting customer's place (crm/live_wait.py)."""
    return await live_wait.standing(session, now)


async def request_of(session: LiveSession) -> ServiceRequest | None:
    """The request of a session with its product."""
    if session.request_id is None:
        return None
    return await ServiceRequest.get_or_none(id=session.request_id).select_related("product", "assignee")


async def staff_of(session: LiveSession) -> Staff | None:
    """Who takes the session."""
    return await Staff.get_or_none(id=session.staff_id) if session.staff_id else None
