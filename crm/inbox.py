"""The inbox: what is received is stored first, then acknowledged, then answered in order, once."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import db, happenings, identities, lanes, threads
from crm.batching import Shared
from crm.inbound import Inbound as Inbound
from crm.inbound import checked

SHOWN = ("truncated", "quote", "reply_to", "forwarded", "location")  # data that the message keeps too
FLOOD = 20  # with more unanswered messages in a conversation, all are answered as one
FLOOD_TAKEN = 500  # messages answered as one at most


@dataclass(frozen=True)
class Stored:
    """Where an inbound thing lies. `duplicate`: it was stored before, and this is the earlier one."""

    inbox_id: int
    conversation_id: int
    message_id: int
    seq: int
    duplicate: bool


@dataclass(frozen=True)
class Received:
    """A stored message that waits to be answered."""

    inbox_id: int
    conversation_id: int
    message_id: int
    seq: int
    kind: str
    text: str
    data: dict[str, Any]
    channel: str
    channel_account: str
    external_id: str | None
    received_at: datetime

    @property
    def choice(self) -> str:
        return str(self.data.get("choice", ""))

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.data.get("files", ()))


@dataclass(frozen=True)
class Turn:
    """What is answered at once: one message, or a flood of them. `attempts` counts this one too."""

    messages: tuple[Received, ...]
    attempts: int = 1

    @property
    def last(self) -> Received:
        """The message that answers refer to."""
        return self.messages[-1]

    @property
    def conversation_id(self) -> int:
        return self.last.conversation_id

    @property
    def inbox_id(self) -> int:
        return self.last.inbox_id

    @property
    def text(self) -> str:
        """The texts, one a line."""
        return "\n".join(message.text for message in self.messages if message.text)


@dataclass
class Claim:
    """A conversation's lane, held by a worker, with the turns that wait in it, in order."""

    lane: lanes.Lane
    turns: list[Turn]


# --- storing


async def store(inbound: Inbound, *, now: datetime, wait: timedelta = timedelta(0)) -> Stored:
    """Store what came in, with identity, contact, conversation and message; acknowledge only afterwards.

    It is answered after `wait`, or with the next message if that is sooner. The same external id again gives
    the earlier row. Concurrent calls share a transaction, and so a disk write. Raises `Invalid` for what no
    channel may hand over (kind, empty user, over-long ids).
    """
    inbound = checked(inbound)
    db.require_aware(now)
    order = "\0".join((inbound.channel, inbound.channel_account, inbound.external_user))
    return await _storing.run(lambda: _store(inbound, now, wait), order=order)


_storing = Shared()


async def _store(inbound: Inbound, now: datetime, wait: timedelta) -> Stored:
    async with db.transaction():
        inbox_id = await _insert(inbound)
        if inbox_id is None:
            return await _earlier(inbound)
        identity = await identities.find_or_create(
            inbound.channel,
            inbound.channel_account,
            inbound.external_user,
            display_name=inbound.display_name,
            locale=inbound.locale or "ko",
            now=now,
        )
        conversation = await threads.reach(identity, now=now, locale=inbound.locale or "")
        await lanes.push("inbox", conversation.id, now + wait)
        message = await threads.append(
            conversation.id,
            direction="in",
            author="contact",
            text=inbound.text,
            files=inbound.files,
            inbox_id=inbox_id,
            external_id=inbound.external_id or "",
            data=_message_data(inbound),
            now=now,
        )
        await db.execute(
            "UPDATE inbox SET conversation_id = ?, message_id = ?, seq = ? WHERE id = ?",
            conversation.id,
            message.id,
            message.seq,
            inbox_id,
        )
        await happenings.record(
            "message.received",
            now=now,
            contact_id=identity.contact_id,
            conversation_id=conversation.id,
            message_id=message.id,
            seq=message.seq,
        )
        return Stored(inbox_id, conversation.id, message.id, message.seq, duplicate=False)


def _message_data(inbound: Inbound) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": inbound.kind} if inbound.kind != "message" else {}
    if inbound.choice:
        data["choice"] = inbound.choice
    return data | {key: inbound.data[key] for key in SHOWN if inbound.data.get(key)}


async def _insert(inbound: Inbound) -> int | None:
    """A write first: on SQLite it takes the write lock before anything is read."""
    data = {**inbound.data, "choice": inbound.choice, "files": list(inbound.files)}
    rows = await db.fetch(
        "INSERT INTO inbox"
        " (channel, channel_account, external_id, seq, kind, data, state, error, received_at)"
        " VALUES (?, ?, ?, 0, ?, ?, 'waiting', '', ?)"
        " ON CONFLICT (channel, channel_account, external_id) DO NOTHING RETURNING id",
        inbound.channel,
        inbound.channel_account,
        inbound.external_id,
        inbound.kind,
        json.dumps({key: value for key, value in data.items() if value not in ("", [])}, default=str),
        db.stamp(inbound.received_at),
    )
    return rows[0]["id"] if rows else None


async def _earlier(inbound: Inbound) -> Stored:
    row = (
        await db.fetch(
            "SELECT id, conversation_id, message_id, seq FROM inbox"
            " WHERE channel = ? AND channel_account = ? AND external_id = ?",
            inbound.channel,
            inbound.channel_account,
            inbound.external_id,
        )
    )[0]
    return Stored(row["id"], row["conversation_id"], row["message_id"], row["seq"], duplicate=True)


