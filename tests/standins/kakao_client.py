"""Starts the Kakao stand-in as a process and moves its phones: for tests and benchmarks."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp

from tests.standins.starting import started

SECRET = "a-secret-path-of-kakao-24x"


class Phone:
    """One person's KakaoTalk."""

    def __init__(self, kakao: "Kakao", user: str) -> None:
        self._kakao, self.user = kakao, user

    async def say(self, text: str, **more: Any) -> dict[str, Any]:
        """Write; gives what is shown, after how many seconds, or why nothing is."""
        return await self._kakao.post(f"/standin/{self.user}/say", {"text": text, **more})

    async def send(self, content: bytes, kind: str = "image/png") -> dict[str, Any]:
        """Send a picture."""
        image = base64.b64encode(content).decode()
        return await self._kakao.post(f"/standin/{self.user}/say", {"image": image, "type": kind})

    async def press(self, label: str) -> dict[str, Any]:
        return await self._kakao.post(f"/standin/{self.user}/press", {"label": label})

    async def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._kakao.get(f"/standin/{self.user}/messages")
        return found

    async def heard(self) -> list[str]:
        """The texts of the bot's bubbles, promises left out."""
        told = [item for item in await self.messages() if item["by"] == "bot" and not item.get("promise")]
        return [text for item in told for output in item["outputs"] if (text := words(output))]


def words(output: dict[str, Any]) -> str:
    """The text of a component; '' of one without."""
    [(kind, content)] = output.items()
    return str(content["text"]) if kind == "simpleText" else ""


class Kakao:
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

    async def control(self, **values: Any) -> None:
        """`skill`, `callbacks`, `skill_seconds`, `callback_seconds`, `clear`; or a fault by its `kind`."""
        await self.post("/standin/control", values)

    async def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.get("/standin/log")
        return found

    async def refusals(self) -> list[str]:
        """What the stand-in refused."""
        return [entry["refused"] for entry in await self.log() if "refused" in entry]

    def phone(self, user: str) -> Phone:
        return Phone(self, user)


@contextmanager
def process() -> Iterator[str]:
    """The stand-in as a process of its own, on a free port, until the block ends; gives its address."""
    with started("kakao_platform") as line:
        yield line.split()[-1]


@asynccontextmanager
async def reached(url: str) -> AsyncIterator[Kakao]:
    """The running stand-in at `url`."""
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Kakao(url, session)
