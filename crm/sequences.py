"""Numbers without gaps: SR-2026-000123."""

from datetime import datetime
from zoneinfo import ZoneInfo

from crm import db


async def next_number(prefix: str, at: datetime, tz: ZoneInfo) -> str:
    """The next number of `prefix` in the year that `at` falls into in `tz`.

    Taken in the caller's transaction: when that rolls back, the number is given again, and until it ends
    others wait. So call it late. Raises `RuntimeError` outside a transaction.
    """
    if not db.in_transaction():
        raise RuntimeError("a number is taken inside the transaction that uses it")
    year = db.require_aware(at).astimezone(tz).year
    rows = await db.fetch(
        "INSERT INTO sequence (name, value) VALUES (?, 1)"
        " ON CONFLICT (name) DO UPDATE SET value = sequence.value + 1 RETURNING value",
        f"{prefix}-{year}",
    )
    return f"{prefix}-{year}-{rows[0]['value']:06d}"
