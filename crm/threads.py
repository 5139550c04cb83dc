"""The thread itself: finding a conversation to write into, and appending to it with a number of its own."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import company, db, happenings, many, reads, sla, writes
from crm.errors import Invalid, NotFound
from crm.models import Conversation, File, Identity, Message, MessageKey

REOPENS_WITHIN = timedelta(days=3)  # after that a customer who writes again starts a new conversation
PREVIEW_CHARACTERS = 120
DIRECTIONS = frozenset({"in", "out", "note", "event"})
AUTHORS = frozenset({"contact", "bot", "staff", "system"})


async def reach(identity: Identity, *, now: datetime, locale: str = "") -> Conversation:
    """The conversation into which a message of this identity goes: the running one, one closed in the last
    three days (reopened, with the bot), or a new one. Messages at once reach one conversation.

    In a transaction of the caller's, call it after a write (`identities.find_or_create` is one).
    """
    db.require_aware(now)

    async def hold() -> None:
        if not await reads.lock("identity", identity.id):
            raise NotFound(f"identity {identity.id}")

    async with db.transaction(first=hold):
        last = await _last_of(identity)
        if last is not None and last.status != "closed":
            return last
        await hold()
        last = await _last_of(identity)  # another message may have opened one meanwhile
        if last is not None and last.status != "closed":
            return last
        if last is not None and last.closed_at is not None and now - last.closed_at < REOPENS_WITHIN:
            return await _reopened(last, now)
        made = await Conversation.create(
            contact_id=identity.contact_id,
            identity_id=identity.id,
            channel=identity.channel,
            channel_account=identity.channel_account,
            locale=locale or "ko",
            last_message_at=now,
            created_at=now,
        )
        return await _told("conversation.started", made, now)


async def reach_all(
    identity_ids: Sequence[int], *, now: datetime, locales: Mapping[int, str]
) -> dict[int, int]:
    """`reach` for many identities at once, after a write in the caller's transaction: their conversations."""
    given, args = many.table("given", [(one,) for one in sorted(set(identity_ids))], wanted="bigint")
    rows = await db.fetch(
        given + "SELECT c.id, c.identity_id FROM given JOIN conversation c ON c.id ="
        " (SELECT max(k.id) FROM conversation k WHERE k.identity_id = given.wanted) AND c.status <> 'closed'",
        *args,
    )
    running = {row["identity_id"]: row["id"] for row in rows}
    for identity_id in sorted(set(identity_ids) - running.keys()):
        identity = await Identity.get(id=identity_id)
        running[identity_id] = (await reach(identity, now=now, locale=locales[identity_id])).id
    return running


async def answered(conversation_id: int, identity_id: int, *, now: datetime) -> int | None:
    """A conversation that a message of this identity answers, opened again however old; None when it is not
    this identity's. In a transaction of the caller's, after a write."""
    found = await Conversation.get_or_none(id=conversation_id, identity_id=identity_id)
    if found is not None and found.status == "closed":
        await _reopened(found, now)
    return found.id if found is not None else None


async def _reopened(conversation: Conversation, now: datetime) -> Conversation:
    conversation.status, conversation.closed_at = "open", None
    await conversation.save(update_fields=["status", "closed_at"])
    return await _told("conversation.reopened", conversation, now)


async def _last_of(identity: Identity) -> Conversation | None:
    rows = await db.fetch(
        "SELECT * FROM conversation WHERE identity_id = ? ORDER BY id DESC LIMIT 1", identity.id
    )
    return reads.as_model(Conversation, rows[0]) if rows else None


async def _told(kind: str, conversation: Conversation, now: datetime) -> Conversation:
    await happenings.record(
        kind, conversation_id=conversation.id, contact_id=conversation.contact_id, now=now
    )
    return conversation


async def append(
    conversation_id: int,
    *,
    direction: str,
    author: str,
    now: datetime,
    text: str = "",
    lang: str = "",
    purpose: str = "reply",
    choices: Sequence[Mapping[str, Any]] = (),
    cards: Sequence[Mapping[str, Any]] = (),
    files: Sequence[str] = (),
    staff_id: int | None = None,
    inbox_id: int | None = None,
    in_reply_to: str | None = None,
    external_id: str = "",
    key: str | None = None,
    state: str = "stored",
    data: Mapping[str, Any] | None = None,
) -> Message:
    """Add a message (`in`, `out`), an internal `note` or an `event` line, with the next `seq`.

    Its first statement writes the conversation, so appends to one conversation follow one another. What a
    customer writes opens a snoozed or closed conversation and, while a person owns it, starts the clock of
    the answer owed; what a person sends stops it. `files` are tokens: a customer's unknown ones are left
    out, a staff member's raise `Invalid`. Raises `NotFound` without such a conversation.
    """
    db.require_aware(now)
    if direction not in DIRECTIONS or author not in AUTHORS:
        raise ValueError(f"{direction} by {author}")
    text = clean(text)
    async with db.transaction():
        place = await _advance(conversation_id, direction, author, text, now)
        message = await writes.insert(
            Message,
            conversation_id=conversation_id,
            seq=int(place["message_seq"]),
            direction=direction,
            author=author,
            staff_id=staff_id,
            text=text,
            lang=lang,
            purpose=purpose,
            choices=[dict(choice) for choice in choices],
            cards=[dict(card) for card in cards],
            key=key or secrets.token_urlsafe(24),
            external_id=external_id,
            inbox_id=inbox_id,
            in_reply_to=in_reply_to,
            state=state,
            data=dict(data or {}),
            unindexed=True if text and direction != "event" else None,
            created_at=now,
        )
        if files:
            await _attach(message.id, conversation_id, files, _owner(author, place, staff_id))
        await _keep_clocks(conversation_id, direction, author, place, now)
    return message


