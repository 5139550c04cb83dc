"""The outbox: what is to be sent, written with its cause in one transaction, sent in order, at least once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import advertising, db, gate, happenings, lanes, ownership, reads, threads
from crm.batching import Shared
from crm.errors import Conflict, NotFound
from crm.models import Message

TAKEN = 32  # messages of one recipient taken at once


@dataclass(frozen=True)
class Item:
    """A message to be sent. `key` stays the same when it is sent again; `wires` were taken before.

    `aside`: it goes to an address of its own (a one-time code), and to nobody who reads the conversation.
    """

    outbox_id: int
    message_id: int
    identity_id: int
    conversation_id: int
    channel: str
    channel_account: str
    external_user: str
    reachable: bool
    key: str
    seq: int
    author: str
    staff_id: int | None
    text: str
    lang: str
    purpose: str
    choices: list[dict[str, Any]]
    cards: list[dict[str, Any]]
    data: dict[str, Any]
    inbox_id: int | None
    in_reply_to: str | None
    attempts: int
    wires: int
    created_at: datetime
    aside: bool = False


@dataclass(frozen=True)
class Address:
    """Where a message goes that does not go to whom the conversation is with."""

    channel: str
    to: str
    account: str = ""


@dataclass
class Claim:
    """A recipient's lane, held by a sender, with what waits in it, in order."""

    lane: lanes.Lane
    items: list[Item]


# --- putting


async def put(
    conversation_id: int,
    *,
    author: str,
    text: str,
    purpose: str = "reply",
    choices: Sequence[Mapping[str, Any]] = (),
    cards: Sequence[Mapping[str, Any]] = (),
    files: Sequence[str] = (),
    staff_id: int | None = None,
    inbox_id: int | None = None,
    in_reply_to: str | None = None,
    lang: str = "",
    data: Mapping[str, Any] | None = None,
    aside: Address | None = None,
    now: datetime,
) -> Message:
    """Say something to the customer: the message and its sending, in the caller's transaction.

    `aside`: it goes to this address instead of the conversation's own, and stands in the thread as a line
    for staff (a one-time code).
    `inbox_id` names the received message that it answers: its answers are numbered, so a repeated turn cannot
    put them twice. Raises `NotFound`, `gate.Unlawful` for an advertisement that may not be sent, and
    `Conflict` (`may_not_speak`) when the bot or the system has no say in this conversation now (see
    `conversations.EXCEPTIONS`).
    """
    db.require_aware(now)
    async with db.transaction():
        if not await reads.lock("conversation", conversation_id):
            raise NotFound(f"conversation {conversation_id}")
        if not await ownership.may_send(conversation_id, author=author, purpose=purpose):
            raise Conflict("may_not_speak", author=author, purpose=purpose)
        permit = await gate.permit(conversation_id, purpose=purpose, text=text, data=data, now=now)
        ordinal, asked = await _place(inbox_id)
        message = await threads.append(
            conversation_id,
            direction="event" if aside else "out",
            author=author,
            staff_id=staff_id,
            text=text,
            lang=lang,
            purpose=purpose,
            choices=choices,
            cards=cards,
            files=files,
            inbox_id=inbox_id,
            in_reply_to=in_reply_to or asked,
            state="queued",
            data=data,
            now=now,
        )
        await _queue(message, ordinal, permit, aside, now)
    return message


async def put_standing(message: Message, *, now: datetime) -> Message:
    """Send a message that stands in its conversation already and was never in the outbox, in the caller's
    transaction; who reads the conversation reads it once. Raises `gate.Unlawful`."""
    permit = await gate.permit(message.conversation_id, purpose=message.purpose, text=message.text, now=now)
    await Message.filter(id=message.id).update(state="queued")
    await _queue(message, 0, permit, None, now)
    return message


async def _place(inbox_id: int | None) -> tuple[int, str | None]:
    """The number of the next answer to a received message, and the channel's id of that message."""
    if inbox_id is None:
        return 0, None
    rows = await db.fetch(
        "SELECT external_id,"
        " (SELECT coalesce(max(ordinal) + 1, 0) FROM outbox WHERE inbox_id = inbox.id) AS ordinal"
        " FROM inbox WHERE id = ?",
        inbox_id,
    )
    return (rows[0]["ordinal"], rows[0]["external_id"]) if rows else (0, None)


