"""Settings, articles and blocked customers in a real Chromium: what the desk says, offers and shows."""

import pytest
from playwright.async_api import expect

from crm import contacts, labels
from crm.models import Article, Contact, Label
from tests.bots.web.desk_fixtures import company, desk_server
from tests.bots.web.desk_people import Company, utc_now
from tests.browser.conftest import Shoot
from tests.browser.desk_pages import At, at, mine

__all__ = ["at", "company", "desk_server"]
pytestmark = pytest.mark.browser


async def test_what_was_saved_is_said_on_the_page_that_comes_next(at: At, company: Company) -> None:
    page = await at("seojun", "/desk/knowledge/new")
    await page.fill("#f-title", "E21이 떠요")
    await page.fill("#f-body", "필터를 씻어요.")
    await page.click("form .btn--primary")
    await page.wait_for_url("**/desk/knowledge/*")
    await expect(page.locator("#toasts .toast")).to_contain_text("E21이 떠요")
    assert (await Article.get()).version == 1
    made = await labels.create(company.yuna, "견적", now=utc_now())
    await page.goto(page.url.replace(page.url.partition("/desk")[2], "/admin/labels"))
    await page.click(f"[data-form='/desk/admin/labels/{made.id}']")
    await page.fill("#form-sheet [name=name]", "견적 문의")
    await page.click("#form-sheet .btn--primary")
    await expect(page.locator(".lines")).to_contain_text("견적 문의")  # loaded anew
    await expect(page.locator("#toasts .toast")).to_contain_text("견적 문의")
    assert (await Label.get(id=made.id)).name == "견적 문의"


async def test_a_blocked_customer_is_marked_and_offered_to_be_unblocked_and_nothing_is_said_twice(
    at: At, company: Company, shoot: Shoot
) -> None:
    talk = await mine(company)
    await contacts.block(company.seojun, talk.contact_id, now=utc_now())
    page = await at("seojun", f"/desk/conversations/{talk.id}")
    band = page.locator(".thread .band--error")
    await expect(band).to_contain_text("직원이 쓴 답은 가요")
    await expect(page.locator(".band--bot")).to_have_count(0)
    await page.click("[data-menu=contact]")
    offered = page.locator("[role=menu] [data-contact-do]")
    assert "block" not in [await one.get_attribute("data-contact-do") for one in await offered.all()]
    await shoot(page, "desk-blocked")
    await page.click("[role=menu] [data-contact-do=unblock]")
    await expect(band).to_have_count(0)
    assert not (await Contact.get(id=talk.contact_id)).blocked
    await page.click("[data-menu=contact]")
    await expect(page.locator("[role=menu] [data-contact-do=block]")).to_be_visible()


async def test_who_may_only_read_a_conversation_is_offered_no_act_on_it(at: At, company: Company) -> None:
    talk = await mine(company)
    page = await at("mari", f"/desk/conversations/{talk.id}")
    await expect(page.locator(".thread h1")).to_contain_text("김민지")
    await expect(page.locator(".thread [data-do]")).to_have_count(0)
    await expect(page.locator(".thread :is([data-menu=assign], [data-menu=snooze])")).to_have_count(0)


async def test_no_dot_stands_before_the_hours_that_begin_a_line(at: At, company: Company) -> None:
    page = await at("yuna", "/desk/admin/hours", viewport={"width": 390, "height": 844})
    day = page.locator("[data-day='0']")
    await day.locator("[data-add-span]").click()
    second = day.locator(".hours-span").nth(1)
    box, line = await second.bounding_box(), await day.locator(".hours-spans").bounding_box()
    assert box is not None
    assert line is not None
    assert box["x"] == line["x"]  # it begins a line; what stands to its left is clipped away
    clip = await day.locator(".hours-spans").evaluate("it => getComputedStyle(it).clipPath")
    dot = await second.evaluate("it => parseFloat(getComputedStyle(it, '::before').left)")
    assert clip.endswith("-4px)")
    assert dot + 4 < -4
