"""The chat inside another site's page, and on the demo page beside the desk."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import OctKey
from playwright.async_api import Browser, Route, expect

from crm.models import Identity, Staff
from tests.bots.web.chat_page import Bot

pytestmark = pytest.mark.browser


def shop_page(chat: str, visitor: str) -> str:
    return (
        f"<!doctype html><meta charset=utf-8><title>Shop</title><h1>Shop</h1>"
        f'<script src="{chat}/chat.js" data-lang="ko" data-visitor="{visitor}" defer></script>'
    )


def visitor_token(secret: str, sub: str = "shop-7") -> str:
    claims = {"sub": sub, "name": "김민지", "exp": int(datetime.now(UTC).timestamp()) + 600}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


@pytest.fixture
async def shop() -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Another site: its origin, and its pages by path."""
    shown: dict[str, str] = {}

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=shown[request.path], content_type="text/html")

    app = web.Application()
    app.router.add_get("/{page}", show)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), shown


async def test_another_site_embeds_the_chat(
    browser: Browser, serve: Any, bot: Bot, config: Any, shop: Any, shoot: Any
) -> None:
    origin, shown = shop
    async with serve(chat_origins=(origin,)) as front:
        home = str(front.make_url("/")).rstrip("/")
        shown["/shop"] = shop_page(home, visitor_token(config.chat_visitor_secret))
        page = await browser.new_page(locale="ko-KR")
        await page.goto(f"{origin}/shop")
        await page.get_by_role("button", name="상담 열기").click()
        frame = page.frame_locator("iframe[title='상담']")
        await frame.locator("html[data-ready]").wait_for()
        await frame.locator("#text").fill("가게에서 왔어요")
        await frame.locator("#text").press("Enter")
        await expect(frame.locator(".bubble", has_text="들은 말: 가게에서 왔어요")).to_be_visible()
        await shoot(page, "chat-embedded")
        assert (await Identity.get()).display_name == "김민지"
        await frame.get_by_role("button", name="상담 닫기").click()
        await expect(page.locator("iframe")).to_be_hidden()
        await page.get_by_role("button", name="상담 열기").click()
        await expect(page.locator("iframe")).to_be_visible()
        await page.close()
        device = await browser.new_context(locale="ko-KR", viewport={"width": 390, "height": 844})
        phone = await device.new_page()
        await phone.goto(f"{origin}/shop")
        await phone.get_by_role("button", name="상담 열기").click()
        frame = phone.frame_locator("iframe[title='상담']")
        await frame.locator("html[data-ready]").wait_for()
        said = frame.locator(".bubble")
        await expect(said).to_have_text(["가게에서 왔어요", "들은 말: 가게에서 왔어요"])
        await expect(frame.locator("#start")).to_be_hidden()
        await device.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_embedded_conversation_goes_on_when_the_site_is_loaded_again_and_on_its_other_pages(
    browser: Browser, serve: Any, bot: Bot, shop: Any, host: str
) -> None:
    """`localhost` is another site than the chat's: a browser of this kind forbids the frame to store."""
    origin, shown = shop
    origin = origin.replace("127.0.0.1", host)
    async with serve(chat_origins=(origin,)) as front:
        home = str(front.make_url("/")).rstrip("/")
        shown["/one"] = shown["/two"] = shop_page(home, "").replace(' data-visitor=""', "")
        page = await browser.new_page(locale="ko-KR")
        frame = page.frame_locator("iframe[title='상담']")
        bubbles = frame.locator(".bubble:not(#start *)")
        said: list[str] = []
        for path in ("one", "one", "two"):
            await page.goto(f"{origin}/{path}")
            await page.get_by_role("button", name="상담 열기").click()
            await frame.locator("html[data-ready]").wait_for()
            if said:
                await expect(bubbles).to_have_text(said)
            await frame.locator("#text").fill(f"{len(said)}번째")
            await frame.locator("#text").press("Enter")
            said += [f"{len(said)}번째", f"들은 말: {len(said)}번째"]
            await expect(bubbles.last).to_have_text(said[-1])
        assert await Identity.all().count() == 1
        await page.close()


LATE = """<script>
addEventListener("message", (event) => {
  if (event.data?.type !== "dangol:ready" || event.late) return;
  event.stopImmediatePropagation();
  const again = new MessageEvent("message", { data: event.data, origin: event.origin, source: event.source });
  again.late = true;
  setTimeout(() => dispatchEvent(again), 2500);
});
</script>"""


async def test_a_site_that_says_too_late_who_it_is_takes_no_unsent_words_from_them(
    browser: Browser, serve: Any, bot: Bot, config: Any, shop: Any
) -> None:
    origin, shown = shop
    async with serve(chat_origins=(origin,)) as front:
        shown["/shop"] = shop_page(
            str(front.make_url("/")).rstrip("/"), visitor_token(config.chat_visitor_secret)
        )
        shown["/slow"] = shown["/shop"].replace("<script", f"{LATE}<script", 1)
        page = await browser.new_page(locale="ko-KR")
        frame = page.frame_locator("iframe[title='상담']")
        for path, there in (("shop", ""), ("slow", "아직 안 보낸 말")):
            await page.goto(f"{origin}/{path}")
            await page.get_by_role("button", name="상담 열기").click()
            await frame.locator("html[data-ready]").wait_for()
            await expect(frame.locator("#text")).to_have_value(there)
            await frame.locator("#text").fill("아직 안 보낸 말")
        await page.close()


