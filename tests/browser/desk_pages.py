"""Pages of the desk in a real Chromium, each signed in as somebody."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page

from crm import conversations
from crm.models import Conversation
from tests.bots.web.desk_people import PASSWORD, Company, a_talk, utc_now

DESKTOP: dict[str, Any] = {
    "viewport": {"width": 1440, "height": 900},
    "locale": "ko-KR",
    "timezone_id": "Asia/Seoul",
}
At = Callable[..., Awaitable[Page]]


@pytest.fixture
async def at(browser: Browser, desk_server: TestServer, company: Company) -> AsyncIterator[At]:
    """A page of the desk, signed in. No script may fail in it."""
    faults: list[str] = []

    async def opened(login: str, path: str = "/desk", **settings: Any) -> Page:
        context = await browser.new_context(**{**DESKTOP, **settings})
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(str(desk_server.make_url(f"/desk/login?next={path}")))
        await page.fill("#login", login)
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_selector(".rail")
        await page.wait_for_load_state()  # the scripts have run
        return page

    yield opened
    assert faults == []


async def mine(company: Company, name: str = "김민지") -> Conversation:
    """A conversation that seojun has."""
    talk = await a_talk(utc_now(), name)
    return await conversations.assign(company.yuna, talk.id, company.seojun.id, None, utc_now())
