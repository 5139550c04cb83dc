"""Messages that leave by another way than the sender: in the answer to a customer's request, on a page.

A channel that cannot begin (its provider only asks) is answered when it asks. Several ways may want the same
message at once: the answer to this request, the one to the next, a notice with a link, a page that is open.
Which of them has it is decided by one conditional write, `_claim`: a row goes from `waiting` to `sent` once.

What is written out by this process stops between the two: `taken` while it is made ready (`hold`), `sent`
from the moment in which nobody can tell any more whether it went out (`release`). Who dies in between has not
written a word, so `reclaim` lets it wait again; a row that was reclaimed meanwhile cannot be released.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from crm import db, gate, happenings, lanes, outbox
from crm.outbox import Item

HELD_AT_MOST: Final = timedelta(seconds=10)  # making an answer ready takes moments: its process is dead


@dataclass(frozen=True)
class Taken:
    """Messages that are one way's to deliver, in order. `by` names that way and this taking of it."""

    by: str
    items: tuple[Item, ...] = ()


async def take(items: Sequence[Item], by: str, now: datetime) -> Taken:
    """Make messages of one recipient this way's (`page`, `link:…`) to deliver, as they are delivered by it.

    What another way has meanwhile is left out; what the gate refuses by now is set aside as a dead letter, an
    advertisement that the night overtook until the morning.
    """
    return await release(await hold(items, by, now), now)


async def hold(items: Sequence[Item], by: str, now: datetime) -> Taken:
    """As `take`, for ways (`answer`, `callback`) that have to make ready what they deliver.

    Messages must be released before the first of them is written, and only what was released may be.
    """
    db.require_aware(now)
    items = [item for item in items if not item.aside]  # never seen but at its own address
    name = f"{by}:{secrets.token_urlsafe(9)}"
    refused = [(item, reason) for item in items if (reason := await _refused(item, now))]
    kept_back = {item.outbox_id for item, _ in refused}
    async with db.transaction():
        mine = await _claim([i.outbox_id for i in items if i.outbox_id not in kept_back], name, now)
        for item, reason in refused:
            await _set_aside(item, reason, now)
    return Taken(name, tuple(item for item in items if item.outbox_id in mine))


async def release(taken: Taken, now: datetime) -> Taken:
    """From here on they count as said; those that are still this way's."""
    if not taken.items:
        return taken
    ids = [item.outbox_id for item in taken.items]
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE outbox SET state = 'sent', done_at = ?"
            f" WHERE id IN ({db.placeholders(len(ids))}) AND state = 'taken' AND provider_id = ?"
            " RETURNING id, message_id",
            db.stamp(now),
            *ids,
            taken.by,
        )
        await _mark("sent", [int(row["message_id"]) for row in rows])
        mine = {int(row["id"]) for row in rows}
        left = replace(taken, items=tuple(item for item in taken.items if item.outbox_id in mine))
        for item in left.items:
            await _told("message.sent", item, now)
    return left


async def reclaim(now: datetime, *, identity_id: int | None = None) -> int:
    """What was held by a process that died before it wrote a word waits again; how many. Also for a tick."""
    whose, args = ("", []) if identity_id is None else (" AND identity_id = ?", [identity_id])
    held = f"state = 'taken' AND done_at < ?{whose}"
    if not await db.fetch(
        f"SELECT 1 AS one FROM outbox WHERE {held} LIMIT 1", db.stamp(now - HELD_AT_MOST), *args
    ):
        return 0  # nearly always: no write for it
    async with db.transaction():
        rows = await db.fetch(
            f"UPDATE outbox SET state = 'waiting', provider_id = '', done_at = NULL WHERE {held}"
            " RETURNING identity_id",
            db.stamp(now - HELD_AT_MOST),
            *args,
        )
        for owner in sorted({int(row["identity_id"]) for row in rows}):
            await lanes.push("outbox", owner, now)
    return len(rows)


