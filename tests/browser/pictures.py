"""The pictures of the documentation, taken from the running product: `script/screenshots`.

Not a test: it plays the demo's story (a washing machine does not drain) and keeps what is seen on the way.
"""

import asyncio
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Frame, FrameLocator, Page, async_playwright, expect

from bots.demo import pictures
from tests.browser.conftest import ARGUMENTS, PHONE
from tests.browser.serving import ROOT, Served, serving
from tests.browser.test_main_path import KOREAN, desk_page

IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 300_000
WAIT = 30_000
TROUBLE = "세탁기에서 물이 안 빠져요"


async def keep(page: Page, name: str) -> None:
    """Take a picture with few enough colours to be small."""
    await page.wait_for_timeout(900)  # what fades in is there
    shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    path = IMAGES / f"{name}.png"
    shot.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST_BYTES, f"{path} has {path.stat().st_size} bytes"
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


async def say(chat: Page | FrameLocator, text: str, answer: str) -> None:
    await chat.locator("#text").fill(text)
    await chat.locator("#text").press("Enter")
    await expect(chat.locator(".group--them").last).to_contain_text(answer, timeout=WAIT)


async def tell_the_story(chat: Page | FrameLocator) -> None:
    """From the trouble and its photo to the request's number, then a wish for a person."""
    await say(chat, TROUBLE, KOREAN.when_asked)
    photo = {"name": "E21.png", "mimeType": "image/png", "buffer": pictures.washer("E21")}
    await chat.locator("#photo").set_input_files(photo)
    await chat.locator("#send").click()
    await expect(chat.locator(".group--mine img")).to_have_count(1, timeout=WAIT)
    await expect(chat.locator(".group--them").last).to_contain_text("사진", timeout=WAIT)
    await say(chat, "다음주 화요일 오후 3시", "오후 3:00, 맞나요?")
    await chat.get_by_role("button", name=KOREAN.yes).click()
    await expect(chat.locator(".group--them").last).to_contain_text(KOREAN.where_asked, timeout=WAIT)
    await say(chat, KOREAN.address, KOREAN.phone_asked)
    await say(chat, KOREAN.phone, KOREAN.summary)
    await chat.get_by_role("button", name=KOREAN.send).click()
    await expect(chat.locator(".request-no")).to_have_count(1, timeout=WAIT)


async def answer_on_desk(desk: Page | Frame, name: str) -> None:
    """The newest waiting conversation is taken over, named and answered."""
    await desk.locator("[role=tab][data-view=all]").click()
    await desk.locator("#rows .row-link", has_text="이름 모름").first.click()
    await desk.locator(".thread-acts [data-do=take]").click()
    await desk.locator(".thread-acts [data-do=hand_back]").wait_for()
    await desk.evaluate(
        """async (name) => fetch("/desk/api/acts/contact_update", {
          method: "POST",
          headers: {"content-type": "application/json",
                    "x-csrf-token": document.querySelector("meta[name=csrf]").content},
          body: JSON.stringify({contact: Number(document.querySelector(".thread").dataset.contact), name}),
        })""",
        name,
    )
    await desk.locator("#tab-note").click()
    await desk.locator("#composer-text").fill("@seojun 지난달에도 필터 막힘으로 방문했어요.")
    await desk.locator(".btn-send").click()
    await desk.locator(".note-item").last.wait_for()
    await desk.locator("#tab-reply").click()
    await desk.locator("#composer-text").fill("사진 잘 봤어요. 배수 필터가 막힌 것 같아요. 오늘 바로 볼까요?")
    await desk.locator(".btn-send").click()
    await desk.locator(".msg.by-staff").last.wait_for()
    await desk.locator("[role=tab][data-view=mine]").click()


async def demo(browser: Browser, served: Served) -> None:
    """`/` in the middle of the story."""
    page = await browser.new_page(
        viewport={"width": 1440, "height": 900}, locale="ko-KR", timezone_id="Asia/Seoul"
    )
    page.set_default_timeout(WAIT)
    await page.goto(f"{served.url}/?lang=ko")
    await page.frame_locator("#desk").locator("#rows .row").first.wait_for()
    chat = page.frame_locator("#phone-web")
    await tell_the_story(chat)
    desk = next(frame for frame in page.frames if "/desk" in frame.url)
    await answer_on_desk(desk, "한서윤")
    await expect(chat.locator(".group--them").last).to_contain_text("사진 잘 봤어요", timeout=WAIT)
    await chat.locator("#text").fill("좋아요, 지금 할게요")
    await chat.locator("#text").press("Enter")
    await expect(desk.locator(".messages .msg.is-in").last).to_contain_text("지금 할게요", timeout=WAIT)
    await page.wait_for_timeout(6500)  # the toasts are gone
    await desk.locator("#composer-text").fill("네, 세탁기 앞면 아래 덮개를 열어 주세요.")
    await expect(chat.locator("#typing")).to_be_visible(timeout=WAIT)
    await keep(page, "demo")
    await page.close()


async def phone(browser: Browser, served: Served) -> None:
    """`/chat` with a request, light and dark."""
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    page.set_default_timeout(WAIT)
    await page.goto(f"{served.url}/chat?lang=ko")
    await page.wait_for_selector("html[data-ready]")
    await tell_the_story(page)
    await keep(page, "chat")
    await page.emulate_media(color_scheme="dark")
    await keep(page, "chat-dark")
    await context.close()


async def desk(browser: Browser, served: Served) -> None:
    """The desk with a conversation of the demo company, and the board."""
    page = await desk_page(browser, served, KOREAN)
    await page.locator("[role=tab][data-view=mine]").click()
    await page.locator("#rows .row-link").first.click()
    await page.wait_for_selector(".messages .msg")
    await page.wait_for_timeout(6500)
    await keep(page, "desk")
    await page.goto(f"{served.url}/desk/requests")
    await page.wait_for_load_state()
    await keep(page, "board")


async def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), "--demo") as served:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            await demo(browser, served)
            await phone(browser, served)
            await desk(browser, served)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
