"""Slack as it is wired: its workspaces from the settings, and what runs for them in every front."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from aiohttp import web
from slack_sdk.errors import SlackApiError

from bots.channels.base import RetryLater, Undeliverable
from bots.settings import Settings
from bots.staff.slack import following, handling
from bots.staff.slack.cards import Look
from bots.staff.slack.client import Slack, Uncertain
from bots.staff.slack.following import Following
from bots.staff.slack.handling import Handler
from bots.staff.slack.installing import Client, Installing
from bots.staff.slack.listening import Listener
from bots.staff.slack.posting import Poster
from bots.staff.slack.workspaces import REMOVED, Workspaces, removed
from bots.worker import utc_now
from crm import db, happenings, lanes, leases, processes, slack_workspaces

log = structlog.get_logger()

LEASE_SECONDS = 30.0  # of who holds the sockets; another front takes over this long after a death
RENEW_SECONDS = 8.0
LONGEST_PAUSE_SECONDS = 60.0
FOLLOW_SECONDS = 5.0  # between looks at happenings when nothing wakes
CHANNELS_MOST = 1000
LOOK_SECONDS = 600  # between looks at the channels of a workspace
NEW_SECONDS = 10  # until a workspace that was connected is looked at
SCOPES = frozenset(
    {
        "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:read",
        "files:write", "groups:history", "groups:read", "im:history", "im:read", "reactions:write",
        "users:read", "users:read.email",
    }
)  # fmt: skip


class Face:
    """Every app and workspace that is on. Without any, nothing runs."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings, self._now = settings, now
        self.holder = processes.holder("slack")
        self.listeners: dict[str, Listener] = {}
        self.installing: dict[str, Installing] = {}
        apps = apps_of(settings)
        self.workspaces = Workspaces(
            {app: Slack(v["bot_token"], v["api_url"]) for app, v in apps.items() if v["bot_token"]},
            {app: v["api_url"] for app, v in apps.items() if v["client_id"]},
        )
        for app, values in apps.items():
            self._add(app, values)
        self.handler = Handler(self.workspaces, self.look, now=now)
        self.poster = Poster(self.workspaces, self.look(settings.locale), now=now)
        self.following = Following(now)

    def _add(self, app: str, values: Mapping[str, str]) -> None:
        self.listeners[app] = Listener(
            app,
            self.workspaces,
            api_url=values["api_url"],
            app_token=values["app_token"],
            signing_secret=values["signing_secret"],
            look=self.look(self._settings.locale),
            now=self._now,
        )
        if values["client_id"]:
            self.installing[app] = Installing(
                app, values, self.workspaces, scopes=SCOPES, public_url=self._settings.url, now=self._now
            )

    def look(self, lang: str) -> Look:
        """How a language is spoken, and where links lead."""
        lang = lang if lang in ("ko", "en") else self._settings.locale
        return Look(lang, self._settings.tz, self._settings.url)

    def routes(self, app: web.Application) -> None:
        """Add the addresses at which Slack calls us, and where workspaces are connected."""
        for listener in self.listeners.values():
            listener.routes(app)
        for installing in self.installing.values():
            installing.routes(app)

    def start(self) -> list[asyncio.Task[None]]:
        """Start all that runs for Slack; cancel the tasks to end it."""
        if not self.listeners:
            return []
        work = [
            db.spawn(self.handler.run(), name="slack handler"),
            db.spawn(self.poster.run(), name="slack poster"),
            db.spawn(self._follow(), name="slack follower"),
        ]
        for name, listener in self.listeners.items():
            work.append(db.spawn(self._one_process(name, listener), name=f"slack {name}"))
        return work

    async def close(self) -> None:
        await self.workspaces.close()

    # --- happenings

    async def _follow(self) -> None:
        begun = False
        while True:
            try:
                if not begun:
                    await following.begin()
                    begun = True
                if not await happenings.consume(following.READER, [self.following]):
                    await db.wait("happenings", FOLLOW_SECONDS)
            except Exception as fault:
                log.warning("slack.follow_failed", fault=lanes.fault(fault), at=lanes.place(fault))
                await asyncio.sleep(1.0)

    # --- what only one process does

    async def _one_process(self, name: str, listener: Listener) -> None:
        """Hold the sockets and know the channels, for as long as the lease is ours."""
        lease, pause = f"slack:{name}", 1.0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                if await self._hold(lease):
                    await self._leased(lease, name, listener)
            except Exception as fault:
                log.warning("slack.fault", account=name, fault=lanes.fault(fault), at=lanes.place(fault))
                lasted = asyncio.get_running_loop().time() - began
                pause = 1.0 if lasted > LONGEST_PAUSE_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _hold(self, lease: str) -> bool:
        return await leases.hold(lease, self.holder, datetime.now(UTC), LEASE_SECONDS)

    async def _leased(self, lease: str, name: str, listener: Listener) -> None:
        running = db.spawn(self._serve(name, listener), name=f"slack sockets {name}")
        log.info("slack.listening", account=name, sockets=listener.socket_mode)
        try:
            while not running.done():
                await asyncio.wait([running], timeout=RENEW_SECONDS)
                if not running.done() and not await self._hold(lease):
                    log.warning("slack.lease_lost", account=name)
                    return
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await leases.drop(lease, self.holder)

    async def _serve(self, name: str, listener: Listener) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._look_around(name))
            if listener.socket_mode:  # signed requests come to any front
                both.create_task(listener.run())

    async def _look_around(self, app: str) -> None:
        """Know every workspace's channels; a workspace that was connected a moment ago is looked at soon."""
        known: set[str] = set()
        while True:
            for _ in range(LOOK_SECONDS // NEW_SECONDS):
                for account in await self.workspaces.of_app(app):
                    if account not in known and await self._learn(account):
                        known.add(account)
                await asyncio.sleep(NEW_SECONDS)
            known.clear()

    async def _learn(self, account: str) -> bool:
        """Whether its channels are known now. A workspace that has removed our app is turned off."""
        client = await self.workspaces.find(account)
        if client is None:
            return False
        try:
            await self.learn_channels(account)
            if account in self.workspaces.given:
                await slack_workspaces.works(account)
        except Undeliverable as fault:
            log.warning("slack.not_looked_at", account=account, reason=str(fault))
            if str(fault) in REMOVED and await removed(client):
                await slack_workspaces.removed(account, now=self._now())
        except (RetryLater, Uncertain) as fault:
            log.info("slack.later", reason=type(fault).__name__)
            return False
        return True

    async def learn_channels(self, name: str) -> int:
        """Write down which channels we are in and what they are; how many."""
        slack, cursor, count = await self.workspaces.find(name), "", 0
        while slack is not None:
            told = await slack.get(
                "users.conversations",
                types="public_channel,private_channel",
                exclude_archived="true",
                limit=200,
                **({"cursor": cursor} if cursor else {}),
            )
            for channel in told.get("channels", []):
                place = await slack.place(str(channel["id"]))
                await handling.keep_place(name, place, self._now())
                count += 1
            cursor = str((told.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor or count >= CHANNELS_MOST:
                return count
        return 0


OWN = ("bot_token", "app_token", "signing_secret", "client_id", "client_secret")


def apps_of(settings: Settings) -> dict[str, dict[str, str]]:
    """Every app's settings: on by a bot token (one workspace) or a client ID (workspaces connect themselves).

    Secrets of the first are not another's.
    """
    found = {**settings.accounts("slack", "client_id"), **settings.accounts("slack", "bot_token")}
    for name, values in found.items():
        for key in OWN:
            if name and values[key] == getattr(settings, f"slack_{key}"):
                values[key] = ""
    return {name: values for name, values in found.items() if values["bot_token"] or values["client_id"]}


async def check(values: Mapping[str, str]) -> str:
    """Prove an app's settings against Slack and say who we are there. Raises with what is wrong."""
    try:
        return await _proven(values)
    except (Uncertain, RetryLater, OSError) as fault:
        raise RuntimeError(f"Slack does not answer at {values['api_url']} ({fault})") from None


async def _proven(values: Mapping[str, str]) -> str:
    who = []
    if values["bot_token"]:
        slack = Slack(values["bot_token"], values["api_url"])
        try:
            told = await slack.who_am_i()
        except Undeliverable as fault:
            raise RuntimeError(f"SLACK_BOT_TOKEN: {fault}; copy it from Install App") from None
        finally:
            await slack.close()
        if slack.scopes and (lacks := SCOPES - slack.scopes):
            named = ", ".join(sorted(lacks))
            raise RuntimeError(f"SLACK_BOT_TOKEN lacks {named}; add it under OAuth & Permissions, reinstall")
        who.append(f"@{told.get('user')} in {told.get('team')}")
    if values["client_id"]:
        who.append(await _check_client(values))
    if values["app_token"]:
        other = Slack(values["app_token"], values["api_url"])
        try:
            await other.call("apps.connections.open")
        except Undeliverable as fault:
            raise RuntimeError(
                f"SLACK_APP_TOKEN: {fault}; make one in Basic Information, App-Level Tokens"
            ) from None
        finally:
            await other.close()
    if not values["app_token"] and not values["signing_secret"]:
        raise RuntimeError("neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set")
    how = "Socket Mode" if values["app_token"] else "signed requests"
    return ", ".join([*who, how])


async def _check_client(values: Mapping[str, str]) -> str:
    """Prove client ID and secret by a code that cannot be good: Slack says what it finds wrong first."""
    if not values["client_secret"]:
        raise RuntimeError("SLACK_CLIENT_ID needs SLACK_CLIENT_SECRET")
    web = Client(base_url=values["api_url"], timeout=10)
    try:
        await web.oauth_v2_access(
            client_id=values["client_id"], client_secret=values["client_secret"], code="none"
        )
    except SlackApiError as fault:
        word = str(fault.response.get("error", ""))
        if word not in ("invalid_code", "code_already_used"):
            raise RuntimeError(
                f"SLACK_CLIENT_ID, SLACK_CLIENT_SECRET: {word}; copy both from Basic Information"
            ) from None
    return "workspaces may be connected"