async def test_words_written_while_the_conversation_is_fetched_stay_below_it(
    browser: Browser, serve: Any, bot: Bot, config: Any, shop: Any
) -> None:
    origin, shown = shop
    async with serve(chat_origins=(origin,)) as front:
        home = str(front.make_url("/")).rstrip("/")
        shown["/shop"] = shop_page(home, visitor_token(config.chat_visitor_secret))
        asked, fetched = asyncio.Event(), asyncio.Event()

        async def slowly(route: Route) -> None:
            answer = await route.fetch()
            asked.set()
            await fetched.wait()
            await route.fulfill(response=answer)

        for said in ("먼저", "나중"):  # the second by a browser that has to fetch what was said in the first
            page = await browser.new_page(locale="ko-KR")
            await page.route("**/channels/web/history*", slowly)
            frame = page.frame_locator("iframe[title='상담']")
            await page.goto(f"{origin}/shop")
            await page.get_by_role("button", name="상담 열기").click()
            await frame.locator("html[data-ready]").wait_for()
            if said == "나중":
                await asyncio.wait_for(asked.wait(), 10)
            await frame.locator("#text").fill(said)
            await frame.locator("#text").press("Enter")
            await expect(frame.locator(".bubble", has_text=said).first).to_be_visible()
            fetched.set()
            await expect(frame.locator(".bubble", has_text=f"들은 말: {said}")).to_be_visible()
            await expect(frame.locator(".bubble--mine", has_text=said)).to_be_visible()
            fetched.clear()
            await page.unroute_all(behavior="ignoreErrors")
            await page.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_who_comes_next_to_a_shared_computer_reads_nothing_of_who_was_there(
    browser: Browser, serve: Any, bot: Bot, config: Any, shop: Any, host: str
) -> None:
    origin, shown = shop
    origin = origin.replace("127.0.0.1", host)
    async with serve(chat_origins=(origin,)) as front:
        home = str(front.make_url("/")).rstrip("/")
        for who in ("shop-7", "shop-8"):
            shown[f"/{who}"] = shop_page(home, visitor_token(config.chat_visitor_secret, who))
        shown["/nobody"] = shop_page(home, "").replace(' data-visitor=""', "")
        page = await browser.new_page(locale="ko-KR")
        frame = page.frame_locator("iframe[title='상담']")
        bubbles = frame.locator(".bubble", has_text="의 말")
        for path, said in (("shop-7", 0), ("nobody", 0), ("shop-8", 0), ("nobody", 0), ("shop-7", 2)):
            await page.goto(f"{origin}/{path}")
            await page.get_by_role("button", name="상담 열기").click()
            await frame.locator("html[data-ready]").wait_for()
            await frame.locator("#text").fill(f"{path}의 말")
            await frame.locator("#text").press("Enter")
            await expect(bubbles.last).to_have_text(f"들은 말: {path}의 말")
            await expect(bubbles).to_have_count(said + 2)
        await page.close()


async def test_a_site_that_is_not_listed_cannot_frame_the_chat(
    browser: Browser, serve: Any, bot: Bot, shop: Any
) -> None:
    origin, shown = shop
    async with serve(chat_origins=()) as front:
        shown["/frame"] = f'<iframe id="f" src="{front.make_url("/chat")}"></iframe>'
        page = await browser.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        await page.goto(f"{origin}/frame")
        await expect(page.frame_locator("#f").locator("#text")).to_have_count(0)
        assert any("frame-ancestors" in text for text in refused)
        await page.close()


async def test_the_demo_shows_a_customer_beside_the_desk(open_page: Any, bot: Bot, shoot: Any) -> None:
    for login, name, role in (("seojun", "이서준", "agent"), ("jihun", "배지훈", "technician")):
        await Staff.create(login=login, name=name, role=role, demo=True, created_at=datetime.now(UTC))
    page = await open_page("/", viewport={"width": 1440, "height": 900}, is_mobile=False, has_touch=False)
    await expect(page.locator("#signed")).to_have_text("이서준으로 로그인됨")
    await page.get_by_role("button", name="물이 안 빠져요").click()
    chat = page.frame_locator("#phone-web")
    await expect(chat.locator(".bubble", has_text="들은 말: 물이 안 빠져요")).to_be_visible()
    await expect(page.locator("#news")).to_contain_text("방금 새 메시지가 도착했어요")
    await page.locator("[data-login=jihun]").click()
    await expect(page.locator("#signed")).to_have_text("배지훈으로 로그인됨")
    await shoot(page, "demo")


async def test_on_a_small_screen_the_demo_has_two_tabs(open_page: Any, bot: Bot, shoot: Any) -> None:
    page = await open_page("/")
    await expect(page.locator("#staff")).to_be_hidden()
    await page.get_by_role("tab", name="직원").click()
    await expect(page.locator("#customer")).to_be_hidden()
    await expect(page.locator("#staff")).to_be_visible()
    await shoot(page, "demo-phone")
