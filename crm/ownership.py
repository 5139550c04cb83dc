"""Who speaks in a conversation: the bot, or a person. Every change of it is in this file.

A conversation with staff has an assignee, or waits in a team's queue without one. `waiting_since` says that
the customer is owed a person's answer; `returns_at` is set exactly while a person owns the conversation and
owes nothing, and is the time at which it goes back to the bot by itself. A closed conversation is the bot's.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crm import assignment, audit, db, happenings, hours, open_search, reads, sla
from crm.actor import Actor, check
from crm.errors import Conflict, Invalid, NotFound
from crm.models import Conversation, ServiceRequest, Staff, Team
from crm.threads import event, return_time

# All that the bot may send while a person owns the conversation, each with the reason. `ad` is never here.
EXCEPTIONS: Final = {
    "info": "a plain notice of fact, such as a request's new status",
    "opt_out": "the law wants a refusal of advertising confirmed (정보통신망법 제50조 제7항)",
    "duty": "a channel demands an answer to every message (Kakao's skill server)",
}
# The columns that `release` changes.
RELEASED = (
    "owner", "assignee_id", "waiting_since", "reply_due_at", "returns_at", "handover_reason", "misses",
)  # fmt: skip
# How the message is marked (its `data`) that tells the customer who has joined.
JOINED: Final = {"notice": "taken_over"}
OPEN_REQUEST = ("received", "assigned", "in_progress", "waiting_customer")


@dataclass(frozen=True)
class Handover:
    """Where a customer who asked for a person stands. `position` 1 is next; `opens_at` while closed."""

    position: int
    open_now: bool
    opens_at: datetime | None
    assignee_name: str

    @property
    def ahead(self) -> int:
        """How many wait before this customer."""
        return self.position - 1


def may_bot_speak(conversation: Conversation, purpose: str = "reply") -> bool:
    """May the bot (or the system) send a message of this purpose into the conversation now?"""
    return conversation.owner == "bot" or purpose in EXCEPTIONS


async def may_send(conversation_id: int, *, author: str, purpose: str = "reply") -> bool:
    """The gate before every message to a customer.

    A person may always write; the bot while it owns the conversation, otherwise only `EXCEPTIONS`. A blocked
    contact (spam) hears nothing from the bot. Raises `NotFound`.
    """
    rows = await db.fetch(
        "SELECT v.owner, c.blocked, c.erased_at FROM conversation v JOIN contact c ON c.id = v.contact_id"
        " WHERE v.id = ?",
        conversation_id,
    )
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    if rows[0]["erased_at"] is not None:
        return False
    if author == "staff":
        return True
    return not rows[0]["blocked"] and (rows[0]["owner"] == "bot" or purpose in EXCEPTIONS)


async def hand_over(
    conversation_id: int, *, reason: str, team_topic: str | None = None, now: datetime
) -> Handover:
    """Bot to person: into the queue of the topic's team and, while it is open, to a present member in turn.

    Asking again changes nothing but the answer. Raises `NotFound`.
    """
    db.require_aware(now)
    async with db.transaction():
        conversation = await locked(conversation_id)
        if conversation.owner != "staff":
            await _to_queue(conversation, reason, team_topic or "general", now)
        elif conversation.waiting_since is None:
            conversation.waiting_since = now
            await _own(conversation, now, staff_id=conversation.assignee_id, team_id=conversation.team_id)
        return await standing(conversation, now)


async def standing(conversation: Conversation, now: datetime) -> Handover:
    """Place in the queue, and whether and when a person answers."""
    calendar = await hours.load(conversation.team_id)
    open_now = calendar.is_open(now)
    assignee_id = conversation.assignee_id
    staff = await Staff.get_or_none(id=assignee_id) if assignee_id else None
    return Handover(
        position=await _ahead(conversation) + 1,
        open_now=open_now,
        opens_at=None if open_now else calendar.next_open(now),
        assignee_name=staff.name if staff else "",
    )


async def take_over(actor: Actor, conversation_id: int, now: datetime) -> Conversation:
    """A staff member speaks from now on. Taking a colleague's conversation makes it one's own."""
    check(actor, "conversation.write")
    async with db.transaction():
        conversation = await locked(conversation_id)
        if conversation.owner == "staff" and conversation.assignee_id == actor.id:
            return conversation
        before = conversation.owner
        await take(conversation, actor, now)
        await audit.record(
            actor, "conversation.taken_over", "conversation", conversation_id,
            now=now, contact_id=conversation.contact_id, fields=["owner", "assignee"][before == "staff" :],
        )  # fmt: skip
    return conversation


async def hand_back(actor: Actor, conversation_id: int, now: datetime) -> Conversation:
    """Person to bot, at once; doing it twice changes nothing."""
    check(actor, "conversation.write")
    async with db.transaction():
        conversation = await locked(conversation_id)
        if conversation.owner == "bot":
            return conversation
        await _to_bot(conversation, "staff", now, staff_id=actor.id)
        await audit.record(
            actor, "conversation.handed_back", "conversation", conversation_id,
            now=now, contact_id=conversation.contact_id, fields=["owner", "assignee"],
        )  # fmt: skip
    return conversation


async def assign(
    actor: Actor, conversation_id: int, staff_id: int | None, team_id: int | None, now: datetime
) -> Conversation:
    """Give the conversation to a member or a team's queue, which makes it a person's.

    With neither it waits for anybody. Raises `Conflict("closed")`, `Invalid` for an unknown member or team.
    """
    check(actor, "conversation.write")
    async with db.transaction():
        conversation = await locked(conversation_id)
        if conversation.status == "closed":
            raise Conflict("closed")
        await _check_assignee(staff_id, team_id)
        await _own(conversation, now, staff_id=staff_id, team_id=team_id or conversation.team_id)
        await event(conversation.id, "assigned", staff_id=actor.id, to=staff_id, team=team_id, now=now)
        await happenings.record(
            "conversation.assigned", conversation_id=conversation.id, contact_id=conversation.contact_id,
            staff_id=staff_id, now=now,
        )  # fmt: skip
        await audit.record(
            actor, "conversation.assigned", "conversation", conversation_id,
            now=now, contact_id=conversation.contact_id, fields=["assignee", "team"],
        )  # fmt: skip
    return conversation


async def return_idle(now: datetime, *, limit: int = 100) -> int:
    """Give quiet conversations back to the bot, oldest due first; how many. For a tick."""
    db.require_aware(now)
    due = await db.fetch(
        "SELECT id FROM conversation WHERE returns_at <= ? ORDER BY returns_at LIMIT ?", db.stamp(now), limit
    )
    returned = 0
    for row in due:
        async with db.transaction():
            conversation = await locked(int(row["id"]))
            at = conversation.returns_at
            if conversation.owner == "staff" and at is not None and at <= now:
                await _to_bot(conversation, "quiet", now)
                returned += 1
    return returned


async def request_closed(conversation_id: int, *, by_staff: bool = False, now: datetime) -> bool:
    """A request of this conversation was resolved, closed or cancelled: back to the bot, unless another one
    is open. When no person decided it (time did), a customer who is owed an answer stays with staff as well.
    True if it went back. Call it after the request's own change was saved.
    """
    db.require_aware(now)
    async with db.transaction():
        conversation = await locked(conversation_id)
        if conversation.owner == "bot" or (conversation.waiting_since is not None and not by_staff):
            return False
        if await ServiceRequest.filter(conversation_id=conversation_id, status__in=OPEN_REQUEST).exists():
            return False
        await _to_bot(conversation, "request_closed", now)
        return True


async def take(conversation: Conversation, actor: Actor, now: datetime, *, told: bool = False) -> None:
    """Make the actor the one who speaks, in a conversation locked by the caller.

    `told`: the caller tells the customer in the same transaction, so that nobody else need.
    """
    await _own(conversation, now, staff_id=actor.id, team_id=conversation.team_id)
    await event(conversation.id, "taken_over", staff_id=actor.id, now=now)
    await happenings.record(
        "conversation.taken_over", conversation_id=conversation.id, contact_id=conversation.contact_id,
        staff_id=actor.id, told=told, now=now,
    )  # fmt: skip


def release(conversation: Conversation) -> None:
    """Back to the bot's hands without a word, in a conversation locked by the caller (it closes)."""
    conversation.owner, conversation.assignee_id = "bot", None
    conversation.waiting_since = conversation.reply_due_at = conversation.returns_at = None
    conversation.handover_reason, conversation.misses = "", 0


