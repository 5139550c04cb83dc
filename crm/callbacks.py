"""Callbacks (콜백): customers who wish to be phoned, when, and what came of it."""

from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q

from crm import assignment, audit, db, happenings, hours, writes
from crm.actor import Actor, check
from crm.checks import one_of, text
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.formats import show_phone
from crm.models import Callback, CallbackAttempt, Contact, Staff
from crm.zone import aware

OUTCOMES = ("reached", "no_answer", "busy", "wrong_number")
TOPIC = "callback"  # the topic by which a team takes callbacks
WITHIN = timedelta(minutes=30)  # promised when asked for during business hours: business minutes
RETRY_MINUTES = 30  # business minutes after a try that reached nobody
TRIES = 3


async def request(
    actor: Actor,
    contact_id: int,
    *,
    phone: str,
    topic: str = "",
    conversation_id: int | None = None,
    request_id: int | None = None,
    preferred_at: datetime | None = None,
    now: datetime,
) -> Callback:
    """Queue a call to `phone`, due at `preferred_at` when that is open, else at the next open time.

    Without a preference it is due within 30 business minutes. A second wish of the same contact while one is
    due changes that one. Raises `Invalid` `phone`, or `preferred_at` `past`.
    """
    _may_ask(actor, contact_id)
    aware(now)
    phone = text("phone", phone, longest=20, required=True)
    topic = text("topic", topic, longest=500)
    if preferred_at is not None and aware(preferred_at, "preferred_at") < now - timedelta(minutes=1):
        raise Invalid("preferred_at", "past")
    if not await Contact.exists(id=contact_id):
        raise NotFound("contact")
    team = await assignment.team_for(TOPIC)
    due_at = await next_slot(
        preferred_at or now, team_id=team.id if team else None, asap=preferred_at is None
    )
    values: dict[str, Any] = {"phone": phone, "topic": topic, "due_at": due_at}
    values |= {"conversation_id": conversation_id, "request_id": request_id}
    async with db.transaction():
        # held first, so that a double click cannot queue two
        await db.execute(
            "UPDATE callback SET attempts = attempts WHERE contact_id = ? AND status = 'due'", contact_id
        )
        waiting = await Callback.filter(contact_id=contact_id, status="due").order_by("id").first()
        if waiting is None:
            callback = await Callback.create(contact_id=contact_id, created_at=now, **values)
        else:
            callback = waiting
            await callback.update_from_dict(values).save()
        chosen = await assignment.pick(team.id, now) if team and callback.assignee_id is None else None
        if chosen is not None:
            callback.assignee_id = chosen.id
            await callback.save(update_fields=["assignee_id"])
        await _happened("callback.requested", callback, actor, now, changed=waiting is not None)
        if actor.is_staff:
            await audit.record(
                actor, "callback.requested", "callback", callback.id, now=now, contact_id=contact_id
            )
    return callback


