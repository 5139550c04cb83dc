"""Messages that leave by another way than the sender: in the answer to a customer's request, on a page.

A channel that cannot begin (its provider only asks) is answered when it asks. Several ways may want the same
message at once: the answer to this request, the one to the next, a notice with a link, a page that is open.
Which of them has it is decided by one conditional write, `_claim`: a row goes from `waiting` to `sent` once.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm import db, gate, happenings, lanes, outbox
from crm.outbox import Item


@dataclass(frozen=True)
class Taken:
    """Messages that are one way's to deliver, in order. `by` names that way and this taking of it."""

    by: str
    items: tuple[Item, ...] = ()


async def take(items: Sequence[Item], by: str, now: datetime) -> Taken:
    """Make messages of one recipient this way's (`answer`, `callback`, `page`, `link:…`) to deliver.

    What another way has meanwhile is left out; what the gate refuses by now is set aside as a dead letter.
    """
    db.require_aware(now)
    items = [item for item in items if not item.aside]  # never seen but at its own address
    name = f"{by}:{secrets.token_urlsafe(9)}"
    refused = {item.outbox_id: reason for item in items if (reason := await _refused(item, now))}
    async with db.transaction():
        mine = await _claim([i.outbox_id for i in items if i.outbox_id not in refused], name, now)
        for outbox_id, reason in refused.items():
            await _set_aside(outbox_id, reason, now)
        taken = tuple(item for item in items if item.outbox_id in mine)
        for item in taken:
            await _told("message.sent", item, now)
    return Taken(name, taken)


async def _claim(outbox_ids: Sequence[int], by: str, now: datetime) -> set[int]:
    """The one write that decides: those rows that were waiting until now."""
    if not outbox_ids:
        return set()
    rows = await db.fetch(
        "UPDATE outbox SET state = 'sent', attempts = attempts + 1, error = '', provider_id = ?, done_at = ?"
        f" WHERE id IN ({db.placeholders(len(outbox_ids))}) AND state = 'waiting' RETURNING id, message_id",
        by,
        db.stamp(now),
        *outbox_ids,
    )
    await _mark("sent", [int(row["message_id"]) for row in rows])
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
            f" WHERE id IN ({db.placeholders(len(outbox_ids))}) AND state = 'sent' AND provider_id = ?"
            " RETURNING message_id",
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


async def _set_aside(outbox_id: int, reason: str, now: datetime) -> None:
    await db.execute(
        "UPDATE outbox SET state = 'dead', attempts = attempts + 1, error = ?, done_at = ?"
        " WHERE id = ? AND state = 'waiting'",
        reason[:200],
        db.stamp(now),
        outbox_id,
    )


async def _mark(state: str, message_ids: Sequence[int]) -> None:
    if message_ids:
        await db.execute(
            f"UPDATE message SET state = ? WHERE state IN ('queued', 'failed', 'sent')"
            f" AND id IN ({db.placeholders(len(message_ids))})",
            state,
            *message_ids,
        )


async def _told(kind: str, item: Item, now: datetime) -> None:
    await happenings.record(
        kind, now=now, conversation_id=item.conversation_id, message_id=item.message_id, seq=item.seq
    )