async def _claim(outbox_ids: Sequence[int], by: str, now: datetime) -> set[int]:
    """The one write that decides: those rows that were waiting until now."""
    if not outbox_ids:
        return set()
    rows = await db.fetch(
        "UPDATE outbox SET state = 'taken', attempts = attempts + 1, error = '', provider_id = ?, done_at = ?"
        f" WHERE id IN ({db.placeholders(len(outbox_ids))}) AND state = 'waiting' RETURNING id",
        by,
        db.stamp(now),
        *outbox_ids,
    )
    return {int(row["id"]) for row in rows}


async def give_back(taken: Taken, now: datetime) -> int:
    """These were certainly not delivered: they wait again, for the next way; how many."""
    if not taken.items:
        return 0
    return await _wait_again(
        [item.outbox_id for item in taken.items], taken.by, taken.items[0].identity_id, now
    )


async def give_back_from(identity_id: int, by: str, now: datetime) -> int:
    """What a way named `by…` took and the customer has not seen waits again (its link never arrived)."""
    rows = await db.fetch(
        "SELECT o.id, o.provider_id FROM outbox o JOIN message m ON m.id = o.message_id"
        " WHERE o.identity_id = ? AND o.state = 'sent' AND o.provider_id LIKE ? AND m.state <> 'seen'",
        identity_id,
        f"{by}:%",
    )
    names = {str(row["provider_id"]) for row in rows}
    return sum(
        [
            await _wait_again([r["id"] for r in rows if r["provider_id"] == name], name, identity_id, now)
            for name in names
        ]
    )


async def shown(conversation_id: int, seq: int, now: datetime) -> int:
    """The customer has read up to `seq` on a page: what waited there goes out no other way; how many."""
    rows = await db.fetch(
        "SELECT identity_id FROM conversation WHERE id = ?",
        conversation_id,
    )
    if not rows:
        return 0
    items = [
        item
        for item in await outbox.waiting(rows[0]["identity_id"])
        if item.conversation_id == conversation_id and item.seq <= seq and not item.aside
    ]
    return len((await take(items, "page", now)).items) if items else 0


async def _wait_again(outbox_ids: Sequence[int], by: str, identity_id: int, now: datetime) -> int:
    async with db.transaction():
        rows = await db.fetch(
            "UPDATE outbox SET state = 'waiting', provider_id = '', done_at = NULL"
            f" WHERE id IN ({db.placeholders(len(outbox_ids))}) AND state IN ('taken', 'sent')"
            " AND provider_id = ? RETURNING message_id",
            *outbox_ids,
            by,
        )
        if rows:
            await _mark("queued", [int(row["message_id"]) for row in rows])
            await lanes.push("outbox", identity_id, now)
    return len(rows)


async def _refused(item: Item, now: datetime) -> str:
    verdict = await gate.at_sending(
        item.conversation_id, purpose=item.purpose, text=item.text, data=item.data, now=now
    )
    return "" if verdict.allowed else verdict.reason or "refused"


async def _set_aside(item: Item, reason: str, now: datetime) -> None:
    if reason == "night":
        await db.execute(
            "UPDATE outbox SET state = 'asleep', error = ? WHERE id = ? AND state = 'waiting'",
            reason, item.outbox_id,
        )  # fmt: skip
        return
    rows = await db.fetch(
        "UPDATE outbox SET state = 'dead', attempts = attempts + 1, error = ?, done_at = ?"
        " WHERE id = ? AND state = 'waiting' RETURNING message_id",
        reason[:200], db.stamp(now), item.outbox_id,
    )  # fmt: skip
    if rows:
        await _mark("failed", [item.message_id])
        await _told("message.failed", item, now, reason=reason[:60])


async def _mark(state: str, message_ids: Sequence[int]) -> None:
    if message_ids:
        await db.execute(
            f"UPDATE message SET state = ? WHERE state IN ('queued', 'failed', 'sent')"
            f" AND id IN ({db.placeholders(len(message_ids))})",
            state,
            *message_ids,
        )


async def _told(kind: str, item: Item, now: datetime, **data: str) -> None:
    about: dict[str, Any] = {"message_id": item.message_id, "seq": item.seq, **data}
    await happenings.record(kind, now=now, conversation_id=item.conversation_id, **about)
