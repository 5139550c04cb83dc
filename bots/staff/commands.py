"""Acts on conversations: take, hand back, assign, reply, note, snooze, close, label and the like."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from bots.joining import joined
from bots.staff.acts import Arguments, Count, Done, RowId, Undo, act
from crm import candidates, conversations, files, labels, mending
from crm.actor import Actor, check
from crm.errors import NotFound
from crm.models import Conversation, Mention, Staff, Team

Priority = Literal["low", "normal", "high", "urgent"]


class One(Arguments):
    """A conversation."""

    conversation: RowId


class Many(Arguments):
    """Up to 50 conversations: a bulk act."""

    conversations: list[RowId] = Field(min_length=1, max_length=50)


class Assign(Many):
    staff: RowId | None = None
    team: RowId | None = None


class Text(One):
    text: str = Field(default="", max_length=8000)
    files: list[str] = Field(default=[], max_length=10)


class Reply(Text):
    expected_seq: Count | None = None


class Amend(Arguments):
    message: RowId
    text: str = Field(min_length=1, max_length=8000)


class Described(Arguments):
    token: str = Field(max_length=64)
    description: str = Field(max_length=300)


class Snooze(Many):
    until: AwareDatetime


class Had(One):
    """Who had a conversation before it was closed."""

    owner: Literal["bot", "staff"]
    staff: RowId | None = None
    team: RowId | None = None


class Restore(Arguments):
    before: list[Had] = Field(min_length=1, max_length=50)


class Labelled(Many):
    label: RowId


class Prioritise(Many):
    priority: Priority


class OneMessage(One):
    """A message by its number in the conversation."""

    seq: Count


class Seen(OneMessage):
    """Up to which message."""


class Misunderstood(OneMessage):
    """A customer's message, and the intent it had in truth (a name of the domain); empty where none fits."""

    intent: str = Field(default="", max_length=64, pattern=r"^\w*$")


def counted(ids: list[int]) -> dict[str, int]:
    return {"n": len(ids)}


@act("take")
async def take(actor: Actor, args: One, now: datetime) -> Done:
    await conversations.take_over(actor, args.conversation, now)
    return Done("take", undo=Undo("hand_back", {"conversation": args.conversation}))


@act("hand_back")
async def hand_back(actor: Actor, args: One, now: datetime) -> Done:
    await conversations.hand_back(actor, args.conversation, now)
    return Done("hand_back", undo=Undo("take", {"conversation": args.conversation}))


@act("assign")
async def assign(actor: Actor, args: Assign, now: datetime) -> Done:
    """Give conversations to a person or a team; to nobody when both are empty."""
    before = await Conversation.filter(id__in=args.conversations).values("id", "assignee_id", "team_id")
    for conversation in args.conversations:
        await conversations.assign(actor, conversation, args.staff, args.team, now)
    who = await Staff.get_or_none(id=args.staff) if args.staff else None
    team = await Team.get_or_none(id=args.team) if args.team else None
    undo = None
    if len(before) == 1:
        old = before[0]
        undo = Undo(
            "assign", {"conversations": [old["id"]], "staff": old["assignee_id"], "team": old["team_id"]}
        )
    key = "assign" if who else "assign_team" if team else "unassign"
    name = who.name if who else team.name if team else ""
    return Done(key, {"name": name, **counted(args.conversations)}, undo)


@act("reply")
async def reply(actor: Actor, args: Reply, now: datetime) -> Done:
    """Answer the customer. Raises `Conflict("newer_messages")` when others wrote since `expected_seq`."""
    sent = await conversations.reply(
        actor, args.conversation, args.text, files=args.files, expected_seq=args.expected_seq,
        joined=joined, now=now,
    )  # fmt: skip
    return Done(result={"seq": sent.seq, "message": sent.id})


@act("note")
async def note(actor: Actor, args: Text, now: datetime) -> Done:
    """Leave an internal note; the customer never sees it."""
    left = await conversations.note(actor, args.conversation, args.text, files=args.files, now=now)
    return Done(result={"seq": left.seq, "message": left.id})


@act("note_amend")
async def amend_note(actor: Actor, args: Amend, now: datetime) -> Done:
    """Change a note of one's own; the first text is kept beside it."""
    await conversations.amend_note(actor, args.message, args.text, now=now)
    return Done()


@act("file_describe")
async def describe_file(actor: Actor, args: Described, now: datetime) -> Done:
    """What a picture shows, for who cannot see it; only one's own and before it is sent."""
    if not await files.describe(args.token, owner=f"staff:{actor.id}", description=args.description):
        raise NotFound("file")
    return Done()