async def next_slot(at: datetime, *, team_id: int | None = None, asap: bool = True) -> datetime:
    """When a call asked for `at` can be made: the next open time, with `asap` within 30 business minutes."""
    calendar = await hours.load(team_id)
    if asap and calendar.is_open(at):
        return calendar.add_business_minutes(at, WITHIN // timedelta(minutes=1))
    return calendar.next_open(at) or aware(at)


async def due(
    actor: Actor,
    *,
    assignee_id: int | None = None,
    status: str = "due",
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Callback]:
    """Callbacks by due time with contact, assignee and request; `after` is (due_at, id) of the last."""
    check(actor, "request.read")
    query = Callback.filter(status=status)
    if assignee_id is not None:
        query = query.filter(assignee_id=assignee_id)
    if after is not None:
        query = query.filter(Q(due_at__gt=after[0]) | Q(due_at=after[0], id__gt=after[1]))
    return await query.order_by("due_at", "id").limit(limit).select_related("contact", "assignee", "request")


async def count_due(actor: Actor, *, now: datetime | None = None) -> int:
    """How many wait; with `now` only those whose time has come."""
    check(actor, "request.read")
    query = Callback.filter(status="due")
    return await (query.filter(due_at__lte=now) if now else query).count()


async def get(actor: Actor, callback_id: int) -> tuple[Callback, list[CallbackAttempt]]:
    """A callback and its attempts, oldest first. Raises `NotFound`."""
    check(actor, "request.read")
    callback = await Callback.get_or_none(id=callback_id).select_related("contact", "assignee", "request")
    if callback is None:
        raise NotFound("callback")
    return callback, await CallbackAttempt.filter(callback_id=callback_id).order_by("at", "id")


async def of_contact(contact_id: int, *, limit: int = 10) -> list[Callback]:
    """A contact's callbacks, newest first."""
    return await Callback.filter(contact_id=contact_id).order_by("-created_at", "-id").limit(limit)


async def attempt(actor: Actor, callback_id: int, outcome: str, note: str = "", *, now: datetime) -> Callback:
    """Write down a call: reached ends it, a wrong number gives it up, no answer and busy are tried again
    after 30 business minutes, three times at most. Raises `Conflict` `not_due`."""
    check(actor, "callback.write")
    one_of("outcome", outcome, OUTCOMES)
    note = text("note", note, longest=2000)
    calendar = await hours.load()
    async with db.transaction():
        held = await db.execute(
            "UPDATE callback SET attempts = attempts + 1 WHERE id = ? AND status = 'due'", callback_id
        )
        callback = await _after_hold(callback_id, held)
        await CallbackAttempt.create(
            callback_id=callback_id, staff_id=actor.id, outcome=outcome, note=note, at=now
        )
        callback.outcome = outcome
        if outcome == "reached":
            callback.status, callback.done_at = "done", now
        elif outcome == "wrong_number" or callback.attempts >= TRIES:
            callback.status, callback.done_at = "given_up", now
        else:
            callback.due_at = calendar.add_business_minutes(now, RETRY_MINUTES)
        await callback.save(update_fields=["outcome", "status", "done_at", "due_at"])
        kind = "callback.attempted" if callback.status == "due" else "callback.done"
        await _happened(
            kind, callback, actor, now, status=callback.status, outcome=outcome, attempts=callback.attempts
        )
        contact_id = callback.contact_id
        await audit.record(
            actor, "callback.attempted", "callback", callback_id, now=now, contact_id=contact_id
        )
    return callback


async def assign(actor: Actor, callback_id: int, staff_id: int | None, *, now: datetime) -> Callback:
    """Give a due callback to a staff member, or to nobody. Raises `Invalid` `staff_id` `inactive`."""
    check(actor, "callback.write")
    if staff_id is not None and not await Staff.exists(id=staff_id, active=True):
        raise Invalid("staff_id", "inactive")
    async with db.transaction():
        held = await db.execute(
            "UPDATE callback SET assignee_id = ? WHERE id = ? AND status = 'due'", staff_id, callback_id
        )
        callback = await _after_hold(callback_id, held)
        await _happened("callback.assigned", callback, actor, now, assignee_id=staff_id)
        await audit.record(actor, "callback.assigned", "callback", callback_id, now=now)
    return callback


async def reveal(actor: Actor, callback_id: int, *, now: datetime) -> str:
    """The number to dial, as it is spoken; that the actor looked is in the audit. Raises `NotFound`."""
    check(actor, "contact.reveal")
    async with writes.transaction():
        callback = await Callback.get_or_none(id=callback_id)
        if callback is None:
            raise NotFound("callback")
        await audit.record(
            actor, "contact.revealed", "callback", callback_id,
            now=now, contact_id=callback.contact_id, fields=["phone"],
        )  # fmt: skip
    return show_phone(callback.phone)


async def cancel(actor: Actor, callback_id: int, *, now: datetime) -> Callback:
    """Take a due callback off the queue; a contact only their own. Raises `Conflict` `not_due`."""
    callback = await Callback.get_or_none(id=callback_id)
    if callback is None or (actor.kind == "contact" and callback.contact_id != actor.id):
        raise NotFound("callback")
    if actor.kind != "contact":
        check(actor, "callback.write")
    async with db.transaction():
        held = await db.execute(
            "UPDATE callback SET status = 'cancelled' WHERE id = ? AND status = 'due'", callback_id
        )
        callback = await _after_hold(callback_id, held)
        await Callback.filter(id=callback_id).update(done_at=now)
        await _happened("callback.done", callback, actor, now, status="cancelled", outcome="")
        if actor.is_staff:
            await audit.record(actor, "callback.cancelled", "callback", callback_id, now=now)
    return callback


async def _after_hold(callback_id: int, held: int) -> Callback:
    callback = await Callback.get_or_none(id=callback_id)
    if callback is None:
        raise NotFound("callback")
    if not held:
        raise Conflict("not_due", status=callback.status)
    return callback


async def _happened(kind: str, callback: Callback, actor: Actor, now: datetime, **data: Any) -> None:
    await happenings.record(
        kind,
        now=now,
        contact_id=callback.contact_id,
        conversation_id=callback.conversation_id,
        request_id=callback.request_id,
        staff_id=actor.id if actor.is_staff else None,
        callback_id=callback.id,
        **data,
    )


def _may_ask(actor: Actor, contact_id: int) -> None:
    if actor.kind == "contact":
        if actor.id != contact_id:
            raise Forbidden("callback.write")
    else:
        check(actor, "callback.write")
