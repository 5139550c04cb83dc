"""The chat page on a phone: what a customer sees and does."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from bots.web import chat
from crm import conversations, threads
from crm.actor import Actor
from crm.models import Conversation, Message, Staff
from tests.bots.web.chat_page import Bot, Client, now

pytestmark = pytest.mark.browser


async def say(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def answered(page: Page, text: str) -> None:
    await expect(page.locator(".bubble", has_text=f"들은 말: {text}")).to_have_count(1)


async def drop_connections(front: Client) -> None:
    """What a tunnel or a lift does."""
    assert front.app
    for socket in list(front.app[chat.SOCKETS].open):
        await socket.close()


async def test_a_customer_writes_and_is_answered(open_page: Any, bot: Bot, shoot: Any) -> None:
    page = await open_page()
    await expect(page.get_by_role("heading", name="무엇이든 물어보세요")).to_be_visible()
    await shoot(page, "chat-start")
    await say(page, "세탁기에서 물이 새요")
    await answered(page, "세탁기에서 물이 새요")
    await expect(page.locator(".group--mine .ticks").last).to_contain_text("읽음")
    await expect(page.locator("#who-text")).to_have_text("상담봇이 바로 답해요")
    await expect(page.locator("#start")).to_be_hidden()
    await expect(page.locator("#privacy-line")).to_be_visible()
    await shoot(page, "chat-answered")


async def test_enter_never_sends_half_a_syllable(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await page.fill("#text", "세탁ㄱ")
    await page.dispatch_event("#text", "keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    await page.press("#text", "Shift+Enter")
    assert await page.locator(".bubble--mine").count() == 0
    await page.fill("#text", "세탁기")
    await page.press("#text", "Enter")
    await answered(page, "세탁기")
    assert await Message.filter(direction="in").count() == 1


async def test_a_starter_speaks_for_the_customer(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await page.get_by_role("button", name="수리 접수").click()
    await answered(page, "수리 접수")
    await expect(page.get_by_role("button", name="구매·렌탈")).to_have_count(0)


async def test_a_quick_reply_becomes_the_customers_bubble_and_goes(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await say(page, "고르기")
    await page.get_by_role("button", name="냉장고").click()
    await expect(page.locator(".bubble--mine").last).to_have_text("냉장고")
    await expect(page.locator("#quicks button")).to_have_count(0)
    await answered(page, "냉장고")


async def test_an_article_does_not_say_again_what_the_text_above_it_says(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await say(page, "문서")
    await expect(page.locator(".bubble", has_text="평일은 9시부터예요.")).to_have_count(1)
    await expect(page.locator(".pane h2")).to_have_text(["영업시간", "오시는 길"])
    await expect(page.locator(".pane blockquote")).to_have_text(["3층이에요."])


async def test_a_page_that_is_opened_again_shows_all_once(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    for text in ("하나", "둘"):
        await say(page, text)
        await answered(page, text)
    await page.fill("#text", "쓰다 만 글")
    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    await expect(page.locator("#text")).to_have_value("쓰다 만 글")
    for text in ("하나", "둘"):
        await answered(page, text)
    await expect(page.locator(".bubble--mine")).to_have_count(2)
    await expect(page.locator(".bubble")).to_have_count(4)
    await expect(page.locator(".ticks").last).to_contain_text("읽음")


async def test_a_lost_connection_loses_and_doubles_nothing(open_page: Any, bot: Bot, front: Client) -> None:
    page = await open_page()
    for at in range(6):
        await say(page, f"말 {at}")
        if at % 2:
            await drop_connections(front)
    for at in range(6):
        await answered(page, f"말 {at}")
    await expect(page.locator(".bubble--mine")).to_have_count(6)
    assert await Message.filter(direction="in").count() == 6


async def test_a_browser_without_network_says_so_at_once_and_sends_later(
    browser: Any, front: Client, bot: Bot
) -> None:
    page = await browser.new_page(locale="ko-KR")  # its console tells of every failed try
    await page.goto(str(front.make_url("/chat")))
    await page.wait_for_selector("html[data-ready]")
    await say(page, "하나")
    await answered(page, "하나")
    await page.context.set_offline(True)
    await expect(page.locator("#band")).to_be_visible()
    await say(page, "둘")
    await expect(page.locator(".ticks").last).to_contain_text("보내는 중")
    await page.context.set_offline(False)
    await answered(page, "둘")
    await expect(page.locator("#band")).to_be_hidden()
    assert await Message.filter(direction="in").count() == 2


async def test_a_request_number_stays_on_one_line(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    for words in range(1, 9):
        await say(page, "가" * words + " SR-2026-000123")
    numbers = page.locator(".bubble--mine .whole")
    await expect(numbers).to_have_count(8)
    lines = await numbers.evaluate_all("all => all.map((one) => one.getClientRects().length)")
    assert lines == [1] * 8


async def test_two_tabs_show_the_same(open_page: Any, bot: Bot) -> None:
    first = await open_page()
    await say(first, "첫 탭")
    await answered(first, "첫 탭")
    second = await open_page(beside=first)
    await say(second, "둘째 탭")
    for tab in (first, second):
        await answered(tab, "둘째 탭")
        await expect(tab.locator(".bubble--mine")).to_have_count(2)


async def test_a_reader_further_up_is_not_moved_but_told(open_page: Any, bot: Bot, shoot: Any) -> None:
    bot.held.clear()
    page = await open_page()
    for at in range(24):
        await say(page, f"긴 이야기 {at}")
    await expect(page.locator(".group--mine .ticks").last).to_contain_text("보냄")
    await page.evaluate("document.getElementById('scroll').scrollTop = 0")
    bot.held.set()
    await expect(page.locator("#pill")).to_be_visible()
    await expect(page.locator("#pill")).to_have_text(re.compile(r"새 메시지 \d+개"))
    assert await page.evaluate("document.getElementById('scroll').scrollTop") == 0
    await shoot(page, "chat-pill")
    await page.locator("#pill").click()
    await expect(page.locator("#pill")).to_be_hidden()


async def with_photo(page: Page) -> None:
    """A photo with its description lies in the composer, not yet sent."""
    photo = io.BytesIO()
    Image.new("RGB", (320, 200), "#8fa3a0").save(photo, "PNG")
    await page.set_input_files(
        "#photo", {"name": "washer.png", "mimeType": "image/png", "buffer": photo.getvalue()}
    )
    await page.get_by_label("설명 (선택)").fill("화면에 E21")


async def test_a_photo_goes_with_its_description(open_page: Any, bot: Bot, shoot: Any) -> None:
    page = await open_page()
    await with_photo(page)
    await shoot(page, "chat-photo")
    await page.locator("#send").click()
    await answered(page, "화면에 E21")
    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    await expect(page.get_by_role("img", name="화면에 E21")).to_be_visible()


async def test_words_and_a_photo_stand_in_the_order_in_which_they_arrive(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await with_photo(page)
    await say(page, "세탁기가 멈췄어요")
    await answered(page, "화면에 E21")
    own = page.locator(".bubble--mine")
    shown = await own.all_text_contents()
    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    await answered(page, "화면에 E21")
    assert await own.all_text_contents() == shown


async def test_a_file_of_a_forbidden_kind_is_refused_in_words(browser: Any, front: Client, bot: Bot) -> None:
    page = await browser.new_page(locale="ko-KR")
    await page.goto(str(front.make_url("/chat")))
    await page.wait_for_selector("html[data-ready]")
    program = {"name": "setup.exe", "mimeType": "application/x-msdownload", "buffer": b"MZ\x90\x00\xff" * 90}
    await page.set_input_files("#file", program)
    await page.locator("#send").click()
    await expect(page.locator(".toast")).to_contain_text("이 형식은 보낼 수 없어요")
    await page.locator(".toast").evaluate("one => one.remove()")
    await page.get_by_role("button", name="다시 보내기").click()  # and nothing else is sent
    await expect(page.locator(".toast")).to_contain_text("이 형식은 보낼 수 없어요")
    assert not await Message.exists()


async def test_who_speaks_is_always_said(open_page: Any, bot: Bot, shoot: Any) -> None:
    page = await open_page()
    await say(page, "상담원이요")
    await answered(page, "상담원이요")
    row = await Staff.create(login="seojun", name="이서준", role="agent", created_at=now())
    staff, conversation = Actor("staff", row.id, "agent", row.name), await Conversation.get()
    await conversations.reply(staff, conversation.id, "사진 잘 봤어요.", expected_seq=None, now=now())
    await expect(page.locator(".event-line")).to_have_text("이서준 상담원이 이어받았어요")
    await expect(page.locator("#who-text")).to_have_text("이서준 상담원과 대화 중")
    await expect(page.locator(".group-name")).to_have_text("이서준 · 상담원")
    await shoot(page, "chat-staff")
    await conversations.hand_back(staff, conversation.id, now())
    await expect(page.locator("#who-text")).to_have_text("상담봇이 바로 답해요")


async def test_the_menu_is_worked_by_keyboard(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await page.locator("#menu-open").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#menu-language")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    await expect(page.locator("#menu-open")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.locator("#menu")).to_be_hidden()
    await expect(page.locator("#menu-open")).to_be_focused()


async def test_the_language_changes_and_stays(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await page.locator("#menu-open").click()
    await page.get_by_role("menuitem", name="English").click()
    await expect(page.get_by_role("heading", name="Ask us anything")).to_be_visible()
    await page.goto(page.url.split("?")[0])
    await expect(page.get_by_role("heading", name="Ask us anything")).to_be_visible()


async def test_words_are_found_in_the_conversation(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    for text in ("세탁기가 멈췄어요", "냉장고는 괜찮아요"):
        await say(page, text)
        await answered(page, text)
    await page.locator("#search-open").click()
    await page.fill("#search-text", "세탁기")
    await expect(page.locator("#search-count")).to_have_text("2/2")
    await page.keyboard.press("Enter")
    await expect(page.locator("#search-count")).to_have_text("1/2")
    await page.keyboard.press("Escape")
    await expect(page.locator("#log mark")).to_have_count(0)
    await answered(page, "세탁기가 멈췄어요")


async def test_ending_forgets_the_conversation_on_this_device(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await say(page, "비밀이에요")
    await answered(page, "비밀이에요")
    await page.locator("#menu-open").click()
    await page.get_by_role("menuitem", name="대화 끝내기").click()
    await page.get_by_role("button", name="끝내기", exact=True).click()
    await expect(page.get_by_role("heading", name="무엇이든 물어보세요")).to_be_visible()
    await expect(page.locator(".bubble", has_text="비밀이에요")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (1280, 800)])
async def test_nothing_is_cut_at_any_width(open_page: Any, bot: Bot, width: int, height: int) -> None:
    page = await open_page(viewport={"width": width, "height": height})
    await say(page, "아주긴낱말" * 40)
    await expect(page.locator(".group--them")).to_have_count(2)
    overflow = "document.getElementById('scroll').scrollWidth - document.getElementById('scroll').clientWidth"
    assert await page.evaluate(overflow) <= 0
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    box = await page.locator("#send").bounding_box()
    assert box
    assert box["y"] + box["height"] <= height


async def test_a_screen_reader_finds_log_names_and_targets(open_page: Any, bot: Bot) -> None:
    page = await open_page()
    await say(page, "고르기")
    await page.get_by_role("button", name="세탁기").wait_for()
    log = page.get_by_role("log")
    assert await log.get_attribute("aria-live") == "polite"
    assert await page.locator("#typing").evaluate("node => !node.closest('[role=log]')")
    assert await page.locator(".msg[lang]").count() > 0
    for button in await page.get_by_role("button").all():
        name = await button.evaluate("node => node.getAttribute('aria-label') || node.textContent.trim()")
        assert name
        box = await button.bounding_box()
        assert box is None or min(box["width"], box["height"]) >= 31.5, name


async def test_what_was_said_long_ago_is_a_press_away(open_page: Any, bot: Bot, front: Client) -> None:
    page = await open_page()
    await say(page, "안녕하세요")
    await answered(page, "안녕하세요")
    conversation = await Conversation.get()
    for number in range(120):
        await threads.append(
            conversation.id,
            direction="in",
            author="contact",
            text=f"옛말 {number}",
            external_id=f"page:old-{number}",
            now=now(),
        )
    await page.reload()
    button = page.get_by_role("button", name="이전 대화 보기")
    await expect(page.get_by_text("옛말 119", exact=True)).to_be_visible()
    await expect(page.get_by_text("옛말 69", exact=True)).to_have_count(0)
    await button.click()
    await expect(page.get_by_text("옛말 69", exact=True)).to_have_count(1)
    await expect(button).to_be_visible()
    await button.click()
    await expect(page.get_by_text("들은 말: 안녕하세요", exact=True)).to_have_count(1)
    await expect(button).to_be_hidden()
    said = await page.locator(".bubble").all_inner_texts()
    assert [text for text in said if text.startswith("옛말")] == [f"옛말 {number}" for number in range(120)]
    await expect(page.locator(".chat-day")).to_have_count(1)
