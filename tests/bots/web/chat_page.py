"""A customer's page without a browser, and a bot that answers by the book."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient

from crm import choices, inbox, lanes, outbox
from crm import db as database

PATIENCE = 10.0  # seconds at most that a test waits for a frame

Client = TestClient[Any, Any]
Answer = Callable[["Bot", inbox.Turn], Awaitable[None]]


def now() -> datetime:
    return datetime.now(UTC)


class Page:
    """One open socket. `frames` is everything heard."""

    def __init__(self, client: Client, session: str | None = None) -> None:
        self.client = client
        self.session = session
        self.frames: list[dict[str, Any]] = []
        self.ws: ClientWebSocketResponse

    async def open(self, **hello: Any) -> "Page":
        """Connect and say hello; returns once welcome."""
        self.ws = await self.client.ws_connect("/channels/web", headers=hello.pop("headers", {}))
        given = {"session": self.session} if self.session else {}
        await self.send(type="hello", locale=hello.pop("locale", "ko"), **given, **hello)
        welcome = await self.hear("welcome")
        self.session = welcome["session"]
        return self

    async def send(self, **frame: Any) -> None:
        await self.ws.send_json(frame)

    async def say(self, text: str, id: str) -> None:
        await self.send(type="message", id=id, text=text)

    async def next(self) -> dict[str, Any]:
        message = await self.ws.receive(timeout=PATIENCE)
        assert message.type is WSMsgType.TEXT, message
        frame: dict[str, Any] = message.json()
        self.frames.append(frame)
        return frame

    async def hear(self, type: str, **wanted: Any) -> dict[str, Any]:
        """The next frame of this type with these values; others are kept in `frames`."""
        while True:
            frame = await self.next()
            if frame["type"] == type and all(frame.get(key) == value for key, value in wanted.items()):
                return frame

    async def settle(self) -> None:
        """Wait until everything sent before has been acted upon."""
        await self.send(type="choice", id="settle", value="nothing")
        await self.hear("error", id="settle")

    def heard(self, type: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == type]

    async def close(self) -> None:
        await self.ws.close()


class Bot:
    """Answers waiting messages in the background, a transaction each."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.held = asyncio.Event()
        self.held.set()

    async def say(self, turn: inbox.Turn, text: str, *, buttons: Any = (), cards: Any = ()) -> None:
        pressable, shown = choices.mint(buttons, cards)
        await outbox.put(
            turn.conversation_id,
            author="bot",
            text=text,
            choices=pressable,
            cards=shown,
            inbox_id=turn.inbox_id,
            now=now(),
        )

    async def run(self) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                await self.held.wait()
                for claim in await inbox.claim("bot", now()):
                    await self._work(claim)
                await database.wait("inbox", 0.2)

    async def _work(self, claim: inbox.Claim) -> None:
        # The lane before the conversation, as whoever stores a message takes them: the other order deadlocks.
        async with database.transaction(first=lambda: lanes.fence(claim.lane, now())):
            for turn in claim.turns:
                await self.answer(self, turn)
            await inbox.finish(claim, claim.turns, now())


async def echo(bot: Bot, turn: inbox.Turn) -> None:
    """Says back what was said; to '조용히' nothing; to '고르기' two choices, to '문서' two articles."""
    text = turn.last.text or turn.last.kind
    if text == "조용히":
        return
    if text == "고르기":
        buttons = [
            {"title": "세탁기", "payload": '/request_service{"product": "washer"}'},
            {"title": "냉장고", "payload": '/request_service{"product": "fridge"}'},
        ]
        await bot.say(turn, "둘 중 어느 쪽인가요?", buttons=buttons)
        return
    if text == "문서":
        cards = [
            {"type": "article", "title": "영업시간", "quote": "평일은 9시부터예요.", "url": "/kb/ko/hours"},
            {"type": "article", "title": "오시는 길", "quote": "3층이에요.", "url": "/kb/ko/location"},
        ]
        await bot.say(turn, "평일은 9시부터예요.", cards=cards)
        return
    await bot.say(turn, f"들은 말: {text}")
