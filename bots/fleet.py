"""The channels that are on, from the settings, and their listening: one table, one line a channel."""

import asyncio
import functools
import importlib
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from aiohttp import web

from bots.channels.base import Account
from bots.faults import Stop
from bots.receiving import Receiver
from bots.sender import Merge, Wait
from bots.settings import Settings
from crm import db, lanes, leases, processes

log = structlog.get_logger()

LEASE_SECONDS = 30.0  # of who listens where only one may; another front takes over this long after a death
RENEW_SECONDS = 8.0
LONGEST_PAUSE_SECONDS = 60.0

# A channel's file in bots/channels, and the setting of its accounts that switches one on. The file gives
# `CAPS`, the published limits, and `make(account, values, ports)`; it is imported when it is needed.
CHANNELS: Mapping[str, str] = {
    "telegram": "token",
    "kakao": "secret",
    "sms": "solapi_sender",
    "alimtalk": "profile",
    "email": "mail_from",
}


def address(channel: str, account: str) -> str:
    """What the sender calls an account of a channel."""
    return f"{channel}/{account}" if account else channel


@functools.cache
def begins(channel: str) -> bool:
    """Whether we may write first. Where we may not, what is said between two messages of theirs waits for the
    next. True of a channel that is ours, such as the web chat."""
    return channel not in CHANNELS or bool(importlib.import_module(f"bots.channels.{channel}").CAPS.begins)


class Fleet:
    """Every channel account that is on."""

    def __init__(self, accounts: Mapping[str, tuple[Account, Receiver]]) -> None:
        self._accounts = accounts
        self.holder = processes.holder("listener")

    @property
    def channels(self) -> dict[str, Account]:
        """By the address that the sender uses."""
        return {name: account for name, (account, _) in self._accounts.items()}

    def waiting(self, wait: Wait) -> dict[str, Wait]:
        """`wait` for every account whose channel cannot begin."""
        return {name: wait for name, account in self.channels.items() if not account.caps.begins}

    @property
    def merging(self) -> dict[str, Merge]:
        """What makes one of several messages, for the accounts whose channel has such."""
        found = {name: getattr(account, "merge", None) for name, account in self.channels.items()}
        return {name: merge for name, merge in found.items() if merge}

    async def opening(self, token: str) -> str:
        """Where a customer goes on with us elsewhere, taking along a token of `crm.linking`; '' while no
        channel has such an address."""
        for account in self.channels.values():
            if (make := getattr(account, "opening", None)) and (url := str(await make(token))):
                return url
        return ""

    def routes(self, app: web.Application) -> None:
        """Add the addresses at which providers call us."""
        for account, receive in self._accounts.values():
            account.routes(app, receive)

    def listen(self) -> list[asyncio.Task[None]]:
        """Start listening everywhere; cancel the tasks to end it."""
        return [
            db.spawn(self._listen(name, account, receive), name=f"listening to {name}")
            for name, (account, receive) in self._accounts.items()
        ]

    async def close(self) -> None:
        for account, _ in self._accounts.values():
            await account.close()

    async def _listen(self, name: str, account: Account, receive: Receiver) -> None:
        """Listen for as long as the lease is ours; after a fault again, more and more patiently."""
        pause = 1.0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                if not account.exclusive:
                    await account.run(receive)
                elif await self._hold(name):
                    await self._run_leased(name, account, receive)
                pause = 1.0
            except Exception as fault:
                log.warning("channel.fault", channel=name, fault=lanes.fault(fault), at=lanes.place(fault))
                lasted = asyncio.get_running_loop().time() - began
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if lasted < LONGEST_PAUSE_SECONDS else 1.0
            await asyncio.sleep(pause)

    async def _hold(self, name: str) -> bool:
        return await leases.hold(f"listen:{name}", self.holder, datetime.now(UTC), LEASE_SECONDS)

    async def _run_leased(self, name: str, account: Account, receive: Receiver) -> None:
        running = db.spawn(account.run(receive), name=f"channel {name}")
        log.info("channel.listening", channel=name)
        try:
            while not running.done():
                await asyncio.wait([running], timeout=RENEW_SECONDS)
                if not running.done() and not await self._hold(name):
                    log.warning("channel.lease_lost", channel=name)
                    return
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await leases.drop(f"listen:{name}", self.holder)


def build(settings: Settings, unmade: dict[str, str] | None = None) -> Fleet:
    """Make every account that the settings switch on. Nothing is asked of a provider yet.

    Raises `Stop` for an account whose settings are not complete; with `unmade`, the fault is put there by the
    account's address instead, and the others are made.
    """
    accounts: dict[str, tuple[Account, Receiver]] = {}
    for channel, key in CHANNELS.items():
        siblings = settings.accounts(channel, key)
        for name, values in siblings.items():
            module = importlib.import_module(f"bots.channels.{channel}")
            receive = Receiver(channel, module.CAPS)
            where = address(channel, name)
            try:
                made: Account = module.make(name, values, receive.ports(settings.url, siblings))
            except ValueError as fault:
                if unmade is None:
                    raise Stop(f"channel {where}: {fault}; docs/channels/{channel}.md") from fault
                unmade[where] = str(fault)
            else:
                accounts[where] = made, receive
    return Fleet(accounts)
