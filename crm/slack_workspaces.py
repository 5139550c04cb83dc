"""Slack workspaces connected by OAuth: who began it, the sealed token, and what became of the connection.

The token is sealed with the installation's key and destroyed when the app is removed. A workspace of a token
in the settings has a row only while its app is removed.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm import audit, db, vault, writes
from crm.actor import SYSTEM, Actor, check
from crm.errors import Forbidden
from crm.models import SlackChannel, SlackState, SlackWorkspace, Staff
from crm.sessions import actor_of, hash_of

SEAL = "slack"
STATE_LIFE = timedelta(minutes=10)
PERMISSION = "staff.write"  # who connects a workspace lets its people in


@dataclass(frozen=True)
class Installed:
    """A connected workspace. `data` is what Slack gave: the bot's token first of all."""

    account: str
    app: str
    name: str
    data: Mapping[str, Any]


# --- beginning


async def begin(actor: Actor, *, now: datetime) -> str:
    """A word that comes back from Slack, good once and for ten minutes; for admins."""
    check(actor, PERMISSION)
    if actor.id is None:
        raise Forbidden(PERMISSION)
    state = secrets.token_urlsafe(32)
    await SlackState.create(digest=hash_of(state), staff_id=actor.id, expires_at=now + STATE_LIFE)
    return state


async def consume(state: str, *, now: datetime) -> bool:
    """Use up what `begin` gave; False when it is unknown, used or too old."""
    rows = await db.fetch(
        "UPDATE slack_state SET used_at = ? WHERE digest = ? AND used_at IS NULL AND expires_at > ?"
        " RETURNING id",
        db.stamp(now),
        hash_of(state),
        db.stamp(now),
    )
    return bool(rows)


async def beginner(state: str) -> Actor:
    """Who began what was consumed. Raises `Forbidden` when that person may not (any more)."""
    row = await SlackState.get_or_none(digest=hash_of(state))
    member = await Staff.get_or_none(id=row.staff_id, active=True) if row and row.used_at else None
    if member is None:
        raise Forbidden(PERMISSION)
    check(actor_of(member), PERMISSION)
    return actor_of(member)


# --- connected


async def save(
    actor: Actor, account: str, *, app: str, name: str, data: Mapping[str, Any], now: datetime
) -> None:
    """Connect a workspace, or connect it anew. Raises `Forbidden`."""
    check(actor, PERMISSION)
    sealed = vault.seal(json.dumps(dict(data)).encode(), purpose=SEAL)
    async with writes.transaction():
        row = await SlackWorkspace.get_or_none(account=account) or SlackWorkspace(account=account)
        row.app, row.name, row.sealed, row.state = app, name[:120], sealed, "on"
        row.staff_id, row.installed_at, row.gone_at = actor.id, now, None
        await row.save()
        await audit.record(actor, "slack.connected", "slack_workspace", row.id, now=now)


async def find(account: str) -> Installed | None:
    """A workspace that is connected now. One read. Raises `Locked` when the secret is another one."""
    rows = await db.fetch(
        "SELECT account, app, name, sealed FROM slack_workspace WHERE account = ? AND state = 'on'", account
    )
    if not rows or rows[0]["sealed"] is None:
        return None
    data = json.loads(vault.unseal(bytes(rows[0]["sealed"]), purpose=SEAL))
    return Installed(account, rows[0]["app"], rows[0]["name"], data)


async def belongs(account: str, app: str) -> bool:
    """Whether this workspace is connected through that app."""
    sql = "SELECT 1 AS one FROM slack_workspace WHERE account = ? AND app = ? AND state = 'on'"
    return bool(await db.fetch(sql, account, app))


async def connected(app: str, limit: int = 100) -> list[str]:
    """The workspaces connected through an app, those of longest standing first."""
    sql = "SELECT account FROM slack_workspace WHERE app = ? AND state = 'on' ORDER BY id LIMIT ?"
    return [row["account"] for row in await db.fetch(sql, app, limit)]


async def every(limit: int = 200) -> list[dict[str, Any]]:
    """All of them for the desk, without what is sealed: those that are gone first."""
    rows = await db.fetch(
        "SELECT w.id, w.account, w.app, w.name, w.state, w.installed_at, w.gone_at, s.name AS staff_name,"
        " s.name_en AS staff_name_en FROM slack_workspace w LEFT JOIN staff s ON s.id = w.staff_id"
        " ORDER BY CASE WHEN w.state = 'gone' THEN 0 ELSE 1 END, w.id LIMIT ?",
        limit,
    )
    for row in rows:
        row["installed_at"], row["gone_at"] = (
            db.read_stamp(row["installed_at"]),
            db.read_stamp(row["gone_at"]),
        )
    return rows


async def lost() -> list[str]:
    """The names of the workspaces that removed our app."""
    sql = "SELECT account, name FROM slack_workspace WHERE state = 'gone' ORDER BY id LIMIT 20"
    return [row["name"] or row["account"] or "the first" for row in await db.fetch(sql)]


# --- gone


async def removed(account: str, *, name: str = "", now: datetime) -> None:
    """Slack has taken our app out of a workspace: its token is destroyed, nothing is shown there any more."""
    async with writes.transaction():
        row = await SlackWorkspace.get_or_none(account=account)
        if row is not None and row.state == "gone":
            return
        row = row or SlackWorkspace(account=account, name=name[:120], installed_at=now)
        row.state, row.sealed, row.gone_at = "gone", None, now
        await row.save()
        await SlackChannel.filter(account=account).update(member=False)
        await audit.record(SYSTEM, "slack.removed", "slack_workspace", row.id, now=now)


async def works(account: str) -> None:
    """The token of the settings is good (again): what was said of its removal is over."""
    await db.execute("DELETE FROM slack_workspace WHERE account = ? AND state = 'gone'", account)


async def forget(actor: Actor, account: str, *, now: datetime) -> None:
    """Disconnect a workspace by hand, or clear the line of one that is gone."""
    check(actor, PERMISSION)
    async with writes.transaction():
        row = await SlackWorkspace.get_or_none(account=account)
        if row is None:
            return
        await row.delete()
        await SlackChannel.filter(account=account).update(member=False)
        await audit.record(actor, "slack.disconnected", "slack_workspace", row.id, now=now)


async def sweep(now: datetime, *, limit: int = 500) -> int:
    """Delete what was begun and is over; how many. For a tick."""
    return await db.execute(
        "DELETE FROM slack_state WHERE id IN (SELECT id FROM slack_state WHERE expires_at < ? ORDER BY id"
        " LIMIT ?)",
        db.stamp(now - STATE_LIFE),
        limit,
    )
