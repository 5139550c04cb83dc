"""Acts of live support: inviting, taking, colleagues, the summary, recordings, the company's policy."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from bots.staff.acts import Arguments, Done, RowId, act
from crm import (
    company,
    conversations,
    live_after,
    live_asking,
    live_links,
    live_people,
    live_sessions,
    live_views,
    recordings,
)
from crm.actor import Actor, check
from crm.errors import Conflict
from crm.live_rules import LINK_TTL, check_policy
from crm.models import LiveParticipant, LiveSession, Staff


class Start(Arguments):
    """Whom to invite, and about what; now when no time is given."""

    contact: RowId
    conversation: RowId | None = None
    request: RowId | None = None
    purpose: Literal["repair", "explain"] = "repair"
    at: AwareDatetime | None = None


class One(Arguments):
    """A live session by its row id."""

    live: RowId


class Colleague(One):
    staff: RowId


class Guest(One):
    name: str = Field(min_length=1, max_length=60)


class Confirm(One):
    """Which suggested fields are right."""

    status: bool = False
    category: bool = False
    parts: bool = False
    next_visit: bool = False
    needs: bool = False
    tendencies: bool = False


class PolicyOf(Arguments):
    wait_minutes: int | None = None
    keep_days: int | None = None
    rate_minor: int | None = None


@act("live_start")
async def start(actor: Actor, args: Start, now: datetime) -> Done:
    """Invite a customer; the link goes out on their channel. `id` is the session to open."""
    made = await live_asking.create(
        actor,
        args.contact,
        purpose=args.purpose,
        request_id=args.request,
        conversation_id=args.conversation,
        scheduled_at=args.at,
        now=now,
    )
    return Done("live_schedule" if args.at else "live_start", result={"id": made.session.id})


@act("live_take")
async def take(actor: Actor, args: One, now: datetime) -> Done:
    """Come into a session; a waiting customer is let in."""
    await live_people.take(actor, args.live, now=now)
    return Done()


@act("live_cancel")
async def cancel(actor: Actor, args: One, now: datetime) -> Done:
    await live_sessions.cancel(actor, args.live, now=now)
    return Done("live_cancel")


@act("live_renew")
async def renew(actor: Actor, args: One, now: datetime) -> Done:
    """Another link for the customer, who changed the device; the one before opens nothing any more."""
    check(actor, "live.write")
    whole = await live_views.get(actor, args.live)
    if whole.session.status in ("ended", "missed", "cancelled"):
        raise Conflict("over")
    ttl = max(LINK_TTL, whole.session.expires_at - now)
    await live_links.renew(whole.customer.id, ttl=ttl, now=now)
    return Done("live_renew")


@act("live_invite")
async def invite(actor: Actor, args: Colleague, now: datetime) -> Done:
    place = await live_people.invite(actor, args.live, args.staff, now=now)
    who = await _call_in(actor, place, args.staff, now)
    return Done("live_invite", {"name": who.name})


@act("live_guest")
async def guest(actor: Actor, args: Guest, now: datetime) -> Done:
    """A link for somebody from outside."""
    place = await live_people.invite_guest(actor, args.live, args.name, now=now)
    return Done(result={"path": live_links.path_of(place)})


@act("live_transfer")
async def transfer(actor: Actor, args: Colleague, now: datetime) -> Done:
    place = await live_people.transfer(actor, args.live, args.staff, now=now)
    who = await _call_in(actor, place, args.staff, now)
    return Done("live_transfer", {"name": who.name})


async def _call_in(actor: Actor, place: LiveParticipant, staff_id: int, now: datetime) -> Staff:
    """Name the colleague in a note of the conversation, with the way in: it stands among their mentions."""
    who = await Staff.get(id=staff_id)
    session = await LiveSession.get(id=place.session_id)
    if session.conversation_id is not None:
        text = f"@{who.login} /desk/calls/{session.id}/room"
        await conversations.note(actor, session.conversation_id, text, now=now)
    return who


@act("live_end")
async def end(actor: Actor, args: One, now: datetime) -> Done:
    """Hang up for everybody; the session writes itself into the record."""
    check(actor, "live.write")
    await live_sessions.end(args.live, actor, now=now)
    return Done()


@act("live_confirm")
async def confirm(actor: Actor, args: Confirm, now: datetime) -> Done:
    """Put the right ones of the suggested fields into the request."""
    await live_after.confirm(actor, args.live, args.model_dump(exclude={"live"}), now=now)
    return Done("live_confirm")


@act("live_dismiss")
async def dismiss(actor: Actor, args: One, now: datetime) -> Done:
    await live_after.dismiss(actor, args.live, now=now)
    return Done("live_dismiss")


@act("recording_delete")
async def delete_recording(actor: Actor, args: One, now: datetime) -> Done:
    """Delete what was recorded of a session before its time."""
    await recordings.delete(actor, args.live, now=now)
    return Done("live_delete")


@act("live_policy")
async def set_policy(actor: Actor, args: PolicyOf, now: datetime) -> Done:
    """What the company decided: the wait, how long recordings are kept, the cost of a minute."""
    given = check_policy(args.model_dump(exclude_none=True))
    settings = (await company.get()).settings
    before = settings.get("live") if isinstance(settings.get("live"), dict) else {}
    await company.update(actor, {"settings": {"live": {**(before or {}), **given}}}, now=now)
    return Done("live_policy")
