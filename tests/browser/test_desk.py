"""The desk in a real Chromium: three panes, live work of two people, keyboard, phone, board, settings."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from crm import conversations, requests
from crm.actor import SYSTEM
from crm.models import CannedReply, Conversation, Message, ServiceRequest
from tests.bots.web.desk_fixtures import company, desk_server
from tests.bots.web.desk_people import Company, utc_now
from tests.browser.conftest import PHONE, Shoot
from tests.browser.desk_pages import At, at, mine

__all__ = ["at", "company", "desk_server"]
pytestmark = pytest.mark.browser


async def test_a_customers_message_and_the_answer_appear_without_reloading(
    at: At, company: Company, shoot: Shoot
) -> None:
    talk = await mine(company)
    page = await at("seojun")
    await page.click("text=김민지")
    await expect(page.locator(".bubble").first).to_have_text("세탁기에서 물이 안 빠져요")
    await conversations.append(talk.id, direction="in", author="contact", text="E21이 떠요", now=utc_now())
    await conversations.assign(company.yuna, talk.id, company.seojun.id, None, utc_now())
    await expect(page.locator(".bubble").last).to_have_text("E21이 떠요")
    await expect(page.locator(".row-text").first).to_have_text("E21이 떠요")
    await page.fill("#composer-text", "사진을 보내 주세요")
    await page.press("#composer-text", "Control+Enter")
    await expect(page.locator(".bubble--mine")).to_have_text("사진을 보내 주세요")
    await expect(page.locator("#composer-text")).to_have_value("")
    await shoot(page, "desk-conversation")


async def test_a_time_to_snooze_until_is_typed_to_its_end_by_keyboard(at: At, company: Company) -> None:
    talk = await mine(company)
    page = await at("seojun", f"/desk/conversations/{talk.id}")
    await page.keyboard.press("s")
    await page.keyboard.press("End")
    field = page.locator(".menu input[type=datetime-local]")
    await expect(field).to_be_focused()
    until = (utc_now() + timedelta(days=2)).replace(hour=3, minute=30, second=0, microsecond=0)
    await field.fill(f"{until:%Y-%m-%dT%H:%M}")  # already a time, as it is while the last digits are typed
    await page.keyboard.press("Tab")
    await expect(page.locator(".menu")).to_be_visible()
    assert (await Conversation.get(id=talk.id)).status == "open"
    await field.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_be_visible()
    assert (await Conversation.get(id=talk.id)).status == "snoozed"


async def test_two_who_answer_at_once_are_warned_and_asked(at: At, company: Company) -> None:
    talk = await mine(company)
    his = await at("seojun", f"/desk/conversations/{talk.id}")
    hers = await at("yuna", f"/desk/conversations/{talk.id}")
    await hers.fill("#composer-text", "제가 볼게요")
    await expect(his.locator("[data-collision-text]")).to_have_text("한유나 님도 답장을 쓰고 있어요.")
    await his.fill("#composer-text", "네, 볼게요")
    await hers.press("#composer-text", "Control+Enter")
    await expect(his.locator(".bubble--mine").last).to_have_text("제가 볼게요")
    await his.press("#composer-text", "Control+Enter")
    await expect(his.locator("#ask-title")).to_have_text("그 사이 답장이 나갔어요")
    await his.click("[data-ask-no]")
    await expect(his.locator("#composer-text")).to_have_value("네, 볼게요")
    assert await Message.filter(conversation_id=talk.id, direction="out").count() == 1
    await his.press("#composer-text", "Control+Enter")  # they know of that answer now
    await expect(hers.locator(".bubble--mine").last).to_have_text("네, 볼게요")


async def test_a_reply_begun_before_a_colleagues_answer_is_sent_after_a_second_yes(
    at: At, company: Company
) -> None:
    talk = await mine(company)
    his = await at("seojun", f"/desk/conversations/{talk.id}")
    await his.fill("#composer-text", "네, 볼게요")
    await his.reload()  # a draft outlives its page, and so does when it was begun
    await conversations.reply(company.yuna, talk.id, "제가 볼게요", expected_seq=None, now=utc_now())
    await expect(his.locator(".bubble--mine").last).to_have_text("제가 볼게요")
    await his.press("#composer-text", "Control+Enter")
    await his.click("[data-ask-yes]")
    await expect(his.locator(".bubble--mine").last).to_have_text("네, 볼게요")
    await his.fill("#composer-text", "또 알려드릴게요")
    await his.press("#composer-text", "Control+Enter")  # begun after it: nothing is asked
    await expect(his.locator(".bubble--mine").last).to_have_text("또 알려드릴게요")


async def test_reply_and_note_keep_their_drafts_apart_and_a_note_is_no_bubble(
    at: At, company: Company, shoot: Shoot
) -> None:
    talk = await mine(company)
    page = await at("seojun", f"/desk/conversations/{talk.id}")
    await page.fill("#composer-text", "고객에게 갈 글")
    await page.click("#tab-note")
    await expect(page.locator("#composer-text")).to_have_value("")
    await page.type("#composer-text", "@yu")
    await expect(page.locator("#suggest [role=option]")).to_have_count(1)
    await page.press("#composer-text", "Enter")
    await page.type("#composer-text", "확인 부탁해요")
    await shoot(page, "desk-note")
    await page.click(".btn-send")
    await expect(page.locator(".note")).to_contain_text("@한유나 확인 부탁해요")
    await page.click("#tab-reply")
    await expect(page.locator("#composer-text")).to_have_value("고객에게 갈 글")
    await page.reload()
    await expect(page.locator("#composer-text")).to_have_value("고객에게 갈 글")
    assert await Message.filter(conversation_id=talk.id, direction="out").count() == 0


async def test_a_canned_reply_is_found_by_its_slash(at: At, company: Company) -> None:
    await CannedReply.create(shortcut="인사", title="첫 인사", text="{고객}님, 안녕하세요.")
    talk = await mine(company)
    page = await at("seojun", f"/desk/conversations/{talk.id}")
    await page.type("#composer-text", "/인")
    await expect(page.locator("#suggest [role=option]")).to_have_count(1)
    await page.press("#composer-text", "Enter")
    await expect(page.locator("#composer-text")).to_have_value("김민지님, 안녕하세요.")


async def test_the_keyboard_does_the_whole_work_of_a_conversation(at: At, company: Company) -> None:
    await mine(company)
    talk = await mine(company, "박도윤")
    page = await at("seojun")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".thread")
    await page.keyboard.press("r")
    await page.keyboard.type("e j k b")  # letters, while typing
    await expect(page.locator("#composer-text")).to_have_value("e j k b")
    await page.fill("#composer-text", "")
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await page.keyboard.type("박")
    await page.keyboard.press("Escape")  # out of the search, not out of the conversation
    await page.keyboard.press("b")
    await expect(page.locator(".toast")).to_contain_text("봇에게 넘겼어요")
    await page.keyboard.press("t")
    await expect(page.locator(".thread-who p")).to_contain_text("내가 응대 중")
    await page.keyboard.press("e")
    await expect(page.locator(".toast")).to_contain_text("1건을 끝냈어요")
    await page.click(".toast button")
    await expect(page.locator(".toast")).to_contain_text("1건을 다시 열었어요")
    await expect(page.locator("[data-id]")).to_have_count(2)
    assert (await Conversation.get(id=talk.id)).status == "open"


async def test_on_a_phone_one_pane_at_a_time_and_back_to_the_same_place(
    at: At, company: Company, shoot: Shoot
) -> None:
    for number in range(14):
        await mine(company, f"고객 {number:02}")
    page = await at("seojun", **PHONE)
    await shoot(page, "desk-phone-list")
    await page.locator(".row-link").nth(11).scroll_into_view_if_needed()
    before = await page.evaluate("document.querySelector('[data-list]').scrollTop")
    await page.locator(".row-link").nth(11).tap()
    await expect(page.locator(".thread")).to_be_visible()
    await expect(page.locator(".list")).to_be_hidden()
    await shoot(page, "desk-phone-conversation")
    await page.locator("[data-back]").tap()
    await expect(page.locator(".list")).to_be_visible()
    assert before > 0
    assert await page.evaluate("document.querySelector('[data-list]').scrollTop") == before
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


async def test_a_card_moves_by_keyboard_and_by_drag(at: At, company: Company, shoot: Shoot) -> None:
    talk = await mine(company)
    given = {"product_text": "드럼세탁기", "symptom": "배수가 안 돼요"}
    made = await requests.open(SYSTEM, talk.contact_id, conversation_id=talk.id, now=utc_now(), **given)
    page = await at("seojun", "/desk/requests")
    await page.keyboard.press("j")
    await page.keyboard.press("m")
    await page.click(".menu >> text=처리 중")
    await expect(page.locator('[data-status="in_progress"] .request-card')).to_have_count(1)
    await expect(page.locator(".toast")).to_contain_text(made.number)
    await shoot(page, "desk-board")
    await page.drag_and_drop(".request-card", '.column[data-status="waiting_customer"]')
    await expect(page.locator('[data-status="waiting_customer"] .request-card')).to_have_count(1)
    await page.click(".toast button")
    await expect(page.locator('[data-status="in_progress"] .request-card')).to_have_count(1)
    assert (await ServiceRequest.get(id=made.id)).status == "in_progress"


async def test_a_menu_still_works_when_news_redraw_the_card_it_stands_at(at: At, company: Company) -> None:
    talk = await mine(company)
    made = await requests.open(SYSTEM, talk.contact_id, symptom="배수가 안 돼요", now=utc_now())
    page = await at("seojun", "/desk/requests")
    old = await page.wait_for_selector(".request-card")
    await page.keyboard.press("j")
    await page.keyboard.press("m")
    await requests.set_priority(company.yuna, made.id, "urgent", now=utc_now())
    await page.wait_for_function("card => !card.isConnected", arg=old)
    await page.click(".menu >> text=처리 중")
    await expect(page.locator('[data-status="in_progress"] .request-card')).to_have_count(1)


async def test_cancelling_a_request_asks_for_the_reason(at: At, company: Company) -> None:
    talk = await mine(company)
    made = await requests.open(SYSTEM, talk.contact_id, symptom="배수가 안 돼요", now=utc_now())
    page = await at("seojun", f"/desk/requests/{made.id}")
    await page.select_option("[data-request-status]", "cancelled")
    await page.fill("#reason-text", "두 번 접수됐어요")
    await page.click("[data-reason-yes]")
    await expect(page.locator(".page-head .status")).to_have_text("취소됨")
    await expect(page.locator(".history")).to_contain_text("두 번 접수됐어요")


async def test_hours_that_cannot_be_are_named_before_they_are_saved(
    at: At, company: Company, shoot: Shoot
) -> None:
    page = await at("yuna", "/desk/admin/hours")
    friday = page.locator('[data-day="4"]')
    await friday.locator("input[type=time]").nth(0).fill("13:00")
    await friday.locator("input[type=time]").nth(1).fill("11:00")
    await expect(friday.locator("[data-day-error]")).to_contain_text("끝이 시작보다 빨라요")
    await expect(page.locator("[data-unsaved-text]")).to_contain_text("금요일 시간을 고쳐 주세요")
    await expect(page.locator("[data-save-hours]")).to_be_disabled()
    await shoot(page, "desk-hours")
    await friday.locator("input[type=time]").nth(1).fill("18:00")
    await page.click("[data-save-hours]")
    await expect(page.locator(".toast")).to_contain_text("영업시간을 저장했어요")
    await expect(page.locator("[data-unsaved]")).to_be_hidden()


async def test_a_lost_connection_is_said_and_the_draft_stays(at: At, company: Company) -> None:
    talk = await mine(company)
    page = await at("seojun", f"/desk/conversations/{talk.id}")
    await page.fill("#composer-text", "네, 바로 볼게요")
    await page.context.set_offline(True)
    await page.press("#composer-text", "Control+Enter")
    await expect(page.locator("[data-error]")).to_contain_text("연결이 끊겼어요")
    await expect(page.locator("#composer-text")).to_have_value("네, 바로 볼게요")
    await page.context.set_offline(False)
    await page.press("#composer-text", "Control+Enter")
    await expect(page.locator(".bubble--mine")).to_have_text("네, 바로 볼게요")


async def test_a_new_message_moves_neither_focus_nor_scroll(at: At, company: Company) -> None:
    talk = await mine(company)
    for number in range(30):
        at_time = utc_now() - timedelta(minutes=2) + timedelta(seconds=number)
        await conversations.append(
            talk.id, direction="in", author="contact", text=f"메시지 {number}", now=at_time
        )
    page = await at("seojun", f"/desk/conversations/{talk.id}")
    await page.focus("#composer-text")
    await page.evaluate("document.querySelector('.thread-scroll').scrollTop = 0")
    await conversations.append(talk.id, direction="in", author="contact", text="새 글", now=utc_now())
    await conversations.assign(company.yuna, talk.id, company.seojun.id, None, utc_now())
    await expect(page.locator("[data-newest]")).to_contain_text("새 메시지")
    assert await page.evaluate("document.querySelector('.thread-scroll').scrollTop") == 0
    assert await page.evaluate("document.activeElement.id") == "composer-text"
    await page.click("[data-newest]")
    await expect(page.locator("[data-newest]")).to_be_hidden()
