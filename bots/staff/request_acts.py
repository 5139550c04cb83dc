"""Acts on service requests and callbacks."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from bots.staff.acts import Arguments, Count, Done, RowId, Undo, act
from bots.staff.commands import Priority
from crm import callbacks, contacts, db, reads, requests
from crm.actor import Actor
from crm.errors import Invalid, NotFound
from crm.models import Contact, ServiceRequest, Staff

Status = Literal["received", "assigned", "in_progress", "waiting_customer", "resolved", "closed", "cancelled"]
Category = Literal["repair", "visit", "complaint", "question", "other"]


class One(Arguments):
    """A service request by its row id."""

    request: RowId


class Facts(Arguments):
    """What a request is about."""

    product_text: str = Field(default="", max_length=120)
    product: RowId | None = None
    possession: RowId | None = None
    symptom: str = Field(default="", max_length=4000)
    visit_from: AwareDatetime | None = None
    visit_to: AwareDatetime | None = None
    address: str = Field(default="", max_length=300)
    phone: str = Field(default="", max_length=30)
    category: Category = "repair"
    priority: Priority = "normal"


class OpenRequest(Facts):
    contact: RowId
    conversation: RowId | None = None
    files: list[str] = Field(default=[], max_length=10)


class Amend(One):
    """Only the given fields change."""

    product_text: str | None = Field(default=None, max_length=120)
    symptom: str | None = Field(default=None, max_length=4000)
    visit_from: AwareDatetime | None = None
    visit_to: AwareDatetime | None = None
    address: str | None = Field(default=None, max_length=300)
    phone: str | None = Field(default=None, max_length=30)
    category: Category | None = None


class Move(One):
    status: Status
    reason: str = Field(default="", max_length=2000)
    version: Count | None = None


class Resolve(One):
    reason: str = Field(default="", max_length=2000)


class AssignRequest(One):
    staff: RowId | None = None


class PriorityOf(One):
    priority: Priority


class Comment(One):
    text: str = Field(max_length=4000, min_length=1)
    files: list[str] = Field(default=[], max_length=10)


class Split(One):
    symptom: str = Field(min_length=1, max_length=4000)
    product_text: str = Field(default="", max_length=120)


class Link(One):
    number: str = Field(min_length=1, max_length=40)
    kind: Literal["related", "duplicate"] = "related"


class Unlink(One):
    other: RowId


class Attempt(Arguments):
    """One try to reach the customer by phone."""

    callback: RowId
    outcome: Literal["reached", "no_answer", "busy", "wrong_number"]
    note: str = Field(default="", max_length=2000)


class NewCallback(Arguments):
    contact: RowId
    phone: str = Field(default="", max_length=30)  # empty: the contact's own
    topic: str = Field(default="", max_length=500)
    at: AwareDatetime | None = None


class OneCallback(Arguments):
    callback: RowId


class AssignCallback(OneCallback):
    staff: RowId | None = None


@act("request_open")
async def open_request(actor: Actor, args: OpenRequest, now: datetime) -> Done:
    """Open a request for a contact; the phone is theirs when none is given."""
    contact = await Contact.get_or_none(id=args.contact)
    facts = args.model_dump(exclude={"contact", "conversation", "files", "product", "possession"})
    facts["phone"] = normal_phone(args.phone) or (contact.phone if contact else "")
    opened = await requests.open(
        actor,
        args.contact,
        conversation_id=args.conversation,
        product_id=args.product,
        possession_id=args.possession,
        files=args.files,
        now=now,
        **facts,
    )
    return Done("request_open", {"number": opened.number}, result={"id": opened.id, "number": opened.number})


@act("request_status")
async def move(actor: Actor, args: Move, now: datetime) -> Done:
    """Move a request along; the customer is told. The way back is offered where it is allowed."""
    before = await ServiceRequest.get_or_none(id=args.request)
    was = before.status if before else ""
    moved = await requests.change_status(
        actor, args.request, args.status, reason=args.reason, expected_version=args.version, now=now
    )
    after = sorted(requests.TRANSITIONS[moved.status], key=requests.STATUSES.index)
    result = {"status": moved.status, "next": after, "version": moved.version}
    return Done(f"request_status.{moved.status}", {"number": moved.number}, undo_of(was, moved), result)


@act("request_resolve")
async def resolve(actor: Actor, args: Resolve, now: datetime) -> Done:
    """Solve a request from wherever it stands, in one step for who is asked: it becomes one's own if it is
    nobody's, is worked on, and is resolved. The customer hears the last of it only."""
    async with db.transaction():
        if not await reads.lock("service_request", args.request):
            raise NotFound("request")
        request = await ServiceRequest.get(id=args.request)
        if request.status == "received" or (request.status in requests.OPEN and not request.assignee_id):
            request = await requests.assign(actor, args.request, actor.id, now=now)
        if request.status == "assigned":
            await requests.change_status(actor, args.request, "in_progress", now=now)
        moved = await requests.change_status(actor, args.request, "resolved", reason=args.reason, now=now)
    return Done("request_status.resolved", {"number": moved.number}, result={"status": moved.status})