async def locked(conversation_id: int) -> Conversation:
    """The conversation, held until commit. Raises `NotFound`."""
    conversation = await reads.held(Conversation, conversation_id)
    if conversation is None:
        raise NotFound(f"conversation {conversation_id}")
    return conversation


async def _to_queue(conversation: Conversation, reason: str, topic: str, now: datetime) -> None:
    team = await assignment.team_for(topic)
    team_id = team.id if team else None
    staff = None
    if team_id is not None and (await hours.load(team_id)).is_open(now):
        staff = await assignment.pick(team_id, now)
    conversation.handover_reason = reason[:32]
    conversation.waiting_since = now
    await _own(conversation, now, staff_id=staff.id if staff else None, team_id=team_id)
    await event(conversation.id, "handed_over", reason=reason[:32], to=staff.id if staff else None, now=now)
    await happenings.record(
        "conversation.handed_over", conversation_id=conversation.id, contact_id=conversation.contact_id,
        staff_id=staff.id if staff else None, reason=reason[:32], now=now,
    )  # fmt: skip


async def _own(
    conversation: Conversation, now: datetime, *, staff_id: int | None, team_id: int | None
) -> None:
    """A person's from now on: nobody else's clock is lost, and exactly one of the two clocks runs."""
    conversation.owner, conversation.misses = "staff", 0
    if conversation.status != "open":
        conversation.status, conversation.snoozed_until, conversation.closed_at = "open", None, None
        await open_search.opened(conversation.contact_id)
    conversation.assignee_id, conversation.team_id = staff_id, team_id
    if staff_id is None and conversation.waiting_since is None:
        conversation.waiting_since = now  # nobody holds it: it waits for somebody
    if conversation.waiting_since is None:
        conversation.returns_at = await return_time(now)
    else:
        conversation.returns_at = None
        conversation.reply_due_at = conversation.reply_due_at or await sla.reply_due_at(now, team_id)
    await _save(conversation)


