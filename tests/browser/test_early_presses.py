"""What is pressed while a page's scripts are still coming, and what is said when they never come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, Route, expect

from crm.models import Message
from tests.bots.web.chat_page import Bot, Client
from tests.bots.web.desk_fixtures import company, desk_server
from tests.bots.web.desk_people import Company
from tests.browser.conftest import PHONE
from tests.browser.desk_pages import At, at

__all__ = ["at", "company", "desk_server"]
pytestmark = pytest.mark.browser


@asynccontextmanager
async def held_back(page: Page, pattern: str) -> AsyncIterator[None]:
    """Scripts that match do not arrive before the block ends."""
    come = asyncio.Event()

    async def wait(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await page.route(pattern, wait)
    try:
        yield
    finally:
        come.set()


async def test_words_sent_before_the_scripts_ran_are_sent_once(
    browser: Browser, front: Client, bot: Bot
) -> None:
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    async with held_back(page, "**/chat/main.js*"):
        await page.goto(str(front.make_url("/chat")), wait_until="commit")
        await page.fill("#text", "세탁기에서 물이 새요")
        await page.press("#text", "Enter")
        await page.press("#text", "Enter")
        await expect(page.locator("#text")).to_have_value("세탁기에서 물이 새요")
    await expect(page.locator(".bubble--mine")).to_have_count(1)
    await expect(page.locator(".bubble", has_text="들은 말: 세탁기에서 물이 새요")).to_have_count(1)
    assert await Message.filter(direction="in").count() == 1


async def test_a_button_pressed_too_early_does_its_work_when_it_can(at: At, company: Company) -> None:
    page = await at("yuna")
    async with held_back(page, "**/desk/desk.js*"):
        await page.goto(page.url.split("/desk")[0] + "/desk/callbacks", wait_until="commit")
        await page.click("main [data-form]")
        await expect(page.locator("main [data-form]").first).to_have_attribute("aria-busy", "true")
        await expect(page.locator("#form-sheet")).to_be_hidden()
    await expect(page.locator("#form-sheet")).to_be_visible()


async def test_a_day_is_opened_with_its_first_span(at: At, company: Company) -> None:
    page = await at("yuna", "/desk/admin/hours")
    sunday = page.locator("[data-day='6']")
    await sunday.locator("[data-open-day]").check()
    await expect(sunday.locator(".hours-span")).to_have_count(1)


@pytest.mark.parametrize("path", ["/chat", "/chat?lang=en"])
async def test_a_page_whose_scripts_never_come_says_so(browser: Browser, front: Client, path: str) -> None:
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.route("**/chat/connection.js*", lambda route: route.abort())
    await page.goto(str(front.make_url(path)))
    await expect(page.locator("#broken")).to_be_visible()
    await page.unroute("**/chat/connection.js*")
    await page.click("[data-again]")
    await page.wait_for_selector("html[data-ready]")
    await expect(page.locator("#broken")).to_be_hidden()
