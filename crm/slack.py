"""Slack's side of administration: who of its users is which staff member, and which channel shows whose work.

A Slack user whose e-mail is a staff member's waits for an admin. Only a private channel that is shared with
nobody outside may show customers.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm import audit, db, happenings, writes
from crm.actor import Actor, check
from crm.errors import Conflict, NotFound
from crm.models import SlackChannel, SlackRoute, SlackUser, Staff, Team


@dataclass(frozen=True)
class Known:
    """Who a Slack user is to us. Without an `actor` they may do nothing; `state` says why.

    `state`: `unknown` (no staff member has that e-mail), `waiting`, `refused`, `inactive`, `approved`.
    """

    state: str
    actor: Actor | None = None
    locale: str = ""  # of the staff member; "" of nobody's


# --- users


async def who(account: str, user: str) -> Known:
    """Who this Slack user is now. One read, so that a staff member who left is out at once."""
    rows = await db.fetch(
        "SELECT u.state, s.id, s.name, s.role, s.active, s.locale FROM slack_user u"
        " JOIN staff s ON s.id = u.staff_id WHERE u.account = ? AND u.slack_id = ?",
        account,
        user,
    )
    if not rows:
        return Known("unknown")
    row = rows[0]
    if not row["active"]:
        return Known("inactive", locale=row["locale"])
    if row["state"] != "approved":
        return Known(row["state"], locale=row["locale"])
    return Known("approved", Actor("staff", row["id"], row["role"], row["name"]), row["locale"])


async def met(account: str, user: str, *, name: str, email: str, now: datetime) -> Known:
    """What Slack says of a user (their e-mail, which it has confirmed); a first match asks for approval.

    A user whose e-mail is no longer the staff member's loses the link at once.
    """
    staff = await _of_email(email)
    async with writes.transaction():
        row = await SlackUser.get_or_none(account=account, slack_id=user)
        if row is not None and (staff is None or row.staff_id != staff.id):
            await row.delete()
            row = None
        if staff is not None and row is None:
            await SlackUser.create(
                account=account, slack_id=user, name=name[:80], staff_id=staff.id, asked_at=now, seen_at=now
            )
            await happenings.record("staff.changed", now=now, staff_id=staff.id)
        elif row is not None:
            row.name, row.seen_at = name[:80], now
            await row.save(update_fields=["name", "seen_at"])
    return await who(account, user)


async def _of_email(email: str) -> Staff | None:
    """The one active staff member with this e-mail; None also when two have it."""
    if not email.strip():
        return None
    rows = await db.fetch(
        "SELECT id FROM staff WHERE lower(email) = ? AND active = ? LIMIT 2", email.strip().lower(), True
    )
    return await Staff.get(id=rows[0]["id"]) if len(rows) == 1 else None


async def fresh(account: str, user: str, since: datetime) -> bool:
    """Whether Slack vouched for this user after `since`."""
    return bool(await SlackUser.filter(account=account, slack_id=user, seen_at__gte=since).exists())


async def forget(account: str, user: str) -> None:
    """A user who left Slack, or whose e-mail changed, is nobody any more."""
    await SlackUser.filter(account=account, slack_id=user).delete()


async def decide(actor: Actor, user_id: int, approved: bool, *, now: datetime) -> SlackUser:
    """Let a Slack user act as the staff member whose e-mail they have, or not. Raises `NotFound`."""
    check(actor, "staff.write")
    async with writes.transaction():
        row = await SlackUser.get_or_none(id=user_id).select_related("staff")
        if row is None:
            raise NotFound("slack_user")
        row.state, row.decided_at = "approved" if approved else "refused", now
        await row.save(update_fields=["state", "decided_at"])
        act = "slack.approved" if approved else "slack.refused"
        await audit.record(actor, act, "staff", row.staff_id, now=now)
    return row


async def users(limit: int = 200, *, account: str | None = None) -> list[SlackUser]:
    """Slack users (of one workspace) with their staff member, those who wait first."""
    found = SlackUser.all() if account is None else SlackUser.filter(account=account)
    rows = await found.order_by("-asked_at").limit(limit).select_related("staff")
    return sorted(rows, key=lambda row: row.state != "waiting")


async def mentions(account: str, staff_ids: list[int]) -> dict[int, str]:
    """The Slack ids of staff members, for a mention."""
    rows = await SlackUser.filter(account=account, staff_id__in=staff_ids, state="approved")
    return {row.staff_id: row.slack_id for row in rows}


# --- channels


async def saw_channel(
    account: str, channel: str, *, name: str, private: bool, shared: bool, member: bool, now: datetime
) -> SlackChannel:
    """What Slack says of a channel that we were invited to, or were in."""
    async with writes.transaction():
        row = await SlackChannel.get_or_none(account=account, channel=channel)
        row = row or SlackChannel(account=account, channel=channel)
        row.name, row.private, row.shared, row.member = name[:80], private, shared, member
        row.seen_at = now
        await row.save()
    return row


async def left_channel(account: str, channel: str) -> None:
    """We are not in that channel any more."""
    await SlackChannel.filter(account=account, channel=channel).update(member=False)


def fit(channel: SlackChannel) -> bool:
    """Whether customers may be shown there."""
    return channel.private and not channel.shared and channel.member


async def confidential(account: str, channel: str) -> bool:
    """Whether a channel, as we last heard of it, is private and shared with nobody outside."""
    rows = await db.fetch(
        "SELECT private, shared FROM slack_channel WHERE account = ? AND channel = ?", account, channel
    )
    return bool(rows) and bool(rows[0]["private"]) and not rows[0]["shared"]


async def channels(limit: int = 200, *, account: str | None = None) -> list[SlackChannel]:
    """The channels (of one workspace) that we were invited to, by name."""
    found = SlackChannel.filter(member=True)
    found = found if account is None else found.filter(account=account)
    return await found.order_by("name", "id").limit(limit)


async def routes() -> dict[int | None, SlackChannel]:
    """The channel of each team that has one; None is for the rest."""
    rows = await SlackRoute.all().select_related("channel")
    return {row.team_id: row.channel for row in rows}


async def route(actor: Actor, team_id: int | None, channel_id: int | None, *, now: datetime) -> None:
    """Show a team's work (None: the rest's) in a channel; nowhere with None.

    Raises `NotFound`, `Conflict("not_private")` for a channel that outsiders or the whole workspace can read.
    """
    check(actor, "team.write")
    async with writes.transaction():
        if team_id is not None and not await Team.exists(id=team_id):
            raise NotFound("team")
        found = await SlackChannel.get_or_none(id=channel_id) if channel_id else None
        if channel_id and found is None:
            raise NotFound("slack_channel")
        if found is not None and not fit(found):
            raise Conflict("not_private", name=found.name)
        of_team = SlackRoute.filter(team_id=team_id) if team_id else SlackRoute.filter(team_id=None)
        await of_team.delete()
        if found is not None:
            await SlackRoute.create(team_id=team_id, channel_id=found.id)
        await audit.record(actor, "slack.routed", "team", team_id, now=now)


async def way(team_id: int | None) -> dict[str, Any] | None:
    """The account and channel where a team's work is shown now; None when nowhere.

    A channel that became public or shared shows nothing any more.
    """
    rows = await db.fetch(
        "SELECT c.account, c.channel FROM slack_route r JOIN slack_channel c ON c.id = r.channel_id"
        " WHERE (r.team_id = ? OR r.team_id IS NULL) AND c.private = ? AND c.shared = ? AND c.member = ?"
        " ORDER BY CASE WHEN r.team_id IS NULL THEN 1 ELSE 0 END LIMIT 1",
        team_id if team_id is not None else 0,
        True,
        False,
        True,
    )
    return rows[0] if rows else None