@dataclass(frozen=True)
class Written:
    """A message that a contact wrote, on its way into a thread."""

    conversation_id: int
    inbox_id: int
    text: str
    external_id: str
    files: Sequence[str]
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Placed:
    """Where a message lies."""

    message_id: int
    seq: int


async def append_received(written: Sequence[Written]) -> dict[int, Placed]:
    """`append` for many messages of contacts at once, in the caller's transaction: by their inbox ids.

    Messages of one conversation get their numbers in the order given.
    """
    threads: dict[int, list[Written]] = {}
    for one in written:
        threads.setdefault(one.conversation_id, []).append(one)
    places = await _advance_incoming(threads)
    numbers = {
        one.inbox_id: places[conversation]["message_seq"] - len(ones) + at
        for conversation, ones in threads.items()
        for at, one in enumerate(ones, 1)
    }
    ids = await _insert_received(written, numbers)
    for one in written:
        place = places[one.conversation_id]
        if one.files:
            owner = _owner("contact", place, None)
            await _attach(ids[one.inbox_id], one.conversation_id, one.files, owner)
    for conversation, ones in threads.items():
        await _keep_clocks(conversation, "in", "contact", places[conversation], ones[0].at)
    return {inbox_id: Placed(ids[inbox_id], number) for inbox_id, number in numbers.items()}


async def _insert_received(written: Sequence[Written], numbers: Mapping[int, int]) -> dict[int, int]:
    rows = [
        (
            one.conversation_id,
            numbers[one.inbox_id],
            clean(one.text),
            secrets.token_urlsafe(24),
            one.external_id,
            one.inbox_id,
            json.dumps(one.data, ensure_ascii=False) if one.data else "{}",
            True if one.text else None,
            db.stamp(one.at),
        )
        for one in written
    ]
    given, args = many.table(
        "given",
        rows,
        conversation="bigint",
        number="bigint",
        said="text",
        mark="text",
        external="text",
        inbox="bigint",
        data="jsonb",
        fresh="boolean",
        at="timestamptz",
    )
    made = await db.fetch(
        given + "INSERT INTO message (conversation_id, seq, direction, author, text, lang, purpose, choices,"
        " cards, key, external_id, inbox_id, state, data, unindexed, created_at)"
        " SELECT conversation, number, 'in', 'contact', said, '', 'reply', '[]', '[]', mark, external,"
        " inbox, 'stored', data, fresh, at FROM given RETURNING id, inbox_id",
        *args,
    )
    return {row["inbox_id"]: row["id"] for row in made}


async def event(
    conversation_id: int, name: str, *, now: datetime, staff_id: int | None = None, **data: Any
) -> Message:
    """A line such as `taken_over` in the thread: shown to staff, numbered, never sent."""
    return await append(
        conversation_id,
        direction="event",
        author="staff" if staff_id else "system",
        staff_id=staff_id,
        data={"event": name, **data},
        now=now,
    )


_RETURNING = " RETURNING id, message_seq, status, owner, team_id, identity_id, waiting_since, reply_due_at"


async def _advance(
    conversation_id: int, direction: str, author: str, text: str, now: datetime
) -> dict[str, Any]:
    """Take the next number and set what the list shows, in one statement."""
    at, shown = db.stamp(now), _preview(author, text)
    if direction == "in":
        rows = await _incoming([(conversation_id, 1, at, shown)])
        if not rows:
            raise NotFound(f"conversation {conversation_id}")
        return rows[0]
    if direction == "out" and author == "staff":
        sql, args = _ANSWERED, [at, shown]
    elif direction == "out":
        sql, args = _SAID, [at, shown]
    else:
        sql, args = "UPDATE conversation SET message_seq = message_seq + 1", []
    rows = await db.fetch(sql + " WHERE id = ?" + _RETURNING, *args, conversation_id)
    if not rows:
        raise NotFound(f"conversation {conversation_id}")
    return rows[0]


