"""A call on the real product: staff at the desk, a customer on a phone, both with fake devices."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.conftest import ARGUMENTS, PHONE
from tests.browser.serving import Served

FAKE = [*ARGUMENTS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
ALLOWED: dict[str, Any] = {"permissions": ["camera", "microphone"]}
DESK: dict[str, Any] = {
    "viewport": {"width": 1440, "height": 900}, "locale": "ko-KR", "timezone_id": "Asia/Seoul", **ALLOWED,
}  # fmt: skip
PATIENCE = 60_000  # ms: the machine may be loaded


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium with a fake camera and microphone."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=FAKE)
        yield started
        await started.close()


@dataclass
class Call:
    """Both sides of a call."""

    desk: Page
    phone: Page
    link: str


async def page_in(context: BrowserContext) -> Page:
    made = await context.new_page()
    made.set_default_timeout(PATIENCE)
    return made


async def signed_in(browser: Browser, served: Served) -> Page:
    desk = await page_in(await browser.new_context(**DESK))
    await desk.goto(f"{served.url}/desk/login")
    await desk.fill("#login", "seojun")
    await desk.fill("#password", served.password)
    await desk.click("form .btn--primary")
    await desk.wait_for_url("**/desk/conversations**")
    return desk


async def call_about_a_request(
    browser: Browser,
    served: Served,
    *,
    phone_by: Served | None = None,
    script: str = "",
    customer: dict[str, Any] = PHONE,
) -> Call:
    """Staff invite from a request; the customer opens the link on a phone and enters, by another front if
    there is one. `script` runs in both browsers before any page; `customer`: their browser, if no phone."""
    desk = await signed_in(browser, served)
    if script:
        await desk.context.add_init_script(script)
    await desk.goto(f"{served.url}/desk/requests/2")
    await desk.click("[data-live-start]")
    await desk.click("#live-sheet .btn--primary")
    await desk.wait_for_url("**/room")
    await desk.wait_for_selector("#qr svg")
    link = await desk.text_content("#qr-link") or ""
    if phone_by is not None:
        link = link.replace(served.url, phone_by.url)
    phone = await page_in(await browser.new_context(**{**customer, **ALLOWED}))
    if script:
        await phone.context.add_init_script(script)
    await phone.goto(link)
    await phone.click("#open-video")
    await phone.click("#enter")
    for side in (desk, phone):
        await side.wait_for_selector("#call[data-stage=live]", state="attached")
    return Call(desk, phone, link)


async def watch(page: Page, selector: str) -> None:
    """Begin to count the pictures of a video, and the longest time between two."""
    await page.evaluate(
        """s => {
          const video = document.querySelector(s);
          const seen = (window.seen = { shown: 0, longest: 0 });
          let before = performance.now();
          const next = (now) => {
            seen.longest = Math.max(seen.longest, now - before);
            before = now;
            seen.shown += 1;
            video.requestVideoFrameCallback(next);
          };
          video.requestVideoFrameCallback(next);
        }""",
        selector,
    )


async def longest_pause(page: Page, pictures: int = 30) -> float:
    """The longest time between two pictures in ms since `watch`, once so many came."""
    await page.wait_for_function("n => seen.shown >= n", arg=pictures)
    return float(await page.evaluate("seen.longest"))


async def ask_to_record(desk: Page) -> None:
    """Staff ask; the sheet says that this is their own agreement."""
    await desk.click("#record")
    await desk.click("#ask-record [value=ask]")


async def recordings_of(desk: Page, count: int) -> None:
    """Wait on the page of a call that is over until so many files of its recording are there."""
    for _ in range(60):
        if await desk.locator("#player video").count() >= count:
            return
        await desk.wait_for_timeout(2000)
        await desk.reload()
    raise TimeoutError("the recording was never ready")


async def frames_of(page: Page, selector: str) -> int:
    """How many frames a video has shown; waits for the first."""
    await page.wait_for_function(
        "s => document.querySelector(s).getVideoPlaybackQuality().totalVideoFrames > 5", arg=selector
    )
    seen: int = await page.evaluate(
        "s => document.querySelector(s).getVideoPlaybackQuality().totalVideoFrames", selector
    )
    return seen
