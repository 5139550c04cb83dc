"""Requests by what they are about: the words of product and symptom, kept as keys like those of messages."""

from datetime import datetime
from typing import Any

from crm import db, search
from crm.search import Kept

KEYS = Kept("request_key", "request_id")
FRESH = 200  # requests not indexed yet that a search reads itself


async def index_pending(now: datetime, *, limit: int = 100) -> int:
    """Index requests that are new or were amended; how many were. For a tick."""
    db.require_aware(now)
    if not await db.fetch("SELECT 1 AS one FROM service_request WHERE unindexed = ? LIMIT 1", True):
        return 0
    async with db.transaction():
        taken = await db.fetch(
            "UPDATE service_request SET unindexed = NULL WHERE unindexed = ? AND id IN"
            " (SELECT id FROM service_request WHERE unindexed = ? ORDER BY id LIMIT ?)"
            " RETURNING id, product_text, symptom",
            True,
            True,
            limit,
        )
        rows = [(key, row["id"]) for row in taken for key in sorted(_keys(row))]
        await db.execute_many("DELETE FROM request_key WHERE request_id = ?", [(row["id"],) for row in taken])
        await db.execute_many("INSERT INTO request_key (key, request_id) VALUES (?, ?)", rows)
    return len(taken)


async def find(words: str, *, limit: int = 50) -> list[int]:
    """Ids of the newest requests whose product and symptom hold every part of `words`."""
    keys, prefix = search.query_keys(words)
    if not keys and not prefix:
        return []
    indexed = await search.find_kept(KEYS, keys, prefix, limit)
    fresh = await db.fetch(
        "SELECT id, product_text, symptom FROM service_request WHERE unindexed = ? ORDER BY id DESC LIMIT ?",
        True,
        FRESH,
    )
    matching = {int(row["id"]) for row in fresh if search.matches(_keys(row), keys, prefix)}
    return sorted(matching | set(indexed), reverse=True)[:limit]


def _keys(row: dict[str, Any]) -> set[str]:
    return search.message_keys(f"{row['product_text']} {row['symptom']}")
