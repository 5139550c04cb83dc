"""Connecting a workspace by a link: `/slack/install` on the desk, consent at Slack, `/slack/oauth_redirect`.

slack-bolt walks the steps of OAuth v2 (https://docs.slack.dev/authentication/installing-with-oauth); what it
keeps meanwhile and afterwards goes to the database: the state once and for minutes, the token sealed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_bolt_request
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import (
    AsyncCallbackOptions,
    AsyncFailureArgs,
    AsyncSuccessArgs,
)
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bots.staff.slack.quiet import Quiet
from bots.staff.slack.workspaces import Workspaces
from bots.web.desk import frame
from crm import slack_workspaces
from crm.actor import Actor
from crm.errors import CrmError

log = structlog.get_logger()

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
DESK = "/desk/admin/slack"
# What the desk says of a connecting that failed; anything else is `failed`.
KNOWN_FAULTS = frozenset(
    {"access_denied", "invalid_browser", "invalid_state", "invalid_code", "known_already", "not_allowed"}
)


class States(AsyncOAuthStateStore):
    """Begun connectings. Each is somebody's: they are issued by `Installing`, which knows whose."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def async_consume(self, state: str) -> bool:
        return await slack_workspaces.consume(state, now=self._now())


class Installations(AsyncInstallationStore):
    """Connected workspaces. Of what Slack gives, the token and whose it is are kept, sealed."""

    def __init__(self, app: str, now: Callable[[], datetime]) -> None:
        self._app, self._now = app, now

    async def save_for(self, actor: Actor, installation: Installation) -> None:
        """Keep it; `actor` connected it."""
        data = {
            name: getattr(installation, name)
            for name in ("app_id", "team_id", "team_name", "bot_token", "bot_id", "bot_user_id", "user_id")
        }
        data["bot_scopes"] = list(installation.bot_scopes or ())
        await slack_workspaces.save(
            actor,
            str(installation.team_id),
            app=self._app,
            name=str(installation.team_name or ""),
            data=data,
            now=self._now(),
        )

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        found = await slack_workspaces.find(team_id or "")
        return Installation(**found.data) if found is not None and found.app == self._app else None

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        found = await self.async_find_installation(enterprise_id=enterprise_id, team_id=team_id)
        return found.to_bot() if found is not None else None

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await slack_workspaces.removed(team_id or "", now=self._now())

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        await slack_workspaces.removed(team_id or "", now=self._now())


class Client(AsyncWebClient):
    """The library's client, showing client ID and secret in the form: its way of a header is deprecated."""

    async def oauth_v2_access(
        self,
        *,
        client_id: str,
        client_secret: str,
        code: str | None = None,
        redirect_uri: str | None = None,
        grant_type: str | None = None,
        refresh_token: str | None = None,
        **kwargs: Any,
    ) -> AsyncSlackResponse:
        given = {
            "client_id": client_id, "client_secret": client_secret, "code": code,
            "redirect_uri": redirect_uri, "grant_type": grant_type, "refresh_token": refresh_token,
        }  # fmt: skip
        data = {name: value for name, value in given.items() if value is not None}
        return await self.api_call("oauth.v2.access", data=data)


class Refused(BoltError):
    """We do not keep this installation; the word says why."""


class Flow(AsyncOAuthFlow):
    """Bolt's flow, whose installations are kept for the staff member who began them."""

    def __init__(
        self, installing: "Installing", client: AsyncWebClient, settings: AsyncOAuthSettings
    ) -> None:
        super().__init__(client=client, logger=Quiet(), settings=settings)
        self._installing = installing

    async def store_installation(self, request: AsyncBoltRequest, installation: Installation) -> None:
        await self._installing.keep(str(request.query.get("state", [""])[0]), installation)


class Installing:
    """Connecting workspaces through one app, whose settings at Slack name `public_url`."""

    def __init__(
        self,
        app: str,
        values: Mapping[str, str],
        workspaces: Workspaces,
        *,
        scopes: frozenset[str],
        public_url: str,
        now: Callable[[], datetime],
    ) -> None:
        self.app, self._workspaces, self._now = app, workspaces, now
        self._values, self._scopes, self._public_url = values, sorted(scopes), public_url
        self.installations = Installations(app, now)
        self._flow: Flow | None = None

    @property
    def ending(self) -> str:
        return f"/{self.app}" if self.app else ""

    @property
    def flow(self) -> Flow:
        """Made where a loop runs."""
        if self._flow is None:
            api = self._values["api_url"]
            settings = AsyncOAuthSettings(
                client_id=self._values["client_id"],
                client_secret=self._values["client_secret"],
                scopes=self._scopes,
                user_scopes=[],
                redirect_uri=f"{self._public_url}{REDIRECT}{self.ending}",
                authorization_url=f"{api.removesuffix('api/')}oauth/v2/authorize",
                installation_store=self.installations,
                state_store=States(self._now),
                state_cookie_name=f"dangol_slack_state{'_' + self.app if self.app else ''}",
                state_expiration_seconds=int(slack_workspaces.STATE_LIFE.total_seconds()),
                callback_options=AsyncCallbackOptions(success=self._done, failure=self._failed),
            )
            self._flow = Flow(self, Client(base_url=api), settings)
        return self._flow

    def routes(self, app: web.Application) -> None:
        """Add where it begins and where Slack sends the browser back."""
        app.router.add_get(INSTALL + self.ending, frame.page(self._begin))
        app.router.add_get(REDIRECT + self.ending, self._back)

    async def _begin(self, desk: frame.Desk) -> web.StreamResponse:
        state = await slack_workspaces.begin(desk.actor, now=self._now())
        settings = self.flow.settings
        to = settings.authorize_url_generator.generate(state=state)
        response = web.Response(status=302, headers={"Location": to})
        cookie = settings.state_utils.build_set_cookie_for_new_state(state)
        if not self._public_url.startswith("https://"):
            cookie = cookie.replace(" Secure;", "")  # a browser would not send it back
        response.headers["Set-Cookie"] = f"{cookie}; SameSite=Lax"
        return response

    async def _back(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = await self.flow.handle_callback(await to_bolt_request(request))
        except (SlackClientError, OSError, TimeoutError) as fault:
            log.warning("slack.not_connected", reason=type(fault).__name__)
            answer = self._to_desk("failed")
        response = web.Response(status=303, headers={"Location": answer.first_headers()["location"]})
        response.del_cookie(self.flow.settings.state_cookie_name, path="/")
        return response

    async def keep(self, state: str, installation: Installation) -> None:
        """Keep an installation for who began it. Raises `Refused`."""
        team = str(installation.team_id or "")
        if not team or not installation.bot_token or installation.is_enterprise_install:
            raise Refused("failed")
        try:
            actor = await slack_workspaces.beginner(state)
            if await self._workspaces.home_of(team) is not None:
                raise Refused("known_already")
            await self.installations.save_for(actor, installation)
        except CrmError:
            raise Refused("not_allowed") from None
        log.info("slack.connected", team=team)

    async def _done(self, args: AsyncSuccessArgs) -> BoltResponse:
        return self._to_desk("done")

    async def _failed(self, args: AsyncFailureArgs) -> BoltResponse:
        reason = str(args.error) if isinstance(args.error, Refused) else args.reason
        log.warning("slack.not_connected", reason=reason if reason in KNOWN_FAULTS else "failed")
        return self._to_desk(reason)

    def _to_desk(self, word: str) -> BoltResponse:
        word = word if word in KNOWN_FAULTS or word == "done" else "failed"
        return BoltResponse(status=303, headers={"Location": f"{DESK}?{urlencode({'connected': word})}"})
