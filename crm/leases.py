"""Leases: what only one process may do at a time, such as polling Telegram or reading a mailbox."""

from datetime import datetime, timedelta

from crm import db, processes


async def hold(name: str, holder: str, now: datetime, seconds: float = 30.0) -> bool:
    """Take or extend the lease for `seconds`; False while another holder has it.

    The lease of a process of this machine that died is free at once.
    """
    until = db.stamp(now + timedelta(seconds=seconds))
    if await _take(name, holder, now, until):
        return True
    rows = await db.fetch("SELECT holder FROM lease WHERE name = ?", name)
    if rows and processes.is_dead(rows[0]["holder"]):
        await db.execute("DELETE FROM lease WHERE name = ? AND holder = ?", name, rows[0]["holder"])
        return await _take(name, holder, now, until)
    return False


async def _take(name: str, holder: str, now: datetime, until: object) -> bool:
    taken = await db.execute(
        "INSERT INTO lease (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
        " SET holder = excluded.holder, until = excluded.until"
        " WHERE lease.holder = excluded.holder OR lease.until < ?",
        name,
        holder,
        until,
        db.stamp(now),
    )
    return taken == 1


async def drop(name: str, holder: str) -> None:
    """Give the lease up, if it is still `holder`'s."""
    await db.execute("DELETE FROM lease WHERE name = ? AND holder = ?", name, holder)
