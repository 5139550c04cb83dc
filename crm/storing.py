"""Storing what channels hand over: whatever comes at once shares one transaction of a few statements.

A message is acknowledged only after the commit of its transaction.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import db, happenings, identities, lanes, many, threads, threads_received
from crm.batching import Grouped
from crm.inbound import Inbound, checked

SHOWN = ("truncated", "quote", "reply_to", "forwarded", "location", "mail")  # data that the message keeps too


@dataclass(frozen=True)
class Stored:
    """Where an inbound thing lies. `duplicate`: it was stored before, and this is the earlier one."""

    inbox_id: int
    conversation_id: int
    message_id: int
    seq: int
    duplicate: bool


@dataclass
class _Coming:
    """One thing on its way into the database."""

    inbound: Inbound
    writer: identities.Writer
    now: datetime
    wait: timedelta
    inbox_id: int = 0
    contact_id: int = 0
    conversation_id: int = 0

    @property
    def known_as(self) -> tuple[str, str, str | None]:
        return self.inbound.channel, self.inbound.channel_account, self.inbound.external_id


async def store(inbound: Inbound, *, now: datetime, wait: timedelta = timedelta(0)) -> Stored:
    """Store what came in, with identity, contact, conversation and message; acknowledge only afterwards.

    It is answered after `wait`, or with the next message if that is sooner. The same external id again gives
    the earlier row. Concurrent calls share a transaction, and so a disk write. Raises `Invalid` for what no
    channel may hand over (kind, empty user, over-long ids).
    """
    inbound = checked(inbound)
    writer = identities.Writer(
        inbound.channel,
        inbound.channel_account,
        inbound.external_user,
        inbound.display_name,
        inbound.locale or "ko",
    )
    coming = _Coming(inbound, writer, db.require_aware(now), wait)
    return await _storing.run(coming, order="\0".join(writer.user))


async def _together(batch: Sequence[_Coming]) -> list[Stored]:
    """All of `batch` in one transaction, the messages of one user in their order."""
    async with db.transaction():
        await _insert(batch)
        fresh = [one for one in batch if one.inbox_id]
        told = await _messages(fresh)
        stored = {id(one): told[one.inbox_id] for one in fresh}
        earlier = await _earlier([one for one in batch if not one.inbox_id])
        return [stored.get(id(one)) or earlier[one.known_as] for one in batch]


_storing = Grouped(_together)


async def _insert(batch: Sequence[_Coming]) -> None:
    """Give each its inbox row, unless it has one. A write first: on SQLite it takes the write lock.

    `seq` tells the rows apart until they get their own.
    """
    for one in batch:
        one.inbox_id = 0  # a transaction may be tried again
    rows = [
        (
            *one.known_as,
            place,
            one.inbound.kind,
            _inbox_data(one.inbound),
            db.stamp(one.inbound.received_at),
        )
        for place, one in enumerate(batch)
    ]
    given, args = many.table(
        "given",
        rows,
        channel="text",
        account="text",
        external="text",
        place="bigint",
        kind="text",
        data="jsonb",
        at="timestamptz",
    )
    made = await db.fetch(
        given + "INSERT INTO inbox"
        " (channel, channel_account, external_id, seq, kind, data, state, error, received_at)"
        " SELECT channel, account, external, place, kind, data, 'waiting', '', at FROM given WHERE true"
        " ON CONFLICT (channel, channel_account, external_id) DO NOTHING RETURNING id, seq",
        *args,
    )
    for row in made:
        batch[row["seq"]].inbox_id = row["id"]


async def _messages(fresh: Sequence[_Coming]) -> dict[int, Stored]:
    """The messages of those that are new, with all that is kept about them, by inbox id."""
    if not fresh:
        return {}
    await _find_conversations(fresh)
    await lanes.push_all("inbox", _due(fresh))
    placed = await threads_received.append_received([_written(one) for one in fresh])
    stored = {
        one.inbox_id: Stored(
            one.inbox_id,
            one.conversation_id,
            placed[one.inbox_id].message_id,
            placed[one.inbox_id].seq,
            duplicate=False,
        )
        for one in fresh
    }
    await _place(list(stored.values()))
    await happenings.record_all("message.received", [_happened(one, stored[one.inbox_id]) for one in fresh])
    return stored


async def _find_conversations(fresh: Sequence[_Coming]) -> None:
    now = fresh[-1].now
    people = await identities.find_or_create_all([one.writer for one in fresh], now=now)
    rest = [one for one in fresh if not await _answers(one, people[one.writer.user].id)]
    locales = {people[one.writer.user].id: one.inbound.locale or "" for one in rest}
    running = await threads.reach_all(list(locales), now=now, locales=locales) if rest else {}
    for one in fresh:
        one.contact_id = people[one.writer.user].contact_id
    for one in rest:
        one.conversation_id = running[people[one.writer.user].id]


async def _answers(one: _Coming, identity_id: int) -> bool:
    """Whether it goes into the conversation that it answers."""
    wanted = one.inbound.conversation_id
    found = await threads.answered(wanted, identity_id, now=one.now) if wanted else None
    one.conversation_id = found or 0
    return found is not None


def _due(fresh: Sequence[_Coming]) -> dict[int, datetime]:
    """When each conversation has work: with the first of its messages that is due."""
    due: dict[int, datetime] = {}
    for one in fresh:
        at = one.now + one.wait
        due[one.conversation_id] = min(at, due.get(one.conversation_id, at))
    return due


def _written(one: _Coming) -> threads_received.Written:
    inbound = one.inbound
    return threads_received.Written(
        conversation_id=one.conversation_id,
        inbox_id=one.inbox_id,
        text=inbound.text,
        external_id=inbound.external_id or "",
        files=inbound.files,
        data=_message_data(inbound),
        at=one.now,
    )


def _happened(one: _Coming, stored: Stored) -> happenings.Fact:
    return happenings.Fact(
        at=one.now,
        contact_id=one.contact_id,
        conversation_id=stored.conversation_id,
        data={"message_id": stored.message_id, "seq": stored.seq},
    )


async def _place(stored: Sequence[Stored]) -> None:
    given, args = many.table(
        "given",
        [(one.inbox_id, one.conversation_id, one.message_id, one.seq) for one in stored],
        inbox="bigint",
        conversation="bigint",
        message="bigint",
        number="bigint",
    )
    await db.execute(
        given + "UPDATE inbox SET conversation_id = given.conversation, message_id = given.message,"
        " seq = given.number FROM given WHERE inbox.id = given.inbox",
        *args,
    )


def _inbox_data(inbound: Inbound) -> str:
    data = {**inbound.data, "choice": inbound.choice, "files": list(inbound.files)}
    data = {key: value for key, value in data.items() if value not in ("", [])}
    return json.dumps(data, default=str) if data else "{}"


def _message_data(inbound: Inbound) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": inbound.kind} if inbound.kind != "message" else {}
    if inbound.choice:
        data["choice"] = inbound.choice
    return data | {key: inbound.data[key] for key in SHOWN if inbound.data.get(key)}


async def _earlier(again: Sequence[_Coming]) -> dict[tuple[str, str, str | None], Stored]:
    """Where those lie that were stored before, in an earlier transaction or above in this one."""
    if not again:
        return {}
    given, args = many.table(
        "given", [one.known_as for one in again], channel="text", account="text", external="text"
    )
    rows = await db.fetch(
        given + "SELECT i.id, i.conversation_id, i.message_id, i.seq, given.channel, given.account,"
        " given.external FROM given JOIN inbox i ON i.channel = given.channel"
        " AND i.channel_account = given.account AND i.external_id = given.external",
        *args,
    )
    return {
        (row["channel"], row["account"], row["external"]): Stored(
            row["id"], row["conversation_id"], row["message_id"], row["seq"], duplicate=True
        )
        for row in rows
    }
