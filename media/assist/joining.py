"""Turning the code of the conversation into a seat, and bringing the log to the server."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from media.assist.chain import Entry
from media.assist.scenes import Who

FAULTS: Final = {404: "fault.unknown", 410: "fault.expired", 429: "fault.too_many"}
BATCH: Final = 100
FLUSH_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 10.0


class JoinFault(Exception):
    """The code opened nothing; the text is the key of the reason in `words`."""


@dataclass(frozen=True)
class Ticket:
    """What a code gave: the seat in the room, where to speak, and where the log goes."""

    token: str
    browser: str
    socket: str
    log: str
    who: Who


async def join(http: aiohttp.ClientSession, server: str, code: str) -> Ticket:
    """Ask the server for the seat behind a code. Raises `JoinFault`."""
    try:
        async with http.post(f"{server}/assist/join", json={"code": code}) as answer:
            if answer.status != 200:
                raise JoinFault(FAULTS.get(answer.status, "fault.network"))
            return _ticket(await answer.json())
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        raise JoinFault("fault.network") from None


def _ticket(said: dict[str, Any]) -> Ticket:
    who = Who(str(said["who"]), str(said["company"]), "en" if said.get("lang") == "en" else "ko")
    return Ticket(str(said["token"]), str(said["browser"]), str(said["socket"]), str(said["log"]), who)


class LogSender:
    """Brings entries to the server in order, each at least once; what cannot be sent yet waits."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http, self._address = http, address
        self._waiting: list[Entry] = []

    def put(self, entry: Entry) -> None:
        self._waiting.append(entry)

    async def run(self) -> None:
        """Send until cancelled."""
        pause = FLUSH_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = FLUSH_SECONDS if await self.flush() else min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def flush(self) -> bool:
        """Send all that waits; False when the server did not take it."""
        while batch := self._waiting[:BATCH]:
            if not await self._post(batch):
                return False
            del self._waiting[: len(batch)]
        return True

    async def _post(self, batch: Sequence[Entry]) -> bool:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            body = {"entries": [entry.as_dict() for entry in batch]}
            async with self._http.post(self._address, json=body) as answer:
                return answer.status < 300
        return False


def same_server(server: str, url: str) -> str:
    """The absolute address of a file of ours. Raises `ValueError` for an address of anybody else's."""
    whole = url if urlsplit(url).scheme else f"{server}{url if url.startswith('/') else '/' + url}"
    if urlsplit(whole)[:2] != urlsplit(server)[:2]:
        raise ValueError("url")
    return whole
