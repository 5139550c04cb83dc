"""Two browsers with fake cameras and microphones, and a house in memory."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.media.house import House, front

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--auto-accept-this-tab-capture",
    "--autoplay-policy=no-user-gesture-required", "--disable-renderer-backgrounding",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip

FAKE_CAMERA = "--use-fake-device-for-media-stream"
Enter = Callable[..., Awaitable[Page]]


@pytest.fixture
def house(tmp_path: Path) -> House:
    folder = tmp_path / "kept"
    folder.mkdir()
    return House(folder)


@pytest.fixture
def fps() -> int:
    """Pictures a second of the fake cameras: 20 is what Chromium gives unasked, cheaper than a real one."""
    return 20


@pytest.fixture
async def chromium(fps: int) -> AsyncIterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        words = [*ARGUMENTS, f"{FAKE_CAMERA}=fps={fps}"]
        started = await playwright.chromium.launch(executable_path=found, args=words)
        yield started
        await started.close()


@pytest.fixture
async def url(house: House) -> AsyncIterator[str]:
    async with front(house) as address:
        yield address


@pytest.fixture
async def enter(chromium: Browser, url: str) -> Enter:
    """Open the page of a token in a browser of its own and start the call."""

    async def entered(token: str, query: str = "", *, video: bool = True, at: str = url) -> Page:
        context = await chromium.new_context(permissions=["camera", "microphone"])
        page = await context.new_page()
        page.set_default_timeout(30_000)
        await page.goto(f"{at}/page?token={token}&browser={token}{query}")
        await page.wait_for_selector("html[data-ready]", state="attached")
        await page.evaluate("video => call.start(video)", video)
        return page

    return entered
