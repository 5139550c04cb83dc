"""More of a day at the desk in a real Chromium: the palette, linked and split requests, what failed."""

import pytest
from playwright.async_api import expect

from crm import conversations, inbox, outbox, requests
from crm import db as database
from crm.actor import SYSTEM
from crm.models import AuditEntry, Conversation, Inbox, RequestLink, ServiceRequest
from tests.bots.web.desk_fixtures import company, desk_server
from tests.bots.web.desk_people import Company, utc_now
from tests.browser.conftest import Shoot
from tests.browser.desk_pages import At, at, mine

__all__ = ["at", "company", "desk_server"]
pytestmark = pytest.mark.browser


async def test_the_palette_leads_anywhere_and_does_what_is_typed(
    at: At, company: Company, shoot: Shoot
) -> None:
    talk = await mine(company)
    made = await requests.open(
        SYSTEM, talk.contact_id, product_text="드럼세탁기", symptom="배수가 안 돼요", now=utc_now()
    )
    await conversations.close(company.seojun, talk.id, utc_now())
    page = await at("seojun")
    await page.keyboard.press("Control+k")
    lines = page.locator("#palette [role=option]")
    await expect(lines.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.type("배수가")
    await expect(lines).to_have_count(1)
    await expect(lines).to_contain_text(made.number)
    await shoot(page, "desk-palette")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text(made.number)
    await page.wait_for_load_state()  # the scripts have run
    await page.keyboard.press("Control+k")
    await page.keyboard.type("빠져요")
    await expect(lines).to_have_count(1)
    await expect(lines).to_contain_text("끝남")
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette input")).to_be_focused()
    await page.keyboard.type("콜백으로")
    await expect(page.locator("#palette input")).to_have_value("콜백으로")
    await page.keyboard.press("Enter")  # faster than the answer
    await expect(page.locator("h1")).to_have_text("콜백")


async def test_requests_are_linked_seen_from_both_ends_and_parted(
    at: At, company: Company, shoot: Shoot
) -> None:
    talk = await mine(company)
    one = await requests.open(SYSTEM, talk.contact_id, symptom="배수가 안 돼요", now=utc_now())
    other = await requests.open(SYSTEM, talk.contact_id, symptom="또 안 돼요", now=utc_now())
    page = await at("seojun", f"/desk/requests/{one.id}")
    await page.click("[data-open=sheet-link]")
    await page.fill("#f-number", "SR-2020-000999")
    await page.press("#f-number", "Enter")
    await expect(page.locator("#sheet-link .error")).to_contain_text("그 번호의 접수가 없어요")
    await page.fill("#f-number", other.number)
    await page.select_option("#f-kind", "duplicate")
    await page.press("#f-number", "Enter")
    await expect(page.locator(".linked")).to_contain_text(f"{other.number} 같은 일")
    await page.click(f".linked >> text={other.number}")
    await expect(page.locator(".linked")).to_contain_text(f"{one.number} 같은 일")
    await page.wait_for_load_state()  # the scripts have run
    await shoot(page, "desk-linked")
    await page.click(".linked button")
    await page.click("[data-ask-yes]")
    await expect(page.locator(".linked")).to_have_count(0)
    assert await RequestLink.all().count() == 0
    acts = await AuditEntry.filter(subject="request").values_list("act", flat=True)
    assert {"request.linked", "request.unlinked"} <= set(acts)


async def test_a_card_of_the_board_holds_names_and_words_of_any_length(at: At, company: Company) -> None:
    endless = "가나다라마바사아자차카타파하" * 4 + " " + "abcdefghijklmnop" * 2
    talk = await mine(company, endless)
    await requests.open(SYSTEM, talk.contact_id, product_text=endless, symptom=endless, now=utc_now())
    page = await at("seojun", "/desk/requests")
    card = page.locator(".request-card").first
    assert await card.evaluate("card => card.scrollWidth <= card.clientWidth")


async def test_a_second_matter_is_split_off_into_a_request_of_its_own(at: At, company: Company) -> None:
    talk = await mine(company)
    both = await requests.open(SYSTEM, talk.contact_id, symptom="물도 새고 문도 안 닫혀요", now=utc_now())
    page = await at("seojun", f"/desk/requests/{both.id}")
    await page.click("[data-open=sheet-split]")
    await page.fill("#f-part", "문이 안 닫혀요")
    await page.click("#sheet-split .btn--primary")
    await expect(page.locator("h2").first).to_have_text("문이 안 닫혀요")
    part = await ServiceRequest.get(symptom="문이 안 닫혀요")
    await expect(page.locator("h1")).to_have_text(part.number)
    await expect(page.locator(".linked")).to_contain_text(f"{both.number} 나눔")
    assert await AuditEntry.filter(act="request.split", subject_id=both.id).exists()


async def test_what_failed_stands_in_the_thread_and_is_tried_again(
    at: At, company: Company, shoot: Shoot
) -> None:
    stored = await _parked()
    answer = await outbox.put(
        stored.conversation_id, author="system", text="알림", purpose="info", now=utc_now()
    )
    (claim,) = await outbox.claim("me", utc_now())
    await outbox.dead(claim, claim.items[0], "blocked", utc_now())
    page = await at("seojun", f"/desk/conversations/{stored.conversation_id}")
    await expect(page.locator("[data-state=parked]")).to_contain_text("봇이 답하지 못함")
    await shoot(page, "desk-failed")
    await page.click("[data-state=failed] [data-mend]")
    await expect(page.locator(f'.msg[data-seq="{answer.seq}"]')).to_have_attribute("data-state", "queued")
    await page.click("[data-state=parked] [data-mend]")
    await expect(page.locator("[data-state=parked]")).to_have_count(0)
    assert (await Inbox.get(id=stored.inbox_id)).state == "waiting"
    assert (await Conversation.get(id=stored.conversation_id)).owner == "bot"


async def _parked() -> inbox.Stored:
    now = utc_now()
    stored = await inbox.store(
        inbox.Inbound(channel="web", external_user="kim", external_id="1", text="세탁기요", received_at=now),
        now=now,
    )
    (claim,) = await inbox.claim("me", now)
    async with database.transaction():
        await inbox.set_aside(claim.turns[0], now)
        await conversations.hand_over(stored.conversation_id, reason="failed", now=now)
        await inbox.finish(claim, claim.turns, now, state="parked")
    return stored