@act("snooze")
async def snooze(actor: Actor, args: Snooze, now: datetime) -> Done:
    for conversation in args.conversations:
        await conversations.snooze(actor, conversation, args.until, now)
    return Done("snooze", counted(args.conversations), Undo("reopen", {"conversations": args.conversations}))


@act("close")
async def close(actor: Actor, args: Many, now: datetime) -> Done:
    """Close conversations; the undo gives them back to who had them."""
    had = await Conversation.filter(id__in=args.conversations).values("id", "owner", "assignee_id", "team_id")
    for conversation in args.conversations:
        await conversations.close(actor, conversation, now)
    before = [
        {
            "conversation": row["id"],
            "owner": row["owner"],
            "staff": row["assignee_id"],
            "team": row["team_id"],
        }
        for row in had
    ]
    return Done("close", counted(args.conversations), Undo("restore", {"before": before}))


@act("restore")
async def restore(actor: Actor, args: Restore, now: datetime) -> Done:
    """Open closed conversations again, with whoever had them."""
    for had in args.before:
        await conversations.reopen(actor, had.conversation, now)
        if had.owner == "staff":
            await conversations.assign(actor, had.conversation, had.staff, had.team, now)
    return Done("reopen", {"n": len(args.before)})


@act("reopen")
async def reopen(actor: Actor, args: Many, now: datetime) -> Done:
    for conversation in args.conversations:
        await conversations.reopen(actor, conversation, now)
    return Done("reopen", counted(args.conversations))


@act("priority")
async def prioritise(actor: Actor, args: Prioritise, now: datetime) -> Done:
    for conversation in args.conversations:
        await conversations.set_priority(actor, conversation, args.priority, now)
    return Done("priority", {"priority": args.priority, **counted(args.conversations)})


@act("label")
async def label(actor: Actor, args: Labelled, now: datetime) -> Done:
    for conversation in args.conversations:
        await labels.put(actor, args.label, "conversation", conversation, now=now)
    undo = Undo("unlabel", {"conversations": args.conversations, "label": args.label})
    return Done("label", counted(args.conversations), undo)


@act("unlabel")
async def unlabel(actor: Actor, args: Labelled, now: datetime) -> Done:
    for conversation in args.conversations:
        await labels.remove(actor, args.label, "conversation", conversation, now=now)
    undo = Undo("label", {"conversations": args.conversations, "label": args.label})
    return Done("unlabel", counted(args.conversations), undo)


@act("message_retry")
async def retry_message(actor: Actor, args: OneMessage, now: datetime) -> Done:
    """The bot tries a message again that it could not handle, and has the conversation again."""
    await mending.retry_parked(actor, args.conversation, args.seq, now=now)
    return Done("message_retry")


@act("message_resend")
async def resend_message(actor: Actor, args: OneMessage, now: datetime) -> Done:
    """Send a message again that could not be sent."""
    await mending.send_again(actor, args.conversation, args.seq, now=now)
    return Done("message_resend")


@act("seen")
async def seen(actor: Actor, args: Seen, now: datetime) -> Done:
    """Nothing is unread any more; a conversation without news is left alone."""
    unread = Conversation.filter(id=args.conversation, unread__gt=0)
    called = Mention.filter(conversation_id=args.conversation, staff_id=actor.id, seen_at=None)
    if await unread.exists() or await called.exists():
        await conversations.mark_seen(actor, args.conversation, now)
    return Done()


@act("unseen")
async def unseen(actor: Actor, args: Seen, now: datetime) -> Done:
    """Keep the conversation among the unread."""
    await conversations.mark_unseen(actor, args.conversation, now)
    return Done()


@act("misunderstood")
async def misunderstood(actor: Actor, args: Misunderstood, now: datetime) -> Done:
    """The bot took this message wrongly: a candidate for its training, which a person decides on."""
    await candidates.correct(actor, args.conversation, args.seq, args.intent, now=now)
    return Done("misunderstood")


@act("take_next")
async def take_next(actor: Actor, args: Arguments, now: datetime) -> Done:
    """Take the conversation of the queue that has waited longest; `conversation` is None when none waits."""
    check(actor, "conversation.write")
    waiting = Conversation.filter(status="open", owner="staff", assignee_id=None)
    longest = await waiting.order_by("waiting_since", "id").first()
    if longest is None:
        return Done(result={"conversation": None})
    await conversations.take_over(actor, longest.id, now)
    undo = Undo("assign", {"conversations": [longest.id], "staff": None, "team": longest.team_id})
    return Done("take", undo=undo, result={"conversation": longest.id})