async def _queue(message: Message, ordinal: int, permit: str, aside: Address | None, now: datetime) -> None:
    own = "channel, channel_account, ''"
    where = db.typed("?", "?", "?", of=("text", "text", "text")) if aside else own
    rows = await db.fetch(
        "INSERT INTO outbox (identity_id, message_id, conversation_id, channel, channel_account, address,"
        " inbox_id, ordinal, permit, state, attempts, wires, error, provider_id, created_at)"
        f" SELECT identity_id, {db.typed('?', of=('bigint',))}, id, {where},"
        f" {db.typed('?', '?', '?', of=('bigint', 'int', 'text'))}, 'waiting', 0, 0, '', '',"
        f" {db.typed('?', of=('timestamptz',))} FROM conversation WHERE id = ?"
        " RETURNING identity_id",
        message.id,
        *((aside.channel, aside.account, aside.to) if aside else ()),
        message.inbox_id,
        ordinal,
        permit,
        db.stamp(now),
        message.conversation_id,
    )
    await lanes.push("outbox", rows[0]["identity_id"], now)
    await happenings.record(
        "message.put",
        now=now,
        conversation_id=message.conversation_id,
        message_id=message.id,
        seq=message.seq,
    )


# --- sending


async def claim(holder: str, now: datetime, limit: int = 16) -> list[Claim]:
    """Take up to `limit` recipients that have messages waiting."""
    claims = []
    for lane in await lanes.claim("outbox", holder, now, limit):
        items = await waiting(lane.key)
        if items:
            claims.append(Claim(lane, items))
        else:
            await lanes.release(lane, due_at=now, waiting="outbox")
    return claims


async def waiting(identity_id: int) -> list[Item]:
    """The next messages that wait for one recipient, in order."""
    rows = await db.fetch(
        "SELECT o.id AS outbox_id, o.message_id, o.identity_id, o.conversation_id, o.channel,"
        " o.channel_account, COALESCE(NULLIF(o.address, ''), i.external_id) AS external_user,"
        " CASE WHEN o.address = '' THEN i.blocked_at END AS blocked_at, o.address, m.key, m.seq, m.author,"
        " m.staff_id, m.text, COALESCE(NULLIF(m.lang, ''), v.locale) AS lang, m.purpose, m.choices, m.cards,"
        " m.data, o.inbox_id, m.in_reply_to, o.attempts, o.wires, m.created_at"
        " FROM outbox o JOIN message m ON m.id = o.message_id JOIN identity i ON i.id = o.identity_id"
        " JOIN conversation v ON v.id = o.conversation_id"
        " WHERE o.identity_id = ? AND o.state = 'waiting' AND o.permit <> '' ORDER BY o.id LIMIT ?",
        identity_id,
        TAKEN,
    )
    return [_item(row) for row in rows]


def _item(row: dict[str, Any]) -> Item:
    row["reachable"] = row.pop("blocked_at") is None
    row["aside"] = bool(row.pop("address"))
    for name in ("choices", "cards", "data"):
        row[name] = db.read_json(row[name])
    row["created_at"] = db.read_stamp(row["created_at"])
    return Item(**row)


_settling = Shared()


async def _settle(claim: Claim, item: Item, now: datetime, sql: str, *args: Any) -> None:
    """The fenced end of one attempt."""
    await lanes.fence(claim.lane, now)
    await db.execute(f"UPDATE outbox SET {sql} WHERE id = ?", *args, item.outbox_id)


async def sent(
    claim: Claim, item: Item, provider_id: str, now: datetime, *, before: Sequence[Item] = ()
) -> None:
    """The channel took the message, with those `before` it in one. Raises `LaneLost`."""

    async def settle() -> None:
        for one in (*before, item):
            sql = "state = 'sent', attempts = attempts + 1, error = '', provider_id = ?, done_at = ?"
            await _settle(claim, one, now, sql, provider_id[:200], db.stamp(now))
            await db.execute(
                "UPDATE message SET state = 'sent', external_id = ?"
                " WHERE id = ? AND state IN ('queued', 'failed')",
                provider_id[:200],
                one.message_id,
            )
            await _told("message.sent", one, now)
        await _leave(claim, item, now)

    await _settling.run(settle)


