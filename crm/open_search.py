"""The keys of customers whose conversation is not closed: what the inbox finds, however large the company.

A million contacts have a few thousand open conversations. `open_key` holds the rows of `contact_key` of
those alone, so that a beginning of a name leads to them and not to the first of many namesakes.
It may hold more than it must, never for long less: `sweep` adds what a process that was killed left out.
"""

from datetime import datetime

from crm import db

SWEPT = 200  # contacts added in one sweep


async def opened(contact_id: int) -> None:
    """A conversation of this contact is not closed: they are found among the open. In its transaction."""
    await db.execute(_ADDED, contact_id, contact_id)


async def closed(contact_id: int) -> None:
    """A conversation of this contact was closed: they are found no more, unless another is not."""
    await db.execute(
        f"DELETE FROM open_key WHERE contact_id = ? AND NOT EXISTS ({_TALKS} = ?)", contact_id, contact_id
    )


async def reindex(contact_id: int) -> None:
    """The contact's keys have changed (`search.reindex_contact`), or their conversations went to another."""
    await db.execute("DELETE FROM open_key WHERE contact_id = ?", contact_id)
    await db.execute(
        f"INSERT INTO open_key (key, contact_id) {_KEYS} = ? AND EXISTS ({_TALKS} = ?)",
        contact_id,
        contact_id,
    )


async def sweep(now: datetime) -> int:
    """Add the keys of customers who write again to a closed conversation, and of all after an import."""
    db.require_aware(now)
    return await db.execute(
        f"INSERT INTO open_key (key, contact_id) {_KEYS} IN (SELECT DISTINCT v.contact_id FROM conversation v"
        " WHERE v.status IN ('open', 'snoozed')"
        " AND NOT EXISTS (SELECT 1 FROM open_key o WHERE o.contact_id = v.contact_id)"
        f" AND EXISTS (SELECT 1 FROM contact_key c WHERE c.contact_id = v.contact_id) LIMIT {SWEPT})"
    )


_KEYS = "SELECT k.key, k.contact_id FROM contact_key k WHERE k.contact_id"
_TALKS = "SELECT 1 FROM conversation v WHERE v.status <> 'closed' AND v.contact_id"
_ADDED = (
    f"INSERT INTO open_key (key, contact_id) {_KEYS} = ?"
    " AND NOT EXISTS (SELECT 1 FROM open_key o WHERE o.contact_id = ?)"
)
