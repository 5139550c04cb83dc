"""The demo's phones in a real browser: KakaoTalk-like and Telegram-like, each to a service request."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.browser.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.rasa]
PATIENCE = 40_000


async def page_of(browser: Browser, served: Served, lang: str) -> tuple[Page, list[str]]:
    faults: list[str] = []
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="ko-KR")
    page = await context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(f"{served.url}/?lang={lang}")
    return page, faults


async def say(phone: FrameLocator, words: str) -> None:
    box = phone.locator("form input[type=text]")
    await box.fill(words)
    await box.press("Enter")


async def asked(phone: FrameLocator, words: str | re.Pattern[str]) -> None:
    await expect(phone.locator("main").get_by_text(words).last).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize("channel", ["kakao", "telegram"])
async def test_a_phone_opens_a_service_request(
    browser: Browser, served: Served, channel: str, shoot: Any
) -> None:
    page, faults = await page_of(browser, served, "ko")
    await page.click(f"#tab-{channel}")
    phone = page.frame_locator(f"#phone-{channel}")
    await say(phone, "드럼세탁기에서 물이 안 빠져요")
    await asked(phone, "언제 방문하면 좋을까요?")
    await phone.get_by_role("button", name="나중에 정할게요").last.click()
    await asked(phone, re.compile("어디로 방문하면"))
    await say(phone, "서울 서대문구 증가로 30, 302호")
    await asked(phone, re.compile("전화번호를 알려"))
    if channel == "telegram":
        await expect(phone.get_by_role("button", name="내 번호 보내기")).to_be_visible()
    await say(phone, "010-5555-1234")
    await asked(phone, "이대로 접수할까요?")
    await phone.get_by_role("button", name="접수하기").last.click()
    await asked(phone, re.compile(r"SR-\d{4}-\d{6}"))
    await shoot(page, f"demo-{channel}")
    assert faults == []


async def test_a_sample_is_said_on_the_phone_that_is_shown_in_english(
    browser: Browser, served: Served, shoot: Any
) -> None:
    page, faults = await page_of(browser, served, "en")
    tab = page.get_by_role("tab", name="KakaoTalk")
    await tab.click()
    await expect(tab).to_have_attribute("aria-selected", "true")
    phone = page.frame_locator("#phone-kakao")
    await expect(phone.get_by_placeholder("Write a message")).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("button", name="My washer does not drain").locator("visible=true").click()
    await asked(phone, re.compile("When should we come"))
    await tab.press("ArrowRight")
    await expect(page.locator("#phone-telegram")).to_be_visible()
    await shoot(page, "demo-kakao-en")
    assert faults == []
