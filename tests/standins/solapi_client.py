"""Starts the SOLAPI stand-in as a process and looks at what it was asked: for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from tests.standins.solapi_api import KEY, SECRET, SENDER
from tests.standins.starting import started

HOOK_SECRET = "a-secret-of-the-hooks"
PROFILE = "KA01PF000000000000000dangoldemo"
SETTINGS = {
    "solapi_key": KEY,
    "solapi_secret": SECRET,
    "solapi_sender": SENDER,
    "solapi_webhook_secret": HOOK_SECRET,
}


class Solapi:
    """The running stand-in."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self._session = url, session

    async def act(self, act: str, **body: Any) -> None:
        async with self._session.post(f"{self.url}/standin/{act}", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def fault(self, **faults: Any) -> None:
        await self.act("faults", **faults)

    async def log(self) -> dict[str, Any]:
        async with self._session.get(f"{self.url}/standin/log") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def messages(self) -> list[dict[str, Any]]:
        """What was taken, in order."""
        found: list[dict[str, Any]] = (await self.log())["messages"]
        return found

    async def posted(self, path: str) -> list[int]:
        """The answers that web hooks got."""
        return [one["status"] for one in (await self.log())["posted"] if one["path"] == path]


@contextmanager
def process(*arguments: str) -> Iterator[str]:
    """The stand-in as a process of its own, on a free port, until the block ends; gives its address."""
    with started("solapi_api", *arguments) as line:
        yield line.split()[-1]