async def wire_taken(claim: Claim, item: Item, wires: int, now: datetime) -> None:
    """The channel took the first `wires` requests of a message that needs several. Raises `LaneLost`."""
    await _settling.run(lambda: _settle(claim, item, now, "wires = ?", wires))


async def later(
    claim: Claim, item: Item, due_at: datetime, now: datetime, *, error: str, counted: bool
) -> None:
    """It could not be sent now: the whole lane waits, so that order is kept. Raises `LaneLost`."""

    async def settle() -> None:
        await _settle(claim, item, now, "attempts = attempts + ?, error = ?", int(counted), error[:200])
        await lanes.release(claim.lane, due_at=due_at, attempts=1, error=error)

    await _settling.run(settle)


async def dead(claim: Claim, item: Item, reason: str, now: datetime) -> None:
    """It cannot be sent: set aside among the dead letters, the next one's turn. Raises `LaneLost`."""

    async def settle() -> None:
        sql = "state = 'dead', attempts = attempts + 1, error = ?, done_at = ?"
        await _settle(claim, item, now, sql, reason[:200], db.stamp(now))
        await db.execute("UPDATE message SET state = 'failed' WHERE id = ?", item.message_id)
        await _told("message.failed", item, now, reason=reason[:60])
        await _leave(claim, item, now)

    await _settling.run(settle)


async def asleep(claim: Claim, item: Item, now: datetime) -> None:
    """The night came over an advertisement: it steps aside until `wake`, and holds up nothing behind it.
    Raises `LaneLost`."""

    async def settle() -> None:
        await _settle(claim, item, now, "state = 'asleep', error = 'night'")
        await _leave(claim, item, now)

    await _settling.run(settle)


async def wake(now: datetime, *, limit: int = 200) -> int:
    """By day, what the night stopped waits to be sent again, oldest first; how many. Each is judged anew."""
    if advertising.is_night(db.require_aware(now)):
        return 0
    slept = "SELECT id FROM outbox WHERE state = 'asleep' ORDER BY created_at, id LIMIT ?"
    if not await db.fetch(slept, 1):
        return 0  # nearly always: no write for it
    async with db.transaction():
        rows = await db.fetch(
            f"UPDATE outbox SET state = 'waiting', error = '' WHERE state = 'asleep' AND id IN ({slept})"
            " RETURNING identity_id",
            limit,
        )
        for owner in sorted({int(row["identity_id"]) for row in rows}):
            await lanes.push("outbox", owner, now)
    return len(rows)


async def _leave(claim: Claim, item: Item, now: datetime) -> None:
    if item is claim.items[-1]:
        await lanes.release(claim.lane, due_at=now, waiting="outbox")
    else:
        await lanes.keep(claim.lane)


async def _told(kind: str, item: Item, now: datetime, **data: Any) -> None:
    told = {"message_id": item.message_id, "seq": item.seq, **data}
    await happenings.record(kind, now=now, conversation_id=item.conversation_id, **told)


# --- looking and repairing


async def of_inbox(inbox_id: int) -> list[Message]:
    """The answers so far to a received message, in order (all of them once `inbox.is_done`)."""
    return await Message.filter(inbox_id=inbox_id, direction="out").order_by("seq")


async def dead_letters(limit: int = 50) -> list[dict[str, Any]]:
    """Messages that could not be sent, newest first."""
    return await db.fetch(
        "SELECT id, conversation_id, message_id, channel, attempts, error, created_at, done_at FROM outbox"
        " WHERE state = 'dead' ORDER BY id DESC LIMIT ?",
        limit,
    )


async def retry(outbox_id: int, now: datetime) -> bool:
    """Send a dead letter again; False when it is none."""
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE outbox SET state = 'waiting', attempts = 0, error = '', done_at = NULL"
            " WHERE id = ? AND state = 'dead' RETURNING identity_id, message_id",
            outbox_id,
        )
        if rows:
            await db.execute("UPDATE message SET state = 'queued' WHERE id = ?", rows[0]["message_id"])
            await lanes.push("outbox", rows[0]["identity_id"], now)
    return bool(rows)