async def _to_bot(
    conversation: Conversation, why: str, now: datetime, *, staff_id: int | None = None
) -> None:
    """`why`: staff (gave it back), quiet (nobody wrote for long), request_closed."""
    release(conversation)
    await _save(conversation)
    await event(conversation.id, "handed_back", staff_id=staff_id, why=why, now=now)
    await happenings.record(
        "conversation.handed_back", conversation_id=conversation.id, contact_id=conversation.contact_id,
        staff_id=staff_id, why=why, now=now,
    )  # fmt: skip


async def _save(conversation: Conversation) -> None:
    """Only what this file decides: numbers and previews belong to `threads`."""
    await conversation.save(
        update_fields=[
            "owner", "assignee_id", "team_id", "status", "snoozed_until", "closed_at", "misses",
            "waiting_since", "reply_due_at", "returns_at", "handover_reason",
        ]
    )  # fmt: skip


async def _ahead(conversation: Conversation) -> int:
    """How many conversations of the same queue have waited longer for a person."""
    if conversation.waiting_since is None:
        return 0
    since, team_id = db.stamp(conversation.waiting_since), conversation.team_id
    same_team = "team_id = ?" if team_id is not None else "team_id IS NULL"
    rows = await db.fetch(
        "SELECT COUNT(*) AS n FROM conversation WHERE waiting_since <= ?"
        f" AND (waiting_since < ? OR id < ?) AND status = 'open' AND owner = 'staff' AND {same_team}",
        since, since, conversation.id, *([team_id] if team_id is not None else []),
    )  # fmt: skip
    return int(rows[0]["n"])


async def _check_assignee(staff_id: int | None, team_id: int | None) -> None:
    if staff_id is not None and not await Staff.filter(id=staff_id, active=True).exists():
        raise Invalid("staff_id", "unknown")
    if team_id is not None and not await Team.filter(id=team_id).exists():
        raise Invalid("team_id", "unknown")
