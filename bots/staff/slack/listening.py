"""How Slack reaches us: Socket Mode over two connections, or signed requests to `/channels/slack`.

Both go through slack-bolt, whose last middleware stores what came and only then acknowledges; so nothing is
lost between the two, and what Slack repeats is found again by its name. Bolt itself dedupes nothing.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bots.staff.slack import hearing, modals
from bots.staff.slack.cards import Look
from bots.staff.slack.missed import Missed
from bots.staff.slack.quiet import Quiet
from bots.staff.slack.workspaces import Workspaces
from crm import db, lanes, staff_inbox

log = structlog.get_logger()

FACE = "slack"
CONNECTIONS = 2  # Slack allows ten; one is renewed or silent while the other hears
WATCH_SECONDS = 5.0
PING_SECONDS = 5.0  # an answer missing for four of these means that the connection is dead
RENEWED_AFTER_SECONDS = 1800.0  # sockets fall silent after idling (bolt-python issues 417, 1446, 1529)
CATCH_UP_SECONDS = 600.0
BODY_BYTES = 1024 * 1024


class Listener:
    """Hears one app of Slack's: the workspace of its token, and those that are connected through it."""

    def __init__(
        self,
        name: str,
        workspaces: Workspaces,
        *,
        api_url: str,
        app_token: str,
        signing_secret: str,
        look: Look,
        now: Callable[[], datetime],
    ) -> None:
        self.name, self._workspaces, self._api_url = name, workspaces, api_url
        self._app_token, self._signing_secret = app_token, signing_secret
        self._look, self._now = look, now
        self._app: AsyncApp | None = None
        self._sockets: list[Socket] = []
        self._missed = Missed()
        self.heard = 0

    @property
    def app(self) -> AsyncApp:
        """Bolt's application, made where a loop runs."""
        if self._app is None:
            self._app = AsyncApp(
                name="dangol",
                logger=Quiet(),
                client=AsyncWebClient(base_url=self._api_url),
                signing_secret=self._signing_secret or "none given: no request is ours",
                authorize=_ours,
                ignoring_self_events_enabled=False,
            )
            self._app.use(self._keep)
        return self._app

    async def _keep(self, req: AsyncBoltRequest, next: Callable[[], Awaitable[None]]) -> BoltResponse:
        """Store, then acknowledge. Raising here means that Slack sends it again."""
        del next  # nothing comes after us
        heard = hearing.read_body(req.body)
        if heard is not None:
            account = await self._workspaces.account_of(self.name, hearing.team_of(req.body))
            if account is None:
                log.info("slack.unknown_workspace", app=self.name)
            else:
                await self.keep(account, heard)
        return BoltResponse(status=200, body="")

    async def keep(self, account: str, heard: hearing.Heard | None) -> bool:
        """Store what was heard; True when it is new. A button that opens a form has it opened at once."""
        if heard is None:
            return False
        self.heard += 1
        new = await staff_inbox.store(
            FACE,
            account,
            heard.external_id,
            heard.kind,
            heard.data,
            queue=staff_inbox.queue_of(FACE, account, *heard.queue),
            now=self._now(),
        )
        if new and heard.kind == "press" and heard.data["action"] in modals.OPENING:
            db.spawn(self._open(account, heard), name="slack modal")
        return new is not None

    async def _open(self, account: str, heard: hearing.Heard) -> None:
        """Within three seconds of the press; if it fails the person presses again."""
        try:
            view = modals.loading(self._look, str(heard.data["action"]), heard.external_id)
            if client := await self._workspaces.find(account):
                await client.call("views.open", trigger_id=heard.data["trigger"], view=view)
        except Exception as fault:
            log.warning("slack.modal_not_opened", fault=lanes.fault(fault))

    # --- signed requests

    def routes(self, app: web.Application) -> None:
        """Add the address at which Slack calls us, when a signing secret is set."""
        if self._signing_secret:
            path = f"/channels/slack/{self.name}" if self.name else "/channels/slack"
            app.router.add_post(path, self._request)

    async def _request(self, request: web.Request) -> web.Response:
        if (request.content_length or 0) > BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(BODY_BYTES, request.content_length or 0)
        answer = await self.app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    # --- Socket Mode

    @property
    def socket_mode(self) -> bool:
        return bool(self._app_token)

    async def run(self) -> None:
        """Keep the connections alive until cancelled. Only one process does, by lease."""
        self._sockets = [Socket(self.app, self._app_token) for _ in range(CONNECTIONS)]
        try:
            for at, socket in enumerate(self._sockets):
                await socket.open(age=at * RENEWED_AFTER_SECONDS / CONNECTIONS)
            await asyncio.gather(self._watch(), self._catch_up())
        finally:
            await asyncio.gather(*(socket.close() for socket in self._sockets), return_exceptions=True)

    async def _watch(self) -> None:
        deaf = False
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            alive = [await socket.alive() for socket in self._sockets]
            if deaf and any(alive):
                await self.catch_up()
            deaf = not any(alive)
            for socket, well in zip(self._sockets, alive, strict=True):
                if not well:
                    log.warning("slack.socket_renewed", account=self.name)
                    await socket.renew()
            old = [socket for socket in self._sockets if socket.age() > RENEWED_AFTER_SECONDS]
            if old and all(alive):
                await old[0].renew()

    async def _catch_up(self) -> None:
        """Now and then, and when it begins: what was said while nobody listened is not sent again."""
        while True:
            with contextlib.suppress(Exception):
                await self.catch_up()
            await asyncio.sleep(CATCH_UP_SECONDS)

    async def catch_up(self) -> int:
        """Store what was missed in every workspace; how many messages that were."""
        missed = 0
        for account in await self._workspaces.of_app(self.name):
            if client := await self._workspaces.find(account):
                keep = functools.partial(self.keep, account)
                missed += await self._missed.read(account, client, keep, self._now())
        if missed:
            log.warning("slack.caught_up", app=self.name, messages=missed)
        return missed


async def _ours() -> AuthorizeResult:
    """Nobody is asked whose token goes with a request: storing waits for nobody, and sending has its own."""
    return AuthorizeResult(enterprise_id=None, team_id=None)


class Socket:
    """One Socket Mode connection that is renewed when it is dead, silent or old."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._app, self._app_token = app, app_token
        self._handler: AsyncSocketModeHandler | None = None
        self._since = 0.0

    async def open(self, *, age: float = 0.0) -> None:
        """Connect; `age` in seconds makes it be renewed sooner, so that two never are at once."""
        self._handler = AsyncSocketModeHandler(
            self._app, self._app_token, logger=Quiet(), ping_interval=PING_SECONDS
        )
        await asyncio.wait_for(self._handler.connect_async(), 30)  # type: ignore[no-untyped-call]
        self._since = time.monotonic() - age

    async def alive(self) -> bool:
        return self._handler is not None and await self._handler.client.is_connected()

    def age(self) -> float:
        """Seconds since it was connected."""
        return time.monotonic() - self._since

    async def renew(self) -> None:
        """A new connection first, then the old one goes: nothing is missed between them."""
        old = self._handler
        with contextlib.suppress(Exception):
            await self.open()
        if old is not None and old is not self._handler:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(old.close_async(), 10)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        if self._handler is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._handler.close_async(), 10)  # type: ignore[no-untyped-call]
