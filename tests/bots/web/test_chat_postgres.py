"""The same socket on PostgreSQL, where numbers are given before commits."""

import asyncio
from typing import Any

import pytest

from crm import db as database
from crm.models import Message
from tests.bots.web.chat_page import Bot, Page, echo

pytestmark = pytest.mark.postgres


async def test_customers_at_once_are_each_answered_in_order(pg: str, serve: Any) -> None:
    bots = [Bot(echo), Bot(echo)]
    working = [database.spawn(bot.run()) for bot in bots]
    async with serve() as front:
        pages = [await Page(front).open() for _ in range(5)]
        for at in range(6):
            for number, page in enumerate(pages):
                await page.say(f"{number}-{at}", f"m{at}")
        for page in pages:
            while len(page.heard("done")) < 6:
                await page.next()
        for number, page in enumerate(pages):
            said = [frame["text"] for frame in page.heard("message")]
            assert said == [f"들은 말: {number}-{at}" for at in range(6)]
            await page.close()
    for work in working:
        work.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    assert await Message.filter(direction="out").count() == 30


async def test_a_page_that_comes_back_gets_the_rest(pg: str, serve: Any) -> None:
    bot = Bot(echo)
    working = database.spawn(bot.run())
    async with serve() as front:
        page = await Page(front).open()
        await page.say("먼저 갈게요", "bye")
        await page.hear("stored", id="bye")
        await page.close()
        again = await Page(front, page.session).open()
        assert (await again.hear("message"))["in_reply_to"] == "bye"
        await again.close()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
