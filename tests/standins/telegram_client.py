"""Starts the Telegram stand-in as a process and moves its phones: for tests and benchmarks."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp

from tests.standins.starting import started, until

TOKEN = "1001:AAAA-bbbb_CCCC1111"
SALES = "1002:AAAA-bbbb_CCCC2222"


class Phone:
    """One person's Telegram."""

    def __init__(self, telegram: "Telegram", user: int, bot: int = 1001) -> None:
        self._telegram, self.user, self._bot = telegram, user, bot

    async def act(self, act: str, **body: Any) -> Any:
        return await self._telegram.post(f"/standin/{self._bot}/{self.user}/{act}", body)

    async def say(self, text: str, **more: Any) -> Any:
        return await self.act("message", text=text, **more)

    async def send(self, kind: str, content: bytes, name: str = "", **more: Any) -> Any:
        """Send a file of a kind: photo, document, voice, video."""
        medium = {"base64": base64.b64encode(content).decode()} | ({"name": name} if name else {})
        return await self.act("message", **{kind: medium, **more})

    async def press(self, label: str) -> Any:
        """Press the button with this label under the newest message that has one."""
        for message in reversed(await self.messages()):
            rows = message.get("reply_markup", {}).get("inline_keyboard", [])
            if any(button["text"] == label for row in rows for button in row):
                return await self.act("press", message_id=message["message_id"], label=label)
        raise AssertionError(f"no button {label}")

    async def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.act("messages")
        return found

    async def heard(self) -> list[str]:
        """The texts and captions that the bot sent."""
        told = [m for m in await self.messages() if m["from"]["is_bot"]]
        return [m.get("text") or m.get("caption") or next(k for k in m if k in KINDS) for m in told]

    async def hears(self, count: int, seconds: float = 10.0) -> list[str]:
        """Wait until the bot has sent `count` messages."""

        async def enough() -> list[str]:
            heard = await self.heard()
            return heard if len(heard) >= count else []

        found: list[str] = await until(enough, seconds)
        return found


KINDS = ("photo", "document", "video", "voice", "audio", "animation")


class Telegram:
    """The running stand-in."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self._session = url, session

    async def post(self, path: str, body: Any) -> Any:
        async with self._session.post(self.url + path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self._session.get(self.url + path) as answer:
            return await answer.json()

    async def fault(self, **fault: Any) -> None:
        await self.post("/standin/faults", fault)

    async def log(self, method: str = "") -> list[dict[str, Any]]:
        """Requests of the bot, in order."""
        return [entry for entry in await self.get("/standin/log") if method in ("", entry["method"])]

    async def refusals(self) -> list[str]:
        """What the stand-in refused."""
        return [entry["refused"] for entry in await self.log() if "refused" in entry]

    def phone(self, user: int, bot: int = 1001) -> Phone:
        return Phone(self, user, bot)


@contextmanager
def process(*tokens: str) -> Iterator[str]:
    """The stand-in as a process of its own, on a free port, until the block ends; gives its address."""
    words = [word for token in tokens or (TOKEN, SALES) for word in ("--token", token)]
    with started("telegram_api", *words) as line:
        yield line.split()[-1]


@asynccontextmanager
async def reached(url: str) -> AsyncIterator[Telegram]:
    """The running stand-in at `url`."""
    async with aiohttp.ClientSession() as session:
        yield Telegram(url, session)
