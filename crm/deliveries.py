"""What a provider reports about messages that it took: arrived, or failed after all.

Reports come late, twice and out of order, and even before our own note that the message was taken. Each is
kept first and stands on its message as soon as that is known to be sent; the first of a request holds.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from crm import db, happenings
from crm.checks import one_of

DELIVERED, FAILED = "delivered", "failed"
KEPT: Final = timedelta(days=30)
GIVEN_UP_AFTER: Final = timedelta(days=2)  # of a message that never came to be sent
_PART = re.compile(r"\.\d{1,3}\Z")


@dataclass(frozen=True)
class Report:
    """A provider's last word: `key` of the request (a part of a message ends in `.2`), `state` delivered or
    failed, `reason` the provider's code, `at` when it happened, if they say so."""

    key: str
    provider_id: str
    state: str
    reason: str = ""
    at: datetime | None = None


async def report(told: Report, *, now: datetime) -> bool:
    """Keep a report and put it on its message; False when it was known. Raises `Invalid` for a state."""
    one_of("state", told.state, (DELIVERED, FAILED))
    at = told.at or db.require_aware(now)
    async with db.transaction():
        rows = await db.fetch(
            "INSERT INTO delivery_report (provider_id, message_key, state, reason, at, received_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (provider_id) DO NOTHING RETURNING id",
            told.provider_id[:100] or told.key, _PART.sub("", told.key)[:40], told.state, told.reason[:60],
            db.stamp(at), db.stamp(now),
        )  # fmt: skip
        if rows:
            await _apply(int(rows[0]["id"]), now)
    return bool(rows)


async def settle(now: datetime, *, limit: int = 200) -> int:
    """Put reports that came too early on their messages; how many. Old ones are forgotten."""
    rows = await db.fetch(
        "SELECT id FROM delivery_report WHERE applied_at IS NULL AND received_at > ?"
        " ORDER BY received_at LIMIT ?",
        db.stamp(now - GIVEN_UP_AFTER), limit,
    )  # fmt: skip
    done = 0
    for row in rows:
        async with db.transaction():
            done += await _apply(int(row["id"]), now)
    await db.execute("DELETE FROM delivery_report WHERE received_at < ?", db.stamp(now - KEPT))
    return done


async def _apply(report_id: int, now: datetime) -> bool:
    """Once; False while its message has not been sent yet."""
    rows = await db.fetch(
        "UPDATE delivery_report SET applied_at = ? WHERE id = ? AND applied_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM message m JOIN outbox o ON o.message_id = m.id"
        " WHERE m.key = delivery_report.message_key AND o.state = 'waiting')"
        " RETURNING message_key, state, reason, at",
        db.stamp(now), report_id,
    )  # fmt: skip
    if rows:
        row = rows[0]
        change = _delivered if row["state"] == DELIVERED else _failed
        await change(row["message_key"], row["reason"], db.read_stamp(row["at"]) or now, now)
    return bool(rows)


async def _delivered(key: str, reason: str, at: datetime, now: datetime) -> None:
    rows = await db.fetch(
        "UPDATE message SET state = 'delivered', delivered_at = ? WHERE key = ? AND state = 'sent'"
        " RETURNING id, conversation_id, seq",
        db.stamp(at), key,
    )  # fmt: skip
    for row in rows:
        told = {"message_id": row["id"], "seq": row["seq"], "key": key}
        await happenings.record("message.delivered", conversation_id=row["conversation_id"], now=now, **told)
        await _on_timeline(row["id"], DELIVERED, "", now)


async def _failed(key: str, reason: str, at: datetime, now: datetime) -> None:
    """The message joins the dead letters; handlers of `message.failed` find it another way."""
    rows = await db.fetch(
        "UPDATE message SET state = 'failed' WHERE key = ? AND state IN ('sent', 'delivered')"
        " RETURNING id, conversation_id, seq",
        key,
    )
    for row in rows:
        await db.execute(
            "UPDATE outbox SET state = 'dead', error = ?, done_at = ? WHERE message_id = ?",
            f"reported {reason}", db.stamp(now), row["id"],
        )  # fmt: skip
        await _on_timeline(row["id"], FAILED, reason, now)
        await happenings.record(
            "message.failed", conversation_id=row["conversation_id"], message_id=row["id"], seq=row["seq"],
            reason=reason, now=now,
        )  # fmt: skip


async def _on_timeline(message_id: int, state: str, reason: str, now: datetime) -> None:
    rows = await db.fetch(
        "SELECT v.contact_id, v.id, o.channel FROM message m JOIN conversation v ON v.id = m.conversation_id"
        " JOIN outbox o ON o.message_id = m.id WHERE m.id = ?",
        message_id,
    )
    for row in rows:
        await happenings.record(
            "message.reported", contact_id=row["contact_id"], conversation_id=row["id"],
            message_id=message_id, channel=row["channel"], state=state, reason=reason, now=now,
        )  # fmt: skip
