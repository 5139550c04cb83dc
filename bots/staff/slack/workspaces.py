"""The workspaces that are on: those of tokens in the settings, and those connected by OAuth.

The second kind may come and go at any front, so it is looked up (one read) whenever it is asked for.
"""

from collections.abc import Mapping

from bots.channels.base import Undeliverable
from bots.staff.slack.client import Slack
from crm import slack_workspaces

# What Slack says of the token of an app that was removed.
REMOVED = frozenset({"account_inactive", "invalid_auth", "token_revoked", "token_expired", "not_authed"})


class Workspaces:
    """Clients by account: `given` by the settings, others by the app (`apps`: its name, where its API is)."""

    def __init__(self, given: Mapping[str, Slack], apps: Mapping[str, str]) -> None:
        self.given, self._apps = given, apps
        self._made: dict[str, Slack] = {}

    async def find(self, account: str) -> Slack | None:
        """The client of a workspace; None when it is not connected."""
        if account in self.given:
            return self.given[account]
        found = await slack_workspaces.find(account)
        if found is None or found.app not in self._apps:
            await self.drop(account)
            return None
        made, token = self._made.get(account), str(found.data["bot_token"])
        if made is None or made.token != token:
            await self.drop(account)
            made = self._made[account] = Slack(token, self._apps[found.app])
        return made

    async def of_app(self, app: str) -> list[str]:
        """The accounts that an app's events are of."""
        own = [app] if app in self.given else []
        return own + (await slack_workspaces.connected(app) if app in self._apps else [])

    async def account_of(self, app: str, team: str) -> str | None:
        """The account that an event from workspace `team` is of; None when it is none of ours."""
        if app in self._apps and team and await slack_workspaces.belongs(team, app):
            return team
        own = self.given.get(app)
        other = own is not None and app in self._apps and own.team and team and own.team != team
        return app if own is not None and not other else None

    async def home_of(self, team: str) -> str | None:
        """The account of the settings whose workspace this is, asking Slack where it is not known yet."""
        for account, client in self.given.items():
            try:
                await client.bot()
            except Undeliverable:
                continue
            if client.team == team:
                return account
        return None

    async def drop(self, account: str) -> None:
        """Forget a client and its connections."""
        made = self._made.pop(account, None)
        if made is not None:
            await made.close()

    async def close(self) -> None:
        for client in (*self.given.values(), *self._made.values()):
            await client.close()
        self._made.clear()


async def removed(client: Slack) -> bool:
    """Whether Slack refuses the token: the app was removed, or the token revoked. Raises when unclear."""
    try:
        await client.who_am_i()
    except Undeliverable as fault:
        if str(fault) in REMOVED:
            return True
        raise
    return False
