"""The main job in a real browser: from a customer's first word to the rating that staff see."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import PHONE
from tests.browser.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.rasa]
WAIT = 20_000  # a turn on a busy machine, ms


@dataclass(frozen=True)
class Words:
    """What is said and seen in one language."""

    lang: str
    locale: str
    trouble: str
    when_asked: str
    when: str
    when_repeated: re.Pattern[str]
    yes: str
    where_asked: str
    address: str
    phone_asked: str
    phone: str
    summary: str
    photos: str
    send: str
    opened: str
    person: str
    nameless: str
    taken_over: str
    reply: str
    seen: str
    note: str
    bot_again: str
    resolved: str
    thanked: str
    points: str


KOREAN = Words(
    lang="ko",
    locale="ko-KR",
    trouble="세탁기에서 물이 새요",
    when_asked="언제 방문하면 좋을까요?",
    when="다음주 화요일 오후 3시",
    when_repeated=re.compile(r"\d+월 \d+일\(화\) 오후 3:00, 맞나요\?"),
    yes="네, 맞아요",
    where_asked="어디로 방문하면 될까요?",
    address="서울 마포구 월드컵로 12, 104동 301호",
    phone_asked="연락받으실 전화번호를 알려 주세요.",
    phone="010-2345-6789",
    summary="이대로 접수할까요?",
    photos="사진 1장",
    send="접수하기",
    opened="접수됐어요",
    person="상담원 연결해 주세요",
    nameless="이름 모름",
    taken_over="이서준 상담원이 이어받았어요",
    reply="사진 잘 봤어요. 배수 호스부터 볼게요.",
    seen="읽음",
    note="지난달에도 같은 곳에서 샜던 집이에요",
    bot_again="상담봇이 바로 답해요",
    resolved="접수가 해결됐어요",
    thanked="5점",
    points="5점",
)
ENGLISH = Words(
    lang="en",
    locale="en-US",
    trouble="My washing machine is leaking water",
    when_asked="When should we come?",
    when="next Tuesday at 3 pm",
    when_repeated=re.compile(r"Tue \d+ \w+, 3:00 pm. Is that right\?"),
    yes="Yes, right",
    where_asked="Where should we come?",
    address="12 World Cup-ro, Mapo-gu, Seoul, unit 104-301",
    phone_asked="What phone number can we reach you on?",
    phone="010-8765-4321",
    summary="Shall I send this request?",
    photos="1 photo",
    send="Send it",
    opened="Request sent",
    person="I want to talk to a person",
    nameless="No name",
    taken_over="Seojun Lee has joined",
    reply="Thank you for the photo. We will check the drain hose.",
    seen="Read",
    note="This home leaked in the same place last month",
    bot_again="The bot answers at once",
    resolved="is resolved",
    thanked="5",
    points="5",
)


def photo() -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.effect_noise((640, 480), 40).convert("RGB").save(buffer, "JPEG")
    return {"name": "leak.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}


async def customer_page(browser: Browser, served: Served, words: Words) -> Page:
    context = await browser.new_context(**{**PHONE, "locale": words.locale})
    page = await context.new_page()
    page.set_default_timeout(WAIT)
    await page.goto(f"{served.url}/chat?lang={words.lang}")
    await page.wait_for_selector("html[data-ready]")
    return page


async def desk_page(browser: Browser, served: Served, words: Words, login: str = "seojun") -> Page:
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, locale=words.locale, timezone_id="Asia/Seoul"
    )
    page = await context.new_page()
    page.set_default_timeout(WAIT)
    await page.goto(f"{served.url}/desk?lang={words.lang}")
    await page.fill("#login", login)
    await page.fill("#password", served.password)
    await page.locator(".login-form .btn--primary").click()
    await page.wait_for_selector("#rows")
    await page.goto(f"{served.url}/desk/conversations?lang={words.lang}")
    await page.wait_for_load_state()
    return page


async def say(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def asks(page: Page, words: str | re.Pattern[str]) -> None:
    """The newest thing the bot said holds these words."""
    await expect(page.locator(".group--them").last).to_contain_text(words, timeout=WAIT)


async def open_request(page: Page, words: Words, shoot: Callable[..., Any]) -> str:
    """The form, with a photo on the way; the request's number."""
    await say(page, words.trouble)
    await asks(page, words.when_asked)
    await page.set_input_files("#photo", photo())
    await page.locator("#send").click()
    await expect(page.locator(".group--mine img")).to_have_count(1)
    await say(page, words.when)
    await asks(page, words.when_repeated)
    await shoot(page, f"main-{words.lang}-date")
    await page.get_by_role("button", name=words.yes).click()
    await asks(page, words.where_asked)
    await say(page, words.address)
    await asks(page, words.phone_asked)
    await say(page, words.phone)
    await asks(page, words.summary)
    await asks(page, words.photos)
    await shoot(page, f"main-{words.lang}-summary")
    await page.get_by_role("button", name=words.send).click()
    number = page.locator(".request-no")
    await expect(number).to_have_text(re.compile(r"SR-\d{4}-\d{6}"), timeout=WAIT)
    await expect(page.locator(".request-top")).to_contain_text(words.opened)
    await shoot(page, f"main-{words.lang}-number")
    return await number.inner_text()


