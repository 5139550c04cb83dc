"""Waiting for a channel's allowance: a short line for each account, and no line for what would take long."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bots.limits import Limiter

PATIENCE_SECONDS = 0.5  # waited out in place; who has to wait longer makes room for others meanwhile


@dataclass
class _Line:
    """Who stands at one account's bucket: one looks at it, the others wait for that one."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class Pacer:
    """Turns at the buckets of `limiter`."""

    def __init__(self, limiter: Limiter, now: Callable[[], datetime]) -> None:
        self.limiter = limiter
        self._now = now
        self._lines: dict[tuple[str, str], _Line] = {}

    async def turn(self, channel: str, account: str, recipient: int, *, stand: bool = False) -> float:
        """Wait a little for the tokens of one request and return 0; or the seconds after which to come again.

        After 0, `answered` must follow once the request has ended. `stand`: whoever has begun a message of
        several requests stands in line however long it is.
        """
        while own := self.limiter.own(channel, account, recipient, self._now()):
            if own > PATIENCE_SECONDS:
                return own
            await asyncio.sleep(own)
        line = self._lines.setdefault((channel, account), _Line())
        if not stand and self.limiter.behind(channel, line.length) > PATIENCE_SECONDS:
            return self.limiter.postpone(channel, account, self._now(), PATIENCE_SECONDS)
        line.length += 1
        try:
            async with line.turn:
                return await self._first_in_line(channel, account, recipient)
        finally:
            line.length -= 1

    def answered(self, channel: str, account: str) -> None:
        """A request that got its turn has ended, however it went."""
        self.limiter.answered(channel, account, self._now())

    async def _first_in_line(self, channel: str, account: str, recipient: int) -> float:
        while seconds := self.limiter.take(channel, account, recipient, self._now()):
            if seconds > PATIENCE_SECONDS:
                return seconds
            await asyncio.sleep(seconds)
        return 0.0
