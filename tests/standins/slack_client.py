"""Starts the Slack stand-in as a process and moves its people: for tests."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp

from tests.standins.starting import started

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-1-standin", "xapp-1-standin", "5ec7e7" * 5
BOT = "U0DANGOL"
TEAM_CHANNEL, OPEN_CHANNEL = "C0TEAM", "C0LOBBY"


class Refusal(Exception):
    """The workspace did not let the person do it."""


class Person:
    """Somebody in the workspace."""

    def __init__(self, slack: "Workspace", user: str) -> None:
        self.slack, self.user = slack, user

    async def act(self, act: str, **body: Any) -> Any:
        return await self.slack.post(f"/standin/people/{self.user}/{act}", body)

    async def say(self, text: str, **more: Any) -> dict[str, Any]:
        done: dict[str, Any] = await self.act("say", text=text, **more)
        return done

    async def send(self, name: str, content: bytes, **more: Any) -> dict[str, Any]:
        files = [{"name": name, "base64": base64.b64encode(content).decode()}]
        done: dict[str, Any] = await self.act("say", files=files, **more)
        return done

    async def command(self, text: str, channel: str = TEAM_CHANNEL) -> bool:
        return bool((await self.act("command", text=text, channel=channel))["acked"])

    async def press(self, message: dict[str, Any], action: str, channel: str = TEAM_CHANNEL) -> bool:
        return bool((await self.act("press", channel=channel, ts=message["ts"], action=action))["acked"])

    async def submit(self, view: dict[str, Any], **values: str) -> bool:
        return bool((await self.act("submit", view=view["id"], values=values))["acked"])

    async def sees(self) -> dict[str, Any]:
        seen: dict[str, Any] = await self.act("sees")
        return seen

    async def roots(self, channel: str = TEAM_CHANNEL) -> list[dict[str, Any]]:
        """The messages of a channel that begin a thread, or could."""
        found = (await self.sees())["messages"].get(channel, [])
        return [m for m in found if m.get("thread_ts", m["ts"]) == m["ts"]]

    async def thread(self, root: dict[str, Any], channel: str = TEAM_CHANNEL) -> list[dict[str, Any]]:
        found = (await self.sees())["messages"].get(channel, [])
        return [m for m in found if m.get("thread_ts") == root["ts"] and m["ts"] != root["ts"]]

    async def told(self) -> list[str]:
        """What the app told this person alone."""
        return [written(e) for e in (await self.sees())["ephemerals"]]

    async def views(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.sees())["views"]
        return found


class Workspace:
    """The running stand-in."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self._session = url, session

    @property
    def api(self) -> str:
        return f"{self.url}/api/"

    async def post(self, path: str, body: Any) -> Any:
        async with self._session.post(self.url + path, json=body) as answer:
            if answer.status == 409:
                raise Refusal((await answer.json())["refused"])
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self._session.get(self.url + path) as answer:
            return await answer.json()

    async def fault(self, **fault: Any) -> None:
        await self.post("/standin/faults", fault)

    async def log(self, method: str = "") -> list[dict[str, Any]]:
        return [entry for entry in await self.get("/standin/log") if method in ("", entry["method"])]

    async def refusals(self) -> list[str]:
        """What the app asked for and was refused."""
        return [e["refused"] for e in await self.log() if e.get("refused", "ratelimited") != "ratelimited"]

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.get("/standin/state")
        return found

    async def make(self, **what: Any) -> None:
        await self.post("/standin/make", what)

    def person(self, user: str) -> Person:
        return Person(self, user)


def written(message: dict[str, Any]) -> str:
    """All the words of a message."""
    words = [message.get("text", "")]
    for block in message.get("blocks", ()):
        words += [part["text"] for part in [block.get("text"), *block.get("fields", ())] if part]
        words += [e["text"] for e in block.get("elements", ()) if isinstance(e.get("text"), str)]
    return "\n".join(words)


def buttons(message: dict[str, Any]) -> list[str]:
    """The actions of a message's buttons."""
    found = [e for block in message.get("blocks", ()) for e in block.get("elements", ())]
    return [e["action_id"] for e in found if e.get("type") == "button"]


@contextmanager
def process(*more: str) -> Iterator[str]:
    """The stand-in as a process of its own, on a free port, until the block ends; gives its address."""
    tokens = ("--bot-token", BOT_TOKEN, "--app-token", APP_TOKEN, "--signing-secret", SECRET)
    people = (
        "--user",
        "U0SEOJUN,이서준,seojun@saebom.example",
        "--user",
        "U0YUNA,한유나,yuna@saebom.example",
    )
    places = ("--channel", f"{TEAM_CHANNEL},상담팀,private", "--channel", f"{OPEN_CHANNEL},전체,public")
    with started("slack_api", *tokens, *people, *places, *more) as line:
        yield line.split()[-1]


@asynccontextmanager
async def reached(url: str) -> AsyncIterator[Workspace]:
    """The running stand-in at `url`."""
    async with aiohttp.ClientSession() as session:
        yield Workspace(url, session)
