"""What the machinery has done with is deleted after a while: its tables would only ever grow.

Messages, timelines, requests and the audit stay; parked messages and dead letters stay until somebody looks.
"""

from datetime import datetime, timedelta

from crm import db

KEPT = timedelta(days=90)  # received, sent and happened; longer than any provider delivers again
MAIL_KEPT = timedelta(days=730)  # an answer to an old e-mail finds its conversation by the inbox
BATCH = 1000  # rows a statement: short transactions, so that nobody waits
BATCHES = 20  # of each table a tick

# Each finds rows by an index: by state and time, or by number, which rises with time.
_INBOX = (
    "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE state = 'done' AND received_at < ?"
    " AND (channel <> 'email' OR received_at < ?) ORDER BY received_at LIMIT ?)"
)
_OUTBOX = (
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 'sent' AND created_at < ?"
    " ORDER BY created_at LIMIT ?)"
)
# Never one that a durable reader has still to see. The oldest are looked at, and of those the old ones go.
_HAPPENINGS = (
    "DELETE FROM happening WHERE id IN (SELECT id FROM happening"
    " WHERE id <= (SELECT coalesce(min(last_id), 0) FROM cursor) ORDER BY id LIMIT ?) AND at < ?"
)


async def prune(now: datetime) -> int:
    """Delete what is older than it is kept for; return how many rows.

    At most `BATCH` x `BATCHES` of each table: a tick that finds more left goes on the next time.
    """
    old, old_mail = db.stamp(now - KEPT), db.stamp(now - MAIL_KEPT)
    return (
        await _batches(_INBOX, old, old_mail, BATCH)
        + await _batches(_OUTBOX, old, BATCH)
        + await _batches(_HAPPENINGS, BATCH, old)
    )


async def _batches(sql: str, *args: object) -> int:
    deleted = 0
    for _ in range(BATCHES):
        count = await db.execute(sql, *args)
        deleted += count
        if count < BATCH:
            break
    return deleted
