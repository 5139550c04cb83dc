"""Appending many messages that contacts wrote, at once: what `threads.append` does for one."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import db, many, threads
from crm.errors import NotFound


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
    runs: dict[int, list[Written]] = {}
    for one in written:
        runs.setdefault(one.conversation_id, []).append(one)
    places = await _advance_incoming(runs)
    numbers = {
        one.inbox_id: places[conversation]["message_seq"] - len(ones) + at
        for conversation, ones in runs.items()
        for at, one in enumerate(ones, 1)
    }
    ids = await _insert_received(written, numbers)
    for one in written:
        place = places[one.conversation_id]
        if one.files:
            owner = threads.uploader("contact", place, None)
            await threads.bind_files(ids[one.inbox_id], one.conversation_id, one.files, owner)
    for conversation, ones in runs.items():
        await threads.keep_clocks(conversation, "in", "contact", places[conversation], ones[0].at)
    return {inbox_id: Placed(ids[inbox_id], number) for inbox_id, number in numbers.items()}


async def _insert_received(written: Sequence[Written], numbers: Mapping[int, int]) -> dict[int, int]:
    rows = [
        (
            one.conversation_id,
            numbers[one.inbox_id],
            threads.clean(one.text),
            secrets.token_urlsafe(24),
            one.external_id,
            one.inbox_id,
            db.write_json(one.data) if one.data else "{}",
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


async def _advance_incoming(runs: Mapping[int, Sequence[Written]]) -> dict[int, dict[str, Any]]:
    """Take as many numbers as there are messages, in each conversation; the list shows the last."""
    rows = await threads.take_incoming(
        [
            (conversation, len(ones), db.stamp(ones[-1].at), _shown(ones[-1]))
            for conversation, ones in sorted(runs.items())
        ]
    )
    if len(rows) != len(runs):
        raise NotFound(f"one of the conversations {sorted(runs)}")
    return {row["id"]: row for row in rows}


def _shown(one: Written) -> str:
    return threads.preview("contact", threads.clean(one.text))
