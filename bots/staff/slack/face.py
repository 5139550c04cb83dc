"""Slack as it is wired: its workspaces from the settings, and what runs for them in every front."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from aiohttp import web

from bots.channels.base import Undeliverable
from bots.settings import Settings
from bots.staff.slack import following, handling
from bots.staff.slack.cards import Look
from bots.staff.slack.client import Slack
from bots.staff.slack.following import Following
from bots.staff.slack.handling import Handler
from bots.staff.slack.listening import Listener
from bots.staff.slack.posting import Poster
from bots.worker import utc_now
from crm import db, happenings, lanes, leases, processes

log = structlog.get_logger()

LEASE_SECONDS = 30.0  # of who holds the sockets; another front takes over this long after a death
RENEW_SECONDS = 8.0
LONGEST_PAUSE_SECONDS = 60.0
FOLLOW_SECONDS = 5.0  # between looks at happenings when nothing wakes
CHANNELS_MOST = 1000
SCOPES = frozenset(
    {
        "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:read",
        "files:write", "groups:history", "groups:read", "im:history", "im:read", "reactions:write",
        "users:read", "users:read.email",
    }
)  # fmt: skip


class Face:
    """Every workspace that is on. Without any, nothing runs."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings, self._now = settings, now
        self.holder = processes.holder("slack")
        self.accounts: dict[str, Slack] = {}
        self.listeners: dict[str, Listener] = {}
        for name, values in accounts_of(settings).items():
            self._add(name, values)
        self.handler = Handler(self.accounts, self.look, now=now)
        self.poster = Poster(self.accounts, self.look(settings.locale), now=now)
        self.following = Following(now)

    def _add(self, name: str, values: Mapping[str, str]) -> None:
        slack = self.accounts[name] = Slack(values["bot_token"], values["api_url"])
        self.listeners[name] = Listener(
            name,
            slack,
            app_token=values["app_token"],
            signing_secret=values["signing_secret"],
            look=self.look(self._settings.locale),
            now=self._now,
        )

    def look(self, lang: str) -> Look:
        """How a language is spoken, and where links lead."""
        lang = lang if lang in ("ko", "en") else self._settings.locale
        return Look(lang, self._settings.tz, self._settings.url)

    def routes(self, app: web.Application) -> None:
        """Add the addresses at which Slack calls us."""
        for listener in self.listeners.values():
            listener.routes(app)

    def start(self) -> list[asyncio.Task[None]]:
        """Start all that runs for Slack; cancel the tasks to end it."""
        if not self.accounts:
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
        for slack in self.accounts.values():
            await slack.close()

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
        await self.learn_channels(name)
        if listener.socket_mode:
            await listener.run()
        while True:  # signed requests come to any front; here only channels are looked at
            await asyncio.sleep(600)
            await self.learn_channels(name)

    async def learn_channels(self, name: str) -> int:
        """Write down which channels we are in and what they are; how many."""
        slack, cursor, count = self.accounts[name], "", 0
        while True:
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


def accounts_of(settings: Settings) -> dict[str, dict[str, str]]:
    """Every workspace's settings. Each is an app of its own: secrets of the first are not another's."""
    found = settings.accounts("slack", "bot_token")
    for name, values in found.items():
        for key in ("app_token", "signing_secret"):
            if name and values[key] == getattr(settings, f"slack_{key}"):
                values[key] = ""
    return found


async def check(slack: Slack, values: Mapping[str, str]) -> str:
    """Prove an account's settings against Slack and say who we are there. Raises with what is wrong."""
    told = await slack.who_am_i()
    if values["app_token"]:
        other = Slack(values["app_token"], values["api_url"])
        try:
            await other.call("apps.connections.open")
        except Undeliverable as fault:
            raise RuntimeError(f"SLACK_APP_TOKEN: {fault}") from None
        finally:
            await other.close()
    if not values["app_token"] and not values["signing_secret"]:
        raise RuntimeError("neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set")
    how = "Socket Mode" if values["app_token"] else "signed requests"
    return f"@{told.get('user')} in {told.get('team')}, {how}"
