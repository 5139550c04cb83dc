"""What was written while no connection was open: read from Slack's own history, since it is not sent again.

Below our cards everything counts. At the root of a channel, and in messages to the app alone, what is said
to us: commands. Each is stored by its place and time, as the event would have been, so none is done twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from bots.channels.base import Undeliverable
from bots.staff.slack import hearing
from bots.staff.slack.client import Slack
from crm import slack, slack_cards

log = structlog.get_logger()

THREADS = 40  # of the newest cards; more would use up the method's limit (50 a minute)
PLACES = 40  # channels, and as many people
PAGES = 3
PAGE = 100
PAUSE_SECONDS = 1.3
BACK_SECONDS = 86_400.0  # older words are looked after by people

Keep = Callable[[hearing.Heard | None], Awaitable[bool]]


class Missed:
    """Reads a workspace's newest words, and remembers how far it got in each place."""

    def __init__(self, pause: float = PAUSE_SECONDS) -> None:
        self._pause = pause
        self._read: dict[tuple[str, str], str] = {}

    async def read(self, account: str, client: Slack, keep: Keep, now: datetime) -> int:
        """Give `keep` what staff wrote in the last day; how many messages were new."""
        missed = 0
        for card in await slack_cards.newest(account, THREADS):
            missed += await self._thread(client, card.channel, card.ts, keep, now)
        bot = await client.bot()
        for row in await slack.channels(PLACES, account=account):
            missed += await self._place(account, client, row.channel, keep, now, bot=bot)
        for channel in await self._directs(account, client):
            missed += await self._place(account, client, channel, keep, now)
        return missed

    async def _thread(self, client: Slack, channel: str, ts: str, keep: Keep, now: datetime) -> int:
        try:
            told = await client.get(
                "conversations.replies", channel=channel, ts=ts, limit=50, oldest=_since(now)
            )
        except Undeliverable:
            return 0  # the card or the channel is gone
        await asyncio.sleep(self._pause)
        found = [m for m in told.get("messages", []) if m.get("ts") != ts and _by_a_person(m)]
        return sum([await keep(hearing.message(message, channel)) for message in found])

    async def _place(
        self, account: str, client: Slack, channel: str, keep: Keep, now: datetime, *, bot: str = ""
    ) -> int:
        """The roots of a channel; with `bot` only those that begin with its mention."""
        missed, newest = 0, self._read.get((account, channel), "")
        oldest = max(newest, _since(now), key=lambda ts: float(ts or 0))
        try:
            async for message in self._history(client, channel, oldest):
                newest = max(newest, str(message.get("ts") or ""), key=lambda ts: float(ts or 0))
                ours = not bot or hearing.addressed(str(message.get("text") or ""), bot) is not None
                if ours and _by_a_person(message) and message.get("thread_ts") in (None, message.get("ts")):
                    missed += await keep(hearing.message(message, channel))
        except Undeliverable as fault:
            log.info("slack.not_read", reason=str(fault))
            return missed
        self._read[account, channel] = newest
        return missed

    async def _history(self, client: Slack, channel: str, oldest: str) -> AsyncIterator[Mapping[str, Any]]:
        cursor: dict[str, str] = {}
        for _ in range(PAGES):
            told = await client.get(
                "conversations.history", channel=channel, limit=PAGE, oldest=oldest, **cursor
            )
            for message in told.get("messages", []):
                yield message
            await asyncio.sleep(self._pause)
            on = str((told.get("response_metadata") or {}).get("next_cursor") or "")
            if not on:
                return
            cursor = {"cursor": on}

    async def _directs(self, account: str, client: Slack) -> list[str]:
        """Where staff whom we know write to the app alone."""
        known = {row.slack_id for row in await slack.users(PLACES, account=account)}
        if not known:
            return []
        told = await client.get("users.conversations", types="im", limit=200)
        return [str(c["id"]) for c in told.get("channels", []) if c.get("user") in known][:PLACES]


def _by_a_person(message: Mapping[str, Any]) -> bool:
    """Words of a person, as they were first written: an edit has its own event, or is lost."""
    return not (message.get("bot_id") or message.get("edited")) and message.get("subtype") in hearing.MESSAGES


def _since(now: datetime) -> str:
    return f"{now.timestamp() - BACK_SECONDS:.6f}"
