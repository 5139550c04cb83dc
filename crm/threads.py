"""The thread itself: finding a conversation to write into, and appending to it with a number of its own.

Many received messages at once: `threads_received`. Changes to what was written: `thread_edits`.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm import company, db, happenings, many, open_search, reads, sla, writes
from crm.errors import Invalid, NotFound
from crm.models import Conversation, File, Identity, Message

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
        await open_search.opened(identity.contact_id)
        return await _told("conversation.started", made, now)


async def speaks(conversation_id: int, locale: str) -> None:
    """The person chose to read `locale`: what is written to them by itself, and their calls, follow."""
    await Conversation.filter(id=conversation_id).exclude(locale=locale).update(locale=locale)


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
    await open_search.opened(conversation.contact_id)
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
            await bind_files(message.id, conversation_id, files, uploader(author, place, staff_id))
        await keep_clocks(conversation_id, direction, author, place, now)
    return message


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
    at, shown = db.stamp(now), preview(author, text)
    if direction == "in":
        rows = await take_incoming([(conversation_id, 1, at, shown)])
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


def preview(author: str, text: str) -> str:
    kind = "text" if text else "file"
    return db.write_json({"from": author, "text": text[:PREVIEW_CHARACTERS], "kind": kind})


async def take_incoming(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
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


async def keep_clocks(
    conversation_id: int, direction: str, author: str, place: Mapping[str, Any], now: datetime
) -> None:
    """While a person owns it: a due time once the customer waits, a return time once nobody does."""
    if place["owner"] != "staff":
        return
    if direction == "in" and place["reply_due_at"] is None:
        due = await sla.reply_due_at(now, place["team_id"])
        await _set_clock(conversation_id, "reply_due_at", due)
    elif direction == "out" and author == "staff" and place["status"] == "open":
        await _set_clock(conversation_id, "returns_at", await return_time(now))


async def _set_clock(conversation_id: int, clock: str, at: datetime) -> None:
    await db.execute(f"UPDATE conversation SET {clock} = ? WHERE id = ?", db.stamp(at), conversation_id)


async def return_time(now: datetime) -> datetime:
    """When the bot takes a conversation back if silence owes nobody an answer until then."""
    return now + timedelta(minutes=(await company.get()).return_to_bot_minutes)


def clean(text: str) -> str:
    """Text that both databases can store: no NUL, no lone surrogate."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def uploader(author: str, place: Mapping[str, Any], staff_id: int | None) -> str:
    """Whose uploads may be bound to a message of `author`; empty: anybody's."""
    if author == "contact":
        return f"identity:{place['identity_id']}"
    return f"staff:{staff_id}" if author == "staff" else ""


async def bind_files(message_id: int, conversation_id: int, tokens: Sequence[str], owner: str) -> None:
    """Bind uploaded files to their message, each once and only by whoever uploaded it."""
    waiting = File.filter(token__in=list(tokens), message_id=None)
    if owner:
        waiting = waiting.filter(owner=owner)
    bound = await waiting.update(message_id=message_id, conversation_id=conversation_id)
    if owner.startswith("staff:") and bound != len(set(tokens)):
        raise Invalid("files", "unknown")
