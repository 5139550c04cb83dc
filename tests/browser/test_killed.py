"""kill -9 in the middle of a customer's conversation: nothing is lost, nothing is said or done twice."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.serving import Served, serving
from tests.browser.test_main_path import KOREAN, asks, customer_page, say

pytestmark = [pytest.mark.browser, pytest.mark.rasa, pytest.mark.full]
SLOW = 60_000  # a worker loads its model again, ms


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Served]:
    """A `dangol serve` of this test's own."""
    with serving(tmp_path) as running:
        yield running


def rows(served: Served, question: str) -> list[Any]:
    with sqlite3.connect(f"file:{served.data / 'dangol.db'}?mode=ro", uri=True) as database:
        return database.execute(question).fetchall()


async def said_once(page: Page, words: str) -> None:
    await expect(page.locator("#log").get_by_text(words, exact=True)).to_have_count(1, timeout=SLOW)


async def asked_once(page: Page, words: str) -> None:
    await expect(page.locator(".group--them").last).to_contain_text(words, timeout=SLOW)
    await said_once(page, words)


def is_whole(served: Served, spoken: int) -> None:
    """Every message was stored once and answered, and nothing waits."""
    assert rows(served, "SELECT COUNT(*) FROM message WHERE direction = 'in'") == [(spoken,)]
    assert rows(served, "SELECT state, COUNT(*) FROM inbox GROUP BY state") == [("done", spoken)]
    assert rows(served, "SELECT COUNT(*) FROM outbox WHERE state = 'dead'") == [(0,)]
    twice = "SELECT key FROM message WHERE direction = 'out' GROUP BY key HAVING COUNT(*) > 1"
    assert rows(served, twice) == []


async def test_a_conversation_goes_on_over_the_death_of_every_process(
    browser: Browser, mortal: Served, shoot: Callable[..., Any]
) -> None:
    page = await customer_page(browser, mortal, KOREAN)
    await say(page, KOREAN.trouble)
    await asks(page, KOREAN.when_asked)

    await say(page, KOREAN.when)
    mortal.kill("worker")
    await expect(page.locator(".group--them").last).to_contain_text(KOREAN.when_repeated, timeout=SLOW)

    await say(page, "네")
    mortal.kill("front")
    await asked_once(page, KOREAN.where_asked + " 동·호수까지 적어 주세요.")

    mortal.kill()
    await expect(page.locator("#band")).to_be_visible(timeout=SLOW)
    await say(page, KOREAN.address)  # kept by the page until it is connected again
    await shoot(page, "killed-offline")
    mortal.start()
    await asked_once(page, KOREAN.phone_asked)
    await expect(page.locator("#band")).to_be_hidden()

    await say(page, KOREAN.phone)
    await asks(page, KOREAN.summary)
    await page.get_by_role("button", name=KOREAN.send).click()
    mortal.kill("worker", "front")
    await expect(page.locator(".request-no")).to_have_count(1, timeout=SLOW)
    for words in (KOREAN.trouble, KOREAN.when, KOREAN.address, KOREAN.phone, KOREAN.send):
        assert await page.locator(".bubble--mine", has_text=words).count() == 1, words
    assert rows(mortal, "SELECT COUNT(*) FROM service_request") == [(1,)]
    is_whole(mortal, spoken=6)


async def test_ten_deaths_in_a_row_lose_and_double_nothing(browser: Browser, mortal: Served) -> None:
    page = await customer_page(browser, mortal, KOREAN)
    questions = [f"{n}호점 영업시간이 어떻게 되나요" for n in range(1, 11)]
    for number, question in enumerate(questions):
        await say(page, question)
        victims = [["worker"], ["front"], ["worker", "front"], []][number % 4]
        mortal.kill(*victims)
        if not victims:
            mortal.start()
        mortal.ready()
    await expect(page.locator(".group--mine .ticks").last).to_contain_text(KOREAN.seen, timeout=SLOW)
    for question in questions:
        await said_once(page, question)
    is_whole(mortal, spoken=len(questions))
