"""Slack, its stand-in and a small company, in one process and over the wire."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from bots.settings import Settings
from bots.staff.slack import following
from bots.staff.slack.face import Face
from crm import files as stored_files
from crm import happenings, slack, vault, zone
from crm.actor import SYSTEM
from crm.models import Staff
from crm.storage import Folder
from tests.bots.web.desk_people import Company, a_company, utc_now
from tests.standins import slack_api
from tests.standins.slack_client import (
    APP_TOKEN,
    BOT_TOKEN,
    OPEN_CHANNEL,
    SECRET,
    TEAM_CHANNEL,
    Person,
    Workspace,
)
from tests.standins.slack_state import World

EMAILS = {"seojun": "seojun@saebom.example", "yuna": "yuna@saebom.example", "mari": "mari@saebom.example"}


@pytest.fixture
def world() -> World:
    """A Slack workspace with three of the company's people and one who is nobody's colleague."""
    world = World(BOT_TOKEN, APP_TOKEN, SECRET)
    world.limits = False  # their test switches them on
    for login, name in (("seojun", "이서준"), ("yuna", "한유나"), ("mari", "오마리")):
        world.person(f"U0{login.upper()}", name, EMAILS[login])
    world.person("U0GUEST", "손님", "guest@elsewhere.example")
    for channel, name, private in ((TEAM_CHANNEL, "상담팀", True), (OPEN_CHANNEL, "전체", False)):
        world.channel(channel, name, private=private)
        world.members[channel] |= set(world.users)
    return world


@pytest.fixture
async def workspace(world: World) -> AsyncIterator[Workspace]:
    """It, over the wire."""
    async with TestServer(slack_api.build(world)) as server, aiohttp.ClientSession() as session:
        world.url = str(server.make_url("")).rstrip("/")
        yield Workspace(world.url, session)


@pytest.fixture
async def company(db: str, tmp_path: Path) -> Company:
    """The desk's small company, with e-mail addresses."""
    vault.use(b"a test's own secret, 32 bytes at least")
    zone.use(ZoneInfo("Asia/Seoul"))
    stored_files.use(Folder(tmp_path / "files"), max_bytes=1024 * 1024)
    made = await a_company(utc_now())
    for login, email in EMAILS.items():
        await Staff.filter(login=login).update(email=email)
    return made


class Office:
    """Slack connected to the company, worked by hand: `settle` does all that waits."""

    def __init__(self, face: Face, workspace: Workspace, company: Company) -> None:
        self.face, self.workspace, self.company = face, workspace, company
        self.seojun, self.yuna = workspace.person("U0SEOJUN"), workspace.person("U0YUNA")
        self.mari, self.guest = workspace.person("U0MARI"), workspace.person("U0GUEST")

    async def settle(self) -> None:
        """Handle, follow and post until nothing is left to do."""
        for _ in range(20):
            busy = await self.face.handler.drain()
            busy += await happenings.consume(following.READER, [self.face.following])
            busy += await self.face.poster.drain()
            if not busy:
                return
        raise AssertionError("it never settles")

    async def said(self, person: Person, text: str, **more: Any) -> dict[str, Any]:
        """Somebody writes, and all that follows."""
        message = await person.say(text, **more)
        await self.heard()
        await self.settle()
        return message

    async def heard(self) -> None:
        """Wait until the workspace has handed everything over."""
        for _ in range(400):
            told = (await self.workspace.state())["delivered"]
            if all(one["acked"] or one["tries"] > 3 for one in told):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("an event was never acknowledged")


async def approve(company: Company, *logins: str) -> None:
    """Slack users who are staff, approved."""
    for login in logins:
        known = {"name": login, "email": EMAILS[login], "now": utc_now()}
        await slack.met("", f"U0{login.upper()}", **known)
    for row in await slack.users():
        await slack.decide(SYSTEM, row.id, True, now=utc_now())


def settings_for(workspace: Workspace, tmp_path: Path, **more: Any) -> Settings:
    known = {"slack_bot_token": BOT_TOKEN, "slack_api_url": workspace.api, "data_dir": tmp_path}
    return Settings(**{**known, "slack_app_token": APP_TOKEN, **more})


Opened = Callable[..., Any]


@pytest.fixture
def open_office(company: Company, workspace: Workspace, tmp_path: Path) -> Opened:
    """An office with some settings changed."""

    @asynccontextmanager
    async def opening(**changes: Any) -> AsyncIterator[Office]:
        face = Face(settings_for(workspace, tmp_path, **changes))
        await following.begin()
        await face.learn_channels("")
        channel = next(c for c in await slack.channels() if c.channel == TEAM_CHANNEL)
        await slack.route(SYSTEM, None, channel.id, now=utc_now())
        listening = []
        if face.listeners[""].socket_mode:
            listening.append(asyncio.create_task(face.listeners[""].run()))
            await until_connected(workspace)
        try:
            yield Office(face, workspace, company)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            await face.close()

    return opening


async def until_connected(workspace: Workspace, count: int = 2) -> None:
    for _ in range(400):
        if (await workspace.state())["sockets"] >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not connected")


@pytest.fixture
async def office(open_office: Opened, company: Company) -> AsyncIterator[Office]:
    """Socket Mode, and two approved people."""
    async with open_office() as opened:
        await approve(company, "seojun", "yuna")
        yield opened