def undo_of(was: str, moved: ServiceRequest) -> Undo | None:
    """The way back to `was`, where the transitions lead there; a reopening says why."""
    if was not in requests.TRANSITIONS.get(moved.status, ()) or was == moved.status:
        return None
    return Undo("request_status", {"request": moved.id, "status": was, "reason": "↩"})


@act("request_assign")
async def assign_request(actor: Actor, args: AssignRequest, now: datetime) -> Done:
    before = await ServiceRequest.get_or_none(id=args.request)
    was = before.assignee_id if before else None
    given = await requests.assign(actor, args.request, args.staff, now=now)
    who = await Staff.get_or_none(id=args.staff) if args.staff else None
    undo = Undo("request_assign", {"request": args.request, "staff": was}) if was != args.staff else None
    key = "request_assign" if who else "request_unassign"
    return Done(key, {"number": given.number, "name": who.name if who else ""}, undo)


@act("request_priority")
async def prioritise_request(actor: Actor, args: PriorityOf, now: datetime) -> Done:
    before = await ServiceRequest.get_or_none(id=args.request)
    changed = await requests.set_priority(actor, args.request, args.priority, now=now)
    undo = Undo("request_priority", {"request": changed.id, "priority": before.priority}) if before else None
    return Done("request_priority", {"number": changed.number}, undo)


@act("request_amend")
async def amend(actor: Actor, args: Amend, now: datetime) -> Done:
    changes = args.model_dump(exclude={"request"}, exclude_unset=True)
    if changes.get("phone"):
        changes["phone"] = normal_phone(changes["phone"])
    amended = await requests.amend(actor, args.request, changes, now=now)
    return Done("request_amend", {"number": amended.number})


@act("request_comment")
async def comment(actor: Actor, args: Comment, now: datetime) -> Done:
    await requests.comment(actor, args.request, args.text, files=args.files, now=now)
    return Done("request_comment")


@act("request_split")
async def split(actor: Actor, args: Split, now: datetime) -> Done:
    """Make a part of the matter a request of its own."""
    part = await requests.split(
        actor, args.request, args.symptom, product_text=args.product_text or None, now=now
    )
    return Done("request_split", {"number": part.number}, result={"id": part.id, "number": part.number})


@act("request_link")
async def link(actor: Actor, args: Link, now: datetime) -> Done:
    """Link to another request by its number, as written."""
    other = await requests.find(args.number)
    if other is None:
        raise Invalid("number", "no_request")
    await requests.link(actor, args.request, other.id, args.kind, now=now)
    return Done("request_link", {"number": other.number})


@act("request_unlink")
async def unlink(actor: Actor, args: Unlink, now: datetime) -> Done:
    await requests.unlink(actor, args.request, args.other, now=now)
    return Done("request_unlink")


@act("callback_request")
async def request_callback(actor: Actor, args: NewCallback, now: datetime) -> Done:
    contact = await Contact.get_or_none(id=args.contact)
    phone = normal_phone(args.phone) or (contact.phone if contact else "")
    made = await callbacks.request(
        actor, args.contact, phone=phone, topic=args.topic, preferred_at=args.at, now=now
    )
    return Done("callback_request", result={"id": made.id})


@act("callback_attempt")
async def attempt(actor: Actor, args: Attempt, now: datetime) -> Done:
    tried = await callbacks.attempt(actor, args.callback, args.outcome, args.note, now=now)
    return Done(f"callback_attempt.{tried.status}", {"n": tried.attempts})


@act("callback_reveal")
async def reveal_number(actor: Actor, args: OneCallback, now: datetime) -> Done:
    """The number to dial; that one looked is recorded first."""
    return Done(result={"value": await callbacks.reveal(actor, args.callback, now=now)})


@act("callback_assign")
async def assign_callback(actor: Actor, args: AssignCallback, now: datetime) -> Done:
    await callbacks.assign(actor, args.callback, args.staff, now=now)
    who = await Staff.get_or_none(id=args.staff) if args.staff else None
    return Done("callback_assign" if who else "callback_unassign", {"name": who.name if who else ""})


@act("callback_cancel")
async def cancel_callback(actor: Actor, args: OneCallback, now: datetime) -> Done:
    await callbacks.cancel(actor, args.callback, now=now)
    return Done("callback_cancel")


def normal_phone(written: str) -> str:
    """E.164 of a phone number as typed; "" stays. Raises `Invalid` `phone`."""
    if not written.strip():
        return ""
    number = contacts.normalise_phone(written)
    if number is None:
        raise Invalid("phone", "not_a_phone")
    return number
