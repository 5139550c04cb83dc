"""The inbox: what is received is stored first, then acknowledged, then answered in order, once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import db, happenings, lanes
from crm.inbound import Inbound as Inbound
from crm.storing import Stored as Stored
from crm.storing import store as store

FLOOD = 20  # with more unanswered messages in a conversation, all are answered as one
FLOOD_TAKEN = 500  # messages answered as one at most


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
    """Record that a turn used up its attempts, where staff see it; `finish` with state `parked` follows."""
    ids = [message.message_id for message in turn.messages]
    await _mark(ids, "parked")
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
            " WHERE id = ? AND state = 'parked' RETURNING conversation_id, message_id",
            inbox_id,
        )
        if rows:
            await _mark([rows[0]["message_id"]], "stored")
            await lanes.push("inbox", rows[0]["conversation_id"], now)
    return bool(rows)


async def _mark(message_ids: Sequence[int], state: str) -> None:
    """The state that the thread on the desk shows."""
    marks = db.placeholders(len(message_ids))
    await db.execute(f"UPDATE message SET state = ? WHERE id IN ({marks})", state, *message_ids)