# --- answering


async def claim(holder: str, now: datetime, limit: int = 4) -> list[Claim]:
    """Take up to `limit` conversations that have messages waiting."""
    claims = []
    held = await lanes.claim("inbox", holder, now, limit)
    waiting = await _waiting(held)
    for lane in held:
        if received := waiting.get(lane.key):
            claims.append(Claim(lane, _turns(received, lane.attempts)))
        else:  # nothing waits: answered, parked or erased meanwhile
            await lanes.release(lane, due_at=now, waiting="inbox")
    return claims


async def _waiting(held: Sequence[lanes.Lane]) -> dict[int, list[Received]]:
    """What waits in each conversation, in order; beyond the limit the rest is left for the next claim."""
    if not held:
        return {}
    rows = await db.fetch(
        "SELECT i.id, i.conversation_id, i.message_id, i.seq, i.kind, i.data, i.channel, i.channel_account,"
        " i.external_id, i.received_at, m.text FROM inbox i JOIN message m ON m.id = i.message_id"
        f" WHERE i.conversation_id IN ({db.placeholders(len(held))}) AND i.state = 'waiting'"
        " ORDER BY i.conversation_id, i.seq LIMIT ?",
        *(lane.key for lane in held),
        FLOOD_TAKEN,
    )
    waiting: dict[int, list[Received]] = {}
    for row in rows:
        waiting.setdefault(row["conversation_id"], []).append(_received(row))
    return waiting


def _turns(received: list[Received], attempts: int) -> list[Turn]:
    if len(received) > FLOOD:
        return [Turn(tuple(received), attempts)]
    return [Turn((one,), attempts if at == 0 else 1) for at, one in enumerate(received)]


def _received(row: dict[str, Any]) -> Received:
    at = db.read_stamp(row["received_at"])
    if at is None:
        raise ValueError("a message without a time")
    names = (
        "conversation_id",
        "message_id",
        "seq",
        "kind",
        "text",
        "channel",
        "channel_account",
        "external_id",
    )
    known = {name: row[name] for name in names}
    return Received(inbox_id=row["id"], data=db.read_json(row["data"]), received_at=at, **known)


async def finish(
    claim: Claim, turns: Sequence[Turn], now: datetime, *, state: str = "done", error: str = ""
) -> None:
    """In the turn's transaction, last: these turns are over; the lane goes on, or is released at its end.

    Raises `LaneLost`.
    """
    await finish_all([(claim, turns)], now, state=state, error=error)


async def finish_all(
    work: Sequence[tuple[Claim, Sequence[Turn]]], now: datetime, *, state: str = "done", error: str = ""
) -> None:
    """`finish` for the turns of several conversations that share a transaction."""
    ids = [message.inbox_id for _, turns in work for turn in turns for message in turn.messages]
    await db.execute(
        f"UPDATE inbox SET state = ?, error = ?, done_at = ? WHERE id IN ({db.placeholders(len(ids))})",
        state,
        error,
        db.stamp(now),
        *ids,
    )
    ended = [claim.lane for claim, turns in work if len(turns) == len(claim.turns)]
    await lanes.keep_all([claim.lane for claim, turns in work if len(turns) < len(claim.turns)])
    await lanes.release_all(ended, now, waiting="inbox")
    db.after_commit("done")


async def set_aside(turn: Turn, now: datetime) -> None:
    """Record that a turn used up its attempts; `finish` with state `parked` follows."""
    for message in turn.messages:
        await happenings.record(
            "message.parked",
            now=now,
            conversation_id=message.conversation_id,
            message_id=message.message_id,
            inbox_id=message.inbox_id,
        )


async def is_done(inbox_ids: Sequence[int]) -> set[int]:
    """Those of the received messages to which all has been said. Changes wake the topic `done`."""
    if not inbox_ids:
        return set()
    rows = await db.fetch(
        f"SELECT id FROM inbox WHERE state <> 'waiting' AND id IN ({db.placeholders(len(inbox_ids))})",
        *inbox_ids,
    )
    return {row["id"] for row in rows}


async def wait_done(inbox_id: int, timeout: float) -> bool:  # noqa: ASYNC109  (part of the meaning)
    """Wait until a received message has been handled, for at most `timeout` seconds; True when it was."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not await is_done([inbox_id]):
        left = end - loop.time()
        if left <= 0:
            return False
        await db.wait("done", min(left, 1.0))
    return True


async def parked(limit: int = 50) -> list[dict[str, Any]]:
    """Received messages that could not be handled and were set aside, newest first."""
    return await db.fetch(
        "SELECT id, conversation_id, message_id, channel, error, received_at, done_at FROM inbox"
        " WHERE state = 'parked' ORDER BY id DESC LIMIT ?",
        limit,
    )


async def unpark(inbox_id: int, now: datetime) -> bool:
    """Give a parked message to the workers again; False when it was not parked."""
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE inbox SET state = 'waiting', error = '', done_at = NULL"
            " WHERE id = ? AND state = 'parked' RETURNING conversation_id",
            inbox_id,
        )
        if rows:
            await lanes.push("inbox", rows[0]["conversation_id"], now)
    return bool(rows)
