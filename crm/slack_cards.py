"""What is to be shown in Slack: cards, the roots of threads, and posts below them; at least once, with keys.

A card is drawn from what is so when it is sent, so any number of changes become one update. Posts of a
card keep their order and follow it; an answer to one event has a queue of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crm import db, lanes, slack
from crm.batching import Shared

TAKEN = 20  # posts of one queue taken at once
KEPT = timedelta(days=30)  # answers that were given
TROUBLES_FOR = timedelta(days=7)  # what could not be shown is news for an admin


@dataclass(frozen=True)
class Card:
    """A card as it stands. `ts` is empty until it was posted."""

    id: int
    account: str
    channel: str
    subject: str
    subject_id: int
    ts: str
    wanted: int
    shown: int
    current: bool
    attempts: int

    @property
    def due(self) -> bool:
        return self.wanted > self.shown


@dataclass(frozen=True)
class Post:
    """One request that waits."""

    id: int
    account: str
    kind: str
    data: dict[str, Any]
    message_id: int | None
    key: str
    attempts: int
    created_at: datetime


@dataclass
class Claim:
    """A queue, held by one sender: its card, if it has one, and its posts in order."""

    lane: lanes.Lane
    card: Card | None = None
    posts: list[Post] = field(default_factory=list)


_CARD = (
    "SELECT id, account, channel, subject, subject_id, ts, wanted, shown, current, attempts FROM slack_card"
)


def _card(row: dict[str, Any]) -> Card:
    return Card(**{**row, "current": bool(row["current"])})


# --- putting, in the transaction of the cause


async def show(subject: str, subject_id: int, team_id: int | None, *, now: datetime) -> Card | None:
    """Have the card of a conversation or request drawn (again) where its team's work is shown.

    The first time, or when it moved to another team's channel, a new card begins; the old one says so.
    None when it is shown nowhere.
    """
    way = await slack.way(team_id)
    if way is None:
        await redraw(subject, subject_id, now=now)
        return None
    rows = await db.fetch(
        "INSERT INTO slack_card (account, channel, subject, subject_id, ts, wanted, shown, current, attempts,"
        " error, created_at) VALUES (?, ?, ?, ?, '', 0, 0, ?, 0, '', ?)"
        " ON CONFLICT (account, channel, subject, subject_id) DO UPDATE SET current = excluded.current"
        " RETURNING id",
        way["account"],
        way["channel"],
        subject,
        subject_id,
        True,
        db.stamp(now),
    )
    await db.execute(
        "UPDATE slack_card SET current = ? WHERE subject = ? AND subject_id = ? AND id <> ?",
        False,
        subject,
        subject_id,
        rows[0]["id"],
    )
    await redraw(subject, subject_id, now=now)
    return await get(rows[0]["id"])


async def redraw(subject: str, subject_id: int, *, now: datetime) -> int:
    """Have every card of a subject drawn again; how many there are."""
    rows = await db.fetch(
        "UPDATE slack_card SET wanted = wanted + 1 WHERE subject = ? AND subject_id = ? RETURNING id",
        subject,
        subject_id,
    )
    for row in rows:
        await lanes.push("slack", row["id"], now)
    return len(rows)


async def get(card_id: int) -> Card | None:
    rows = await db.fetch(f"{_CARD} WHERE id = ?", card_id)
    return _card(rows[0]) if rows else None


async def of(subject: str, subject_id: int) -> Card | None:
    """The card of a subject where it is shown now."""
    rows = await db.fetch(
        f"{_CARD} WHERE subject = ? AND subject_id = ? AND current = ? LIMIT 1", subject, subject_id, True
    )
    return _card(rows[0]) if rows else None


async def at(account: str, channel: str, ts: str) -> Card | None:
    """The card that is the root of a thread."""
    rows = await db.fetch(
        f"{_CARD} WHERE account = ? AND channel = ? AND ts = ? LIMIT 1", account, channel, ts
    )
    return _card(rows[0]) if rows and ts else None


async def newest(account: str, limit: int) -> list[Card]:
    """The threads that most lately had something in them, for catching up with what was missed."""
    rows = await db.fetch(f"{_CARD} WHERE account = ? AND ts <> '' ORDER BY id DESC LIMIT ?", account, limit)
    return [_card(row) for row in rows]


async def put(
    kind: str,
    data: Mapping[str, Any],
    *,
    account: str,
    key: str,
    card_id: int | None = None,
    event_id: int | None = None,
    message_id: int | None = None,
    now: datetime,
) -> None:
    """Queue one request to Slack below a card, or as the answer to an event. A `key` counts once."""
    queue = card_id if card_id is not None else -(event_id or 0)
    if not queue:
        raise ValueError("neither a card nor an event")
    rows = await db.fetch(
        "INSERT INTO slack_post (account, queue, card_id, kind, data, message_id, key, state, attempts,"
        " error, ts, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, '', '', ?)"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        account,
        queue,
        card_id,
        kind,
        json.dumps(dict(data), ensure_ascii=False),
        message_id,
        key[:80],
        db.stamp(now),
    )
    if rows:
        await lanes.push("slack", queue, now)


# --- sending


async def claim(holder: str, now: datetime, limit: int = 8) -> list[Claim]:
    """Take up to `limit` queues that have something to show."""
    claims = []
    for lane in await lanes.claim("slack", holder, now, limit):
        card = await get(lane.key) if lane.key > 0 else None
        posts = await _posts(lane.key)
        if posts or (card and card.due):
            claims.append(Claim(lane, card, posts))
        else:
            await lanes.release(lane, due_at=now, waiting="slack")
    return claims


async def _posts(queue: int) -> list[Post]:
    rows = await db.fetch(
        "SELECT id, account, kind, data, message_id, key, attempts, created_at FROM slack_post"
        " WHERE queue = ? AND state = 'waiting' ORDER BY id LIMIT ?",
        queue,
        TAKEN,
    )
    return [_post(row) for row in rows]


def _post(row: dict[str, Any]) -> Post:
    row["data"], row["created_at"] = db.read_json(row["data"]), db.read_stamp(row["created_at"])
    return Post(**row)


_settling = Shared()


async def drawn(claim: Claim, card: Card, ts: str, now: datetime, *, error: str = "") -> None:
    """The card shows what was so at `card.wanted`. With `error` it could not be shown at all: leave it be."""

    async def settle() -> None:
        await lanes.fence(claim.lane, now)
        await db.execute(
            "UPDATE slack_card SET ts = ?, shown = ?, attempts = 0, error = ? WHERE id = ?",
            ts,
            card.wanted,
            error[:200],
            card.id,
        )

    await _settling.run(settle)


async def sent(claim: Claim, post: Post, ts: str, now: datetime) -> None:
    """Slack took it; what was said is emptied. Raises `LaneLost`."""
    await _over(claim, post, "sent", ts, "", now)


async def dead(claim: Claim, post: Post, reason: str, now: datetime) -> None:
    """It cannot be shown: set aside. Raises `LaneLost`."""
    await _over(claim, post, "dead", "", reason, now)


async def _over(claim: Claim, post: Post, state: str, ts: str, error: str, now: datetime) -> None:
    async def settle() -> None:
        await lanes.fence(claim.lane, now)
        await db.execute(
            "UPDATE slack_post SET state = ?, ts = ?, error = ?, data = ?, attempts = attempts + 1,"
            " done_at = ? WHERE id = ?",
            state,
            ts,
            error[:200],
            "{}",
            db.stamp(now),
            post.id,
        )
        await lanes.keep(claim.lane)

    await _settling.run(settle)


async def ended(claim: Claim, now: datetime) -> None:
    """All that was claimed is done; the lane goes on if more came meanwhile. Raises `LaneLost`."""
    await lanes.release(claim.lane, due_at=now, waiting="slack")


async def later(
    claim: Claim, due_at: datetime, now: datetime, *, post: Post | None, error: str, counted: bool
) -> None:
    """It could not be shown now: the whole queue waits. Raises `LaneLost`."""

    async def settle() -> None:
        await lanes.fence(claim.lane, now)
        table, row_id = ("slack_post", post.id) if post else ("slack_card", claim.lane.key)
        await db.execute(
            f"UPDATE {table} SET attempts = attempts + ?, error = ? WHERE id = ?",
            int(counted),
            error[:200],
            row_id,
        )
        await lanes.release(claim.lane, due_at=due_at, attempts=1, error=error[:200])

    await _settling.run(settle)


async def withdraw(conversation_ids: list[int], request_ids: list[int], *, now: datetime) -> int:
    """Take all that we wrote about an erased person out of Slack; how many threads that are."""
    count = 0
    for subject, ids in (("conversation", conversation_ids), ("request", request_ids)):
        if not ids:
            continue
        rows = await db.fetch(
            "SELECT id, account FROM slack_card WHERE ts <> '' AND subject = ?"
            f" AND subject_id IN ({db.placeholders(len(ids))})",
            subject,
            *ids,
        )
        for row in rows:
            key = f"withdraw:{row['id']}"
            await put("withdraw", {}, account=row["account"], key=key, card_id=row["id"], now=now)
            count += 1
    return count


async def sweep(now: datetime, *, limit: int = 500) -> int:
    """Delete answers given long ago, with their lanes; how many. For a tick. What stands in threads stays
    known."""
    await db.execute(
        "DELETE FROM lane WHERE kind = 'slack' AND key < 0 AND due_at IS NULL AND holder = ''"
        " AND key >= (SELECT -coalesce(max(id), 0) FROM staff_event WHERE done_at < ?)",
        db.stamp(now - KEPT),
    )
    return await db.execute(
        "DELETE FROM slack_post WHERE id IN (SELECT id FROM slack_post WHERE state = 'sent'"
        " AND done_at < ? AND card_id IS NULL ORDER BY id LIMIT ?)",
        db.stamp(now - KEPT),
        limit,
    )


async def troubles(now: datetime) -> dict[str, Any]:
    """What could not be shown in the last week: how much (`dead`), and Slack's commonest words for it
    (`reasons`). A card counts until it could be drawn again."""
    rows = await db.fetch(
        "SELECT error, count(*) AS n FROM (SELECT error FROM slack_post WHERE state = 'dead' AND done_at > ?"
        " UNION ALL SELECT error FROM slack_card WHERE error <> '' AND shown >= wanted) AS gone"
        " GROUP BY error ORDER BY n DESC, error",
        db.stamp(now - TROUBLES_FOR),
    )
    return {"dead": sum(int(row["n"]) for row in rows), "reasons": [str(row["error"]) for row in rows[:3]]}
