"""A customer in the web chat, a colleague in Slack: across both wires and the database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from bots.channels.web import WebChannel
from bots.sender import Sender
from bots.settings import Settings
from bots.staff.slack.face import Face
from crm import conversations, slack
from crm import db as database
from crm.actor import SYSTEM
from crm.models import Conversation, Message, Staff
from tests.bots.web.conftest import OpenPage
from tests.bots.web.desk_people import Company, a_company, utc_now
from tests.standins import slack_api
from tests.standins.slack_client import (
    APP_TOKEN,
    BOT,
    BOT_TOKEN,
    TEAM_CHANNEL,
    Workspace,
    buttons,
    written,
)
from tests.standins.slack_state import World
from tests.standins.starting import until


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    world = World(BOT_TOKEN, APP_TOKEN)
    world.person("U0SEOJUN", "이서준", "seojun@saebom.example")
    world.channel(TEAM_CHANNEL, "상담팀")
    world.members[TEAM_CHANNEL] |= {"U0SEOJUN", BOT}
    async with TestServer(slack_api.build(world)) as server, aiohttp.ClientSession() as session:
        world.url = str(server.make_url("")).rstrip("/")
        yield Workspace(world.url, session)


@pytest.fixture
async def running(db: str, workspace: Workspace, tmp_path: Path) -> AsyncIterator[Company]:
    """All that a front runs for Slack, and the sender, as processes run them."""
    company = await a_company(utc_now())
    await Staff.filter(login="seojun").update(email="seojun@saebom.example")
    await slack.met("", "U0SEOJUN", name="이서준", email="seojun@saebom.example", now=utc_now())
    for row in await slack.users():
        await slack.decide(SYSTEM, row.id, True, now=utc_now())
    known = {"slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN, "slack_api_url": workspace.api}
    face, sender = Face(Settings(**known, data_dir=tmp_path)), Sender({"web": WebChannel()})
    work = [*face.start(), database.spawn(sender.run())]

    async def routed() -> bool:
        for channel in await slack.channels():
            await slack.route(SYSTEM, None, channel.id, now=utc_now())
        return bool(await slack.routes()) and (await workspace.state())["sockets"] == 2

    await until(routed, 30)
    yield company
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await face.close()


async def test_a_customer_and_a_colleague_talk_across_slack_and_the_web(
    page: OpenPage, running: Company, workspace: Workspace
) -> None:
    customer, seojun = await page(), workspace.person("U0SEOJUN")
    await customer.say("세탁기에서 물이 새요", "c1")
    await customer.hear("stored", id="c1")
    talk = await Conversation.all().order_by("-id").first()
    assert talk is not None
    await conversations.hand_over(talk.id, reason="asked", now=utc_now())

    async def card() -> dict[str, Any] | None:
        return next((m for m in await seojun.roots() if "dangol_reply" in buttons(m)), None)

    root = await until(card)

    async def flowed() -> bool:
        return any("세탁기에서 물이 새요" in written(m) for m in await seojun.thread(root))

    await until(flowed)
    await seojun.say("예전에도 같은 고장", channel=TEAM_CHANNEL, thread=root["ts"])
    await seojun.say("@dangol reply 오늘 오후에 갈게요", channel=TEAM_CHANNEL, thread=root["ts"])
    heard = await customer.hear("message", **{"from": "staff"})
    assert heard["text"] == "오늘 오후에 갈게요"

    async def noted() -> bool:
        return bool(
            await Message.exists(conversation_id=talk.id, direction="note", text="예전에도 같은 고장")
        )

    await until(noted)
    shown = [m["text"] for m in await conversations.customer_sees(talk.id)]
    assert "예전에도 같은 고장" not in shown
    assert (await Conversation.get(id=talk.id)).assignee_id == running.seojun.id
    assert [m["ts"] for m in await seojun.roots()] == [root["ts"]]
    assert await workspace.refusals() == []