async def become_busy(desk: Page) -> None:
    """New conversations then wait for anybody, whatever the hour."""
    await desk.locator("[data-menu=me]").click()
    await desk.locator("[data-presence-set=busy]").click()
    await expect(desk.locator("[data-presence]")).to_have_class(re.compile("presence--busy"))


@pytest.mark.parametrize("words", [KOREAN, ENGLISH], ids=["ko", "en"])
async def test_a_request_lives_from_the_first_word_to_the_rating(
    browser: Browser, served: Served, shoot: Callable[..., Any], words: Words
) -> None:
    await walk(browser, served=served, staffed=served, words=words, shoot=shoot)


async def walk(
    browser: Browser, *, served: Served, staffed: Served, words: Words, shoot: Callable[..., Any]
) -> None:
    """The whole way, the customer on the front `served`, staff on the front `staffed`."""
    desk = await desk_page(browser, staffed, words)
    await become_busy(desk)
    await desk.locator("[role=tab][data-view=unassigned]").click()
    waiting = desk.locator("[data-view-count=unassigned]")
    before = int(await waiting.inner_text())
    page = await customer_page(browser, served, words)
    number = await open_request(page, words, shoot)

    await say(page, words.person)
    await expect(waiting).to_have_text(str(before + 1), timeout=WAIT)
    await expect(desk.locator("#toasts .toast")).to_be_visible()
    await shoot(desk, f"main-{words.lang}-desk-news")
    row = desk.locator("#rows .row", has_text=words.nameless)
    await expect(row).to_have_class(re.compile("is-unread"))

    await row.locator(".row-link").click()
    await expect(desk.locator(".messages .photo img")).to_have_count(1)
    await desk.locator(".thread-acts [data-do=take]").click()
    await expect(page.locator(".event-line").last).to_contain_text(words.taken_over, timeout=WAIT)
    await desk.fill("#composer-text", words.reply)
    await desk.keyboard.press("Control+Enter")
    await asks(page, words.reply)
    await expect(desk.locator(".msg.by-staff").last).to_contain_text(words.seen, timeout=WAIT)
    await desk.locator("#tab-note").click()
    await desk.fill("#composer-text", words.note)
    await shoot(desk, f"main-{words.lang}-desk-note")
    await desk.keyboard.press("Control+Enter")
    await expect(desk.locator(".note-item", has_text=words.note)).to_be_visible()
    await shoot(page, f"main-{words.lang}-staff")
    await desk.locator("[data-do=hand_back]").click()
    await expect(page.locator("#who-text")).to_have_text(words.bot_again, timeout=WAIT)

    await resolve_on_board(desk, number, shoot, words)
    await asks(page, words.resolved)
    await shoot(page, f"main-{words.lang}-resolved")
    await page.locator("#quicks button").last.click()
    await expect(page.locator(".bubble--mine").last).to_contain_text(words.thanked)
    await desk.wait_for_timeout(1500)
    await shoot(page, f"main-{words.lang}-rated")
    await shoot(desk, f"main-{words.lang}-board-rated")
    await desk.locator(f".request-card[data-number='{number}'] a").click()
    await expect(desk.locator("main")).to_contain_text(words.points)
    await shoot(desk, f"main-{words.lang}-request")
    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    await asks(page, words.thanked)
    await expect(page.locator("body")).not_to_contain_text(words.note)
    told = served.log.read_text()
    assert '"worker ready"' in told
    number = words.phone[1:].replace("-", "")
    for personal in (words.trouble, words.address, words.phone, number, words.reply):
        assert personal not in told, "the log holds what a person said"


async def resolve_on_board(desk: Page, number: str, shoot: Callable[..., Any], words: Words) -> None:
    """By keyboard: M on the card, the status, the reason."""
    await desk.locator(".rail-requests a").click()
    await desk.wait_for_load_state()
    for status in ("in_progress", "resolved"):
        await desk.locator(f"[data-number='{number}'][data-next~={status}] a").focus()
        await desk.keyboard.press("m")
        await shoot(desk, f"main-{words.lang}-board-move")
        await desk.locator(f"[role=menu] [data-status={status}]").click()
    await desk.fill("#reason-text", "OK")
    await shoot(desk, f"main-{words.lang}-board-reason")
    await desk.locator("[data-reason-yes]").click()
    await expect(_card_in(desk, "resolved", number)).to_be_visible()


def _card_in(desk: Page, status: str, number: str) -> Locator:
    return desk.locator(f".column[data-status={status}] [data-number='{number}']")