def _preview(author: str, text: str) -> str:
    kind = "text" if text else "file"
    return json.dumps({"from": author, "text": text[:PREVIEW_CHARACTERS], "kind": kind}, ensure_ascii=False)


async def _advance_incoming(threads: Mapping[int, Sequence[Written]]) -> dict[int, dict[str, Any]]:
    """Take as many numbers as there are messages, in each conversation; the list shows the last."""
    rows = await _incoming(
        [
            (conversation, len(ones), db.stamp(ones[-1].at), _preview("contact", clean(ones[-1].text)))
            for conversation, ones in sorted(threads.items())
        ]
    )
    if len(rows) != len(threads):
        raise NotFound(f"one of the conversations {sorted(threads)}")
    return {row["id"]: row for row in rows}


async def _incoming(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    given, args = many.table(
        "given", rows, wanted="bigint", written="bigint", moment="timestamptz", shown="jsonb"
    )
    return await db.fetch(given + _INCOMING + _RETURNING, *args)


_INCOMING = (
    "UPDATE conversation SET message_seq = message_seq + given.written, last_message_at = given.moment,"
    " last_inbound_at = given.moment, last_message = given.shown, unread = unread + given.written,"
    " status = 'open', snoozed_until = NULL, closed_at = NULL, waiting_since ="
    " CASE WHEN owner = 'staff' THEN COALESCE(waiting_since, given.moment) END, returns_at = NULL"
    " FROM given WHERE id = given.wanted"
)
_SAID = "UPDATE conversation SET message_seq = message_seq + 1, last_message_at = ?, last_message = ?"
_ANSWERED = _SAID + ", waiting_since = NULL, reply_due_at = NULL"


async def _keep_clocks(
    conversation_id: int, direction: str, author: str, place: Mapping[str, Any], now: datetime
) -> None:
    """While a person owns it: a due time once the customer waits, a return time once nobody does."""
    if place["owner"] != "staff":
        return
    if direction == "in" and place["reply_due_at"] is None:
        due = await sla.reply_due_at(now, place["team_id"])
        await Conversation.filter(id=conversation_id).update(reply_due_at=due)
    elif direction == "out" and author == "staff" and place["status"] == "open":
        await Conversation.filter(id=conversation_id).update(returns_at=await return_time(now))


async def return_time(now: datetime) -> datetime:
    """When the bot takes a conversation back if silence owes nobody an answer until then."""
    return now + timedelta(minutes=(await company.get()).return_to_bot_minutes)


async def attach(message: Message, tokens: Sequence[str], *, now: datetime) -> None:
    """Add a customer's further files to a message of theirs, in the caller's transaction."""
    conversation = await Conversation.get(id=message.conversation_id).only("id", "identity_id")
    owner = f"identity:{conversation.identity_id}"
    await _attach(message.id, message.conversation_id, tokens, owner)
    await _changed(message, now)


async def rewrite(message: Message, text: str, *, now: datetime, edited: bool = False) -> None:
    """Give a customer's message another text; when they `edited` it, the first one is kept beside it."""
    if edited:
        message.edited_at = now
        message.data = {"first_text": message.text, **message.data}
    message.text, message.unindexed = clean(text), True
    await message.save(update_fields=["text", "unindexed", "edited_at", "data"])
    await MessageKey.filter(message_id=message.id).delete()  # made anew from the new text
    await _changed(message, now)


async def _changed(message: Message, now: datetime) -> None:
    await happenings.record(
        "message.changed",
        now=now,
        conversation_id=message.conversation_id,
        message_id=message.id,
        seq=message.seq,
    )


async def edit(identity_id: int, external_id: str, text: str, *, now: datetime) -> bool:
    """The customer changed what they had written; shown as such, and no new turn. False: no such message."""
    db.require_aware(now)
    async with db.transaction():
        await reads.lock("identity", identity_id)
        found = (
            await Message.filter(
                conversation__identity_id=identity_id, direction="in", external_id=external_id
            )
            .order_by("-id")
            .first()
        )
        if found is None:
            return False
        if found.text != clean(text):
            await rewrite(found, text, now=now, edited=True)
    return True


def clean(text: str) -> str:
    """Text that both databases can store: no NUL, no lone surrogate."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _owner(author: str, place: Mapping[str, Any], staff_id: int | None) -> str:
    """Whose uploads may be bound to a message of `author`; empty: anybody's."""
    if author == "contact":
        return f"identity:{place['identity_id']}"
    return f"staff:{staff_id}" if author == "staff" else ""


async def _attach(message_id: int, conversation_id: int, tokens: Sequence[str], owner: str) -> None:
    """Bind uploaded files to their message, each once and only by whoever uploaded it."""
    waiting = File.filter(token__in=list(tokens), message_id=None)
    if owner:
        waiting = waiting.filter(owner=owner)
    bound = await waiting.update(message_id=message_id, conversation_id=conversation_id)
    if owner.startswith("staff:") and bound != len(set(tokens)):
        raise Invalid("files", "unknown")
