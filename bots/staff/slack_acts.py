"""Acts of administration for Slack: which channel shows whose work, and who may act from there."""

from datetime import datetime

from pydantic import Field

from bots.staff.acts import Arguments, Done, RowId, act
from crm import slack, slack_workspaces
from crm.actor import Actor


class Route(Arguments):
    """A team (none: all work that no other team's channel takes) and its channel (none: nowhere)."""

    team: RowId | None = None
    channel: RowId | None = None


class User(Arguments):
    """A Slack user by row id."""

    user: RowId


@act("slack_route")
async def route(actor: Actor, args: Route, now: datetime) -> Done:
    await slack.route(actor, args.team, args.channel, now=now)
    return Done("slack_route")


@act("slack_approve")
async def approve(actor: Actor, args: User, now: datetime) -> Done:
    """Let a Slack user act as the staff member whose e-mail they have."""
    row = await slack.decide(actor, args.user, True, now=now)
    return Done("slack_approve", {"name": row.staff.name})


@act("slack_refuse")
async def refuse(actor: Actor, args: User, now: datetime) -> Done:
    """Let a Slack user do nothing, also one who was approved before."""
    row = await slack.decide(actor, args.user, False, now=now)
    return Done("slack_refuse", {"name": row.staff.name})


class Workspace(Arguments):
    """A workspace by what the desk calls it: Slack's id, or the name of the settings."""

    account: str = Field(max_length=64)


@act("slack_disconnect")
async def disconnect(actor: Actor, args: Workspace, now: datetime) -> Done:
    """Show nothing there any more and hear nothing; clears the line of one that removed our app."""
    await slack_workspaces.forget(actor, args.account, now=now)
    return Done("slack_disconnect")
