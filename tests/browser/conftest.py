"""A real Chromium against the pages of this test's own server."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.bots.web.chat_page import Client
from tests.bots.web.conftest import bot, config, front, serve

__all__ = ["bot", "config", "front", "serve"]

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "ko-KR",
    "timezone_id": "Asia/Seoul",
}

Open = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the one Chromium of this process, started by the first test that needs it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    options = tmp_path_factory.mktemp("chromium") / "launch.json"
    options.write_text(json.dumps({"executablePath": found, "args": ARGUMENTS}))
    command = ["-m", "playwright", "launch-server", "--browser", "chromium", "--config", str(options)]
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        os.killpg(server.pid, signal.SIGTERM)  # the driver and Chromium as well


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """The Chromium of this process, in which this test's contexts are its own and end with it."""
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect(chromium)
        yield connected
        await connected.close()


@pytest.fixture
async def open_page(browser: Browser, front: Client) -> AsyncIterator[Open]:
    """Open a path of ours on a phone (or as told). Nothing may appear in the console as an error."""
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(message.text)

    async def opened(path: str = "/chat", *, beside: Page | None = None, **settings: Any) -> Page:
        context = beside.context if beside else await browser.new_context(**{**PHONE, **settings})
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(str(front.make_url(path)))
        if path.startswith("/chat"):
            await page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    assert faults == []


Shoot = Callable[[Page, str], Awaitable[None]]


@pytest.fixture
def shoot() -> Shoot:
    """Keep a picture of the page when the environment says where (SCREENSHOTS=folder)."""

    async def shot(page: Page, name: str) -> None:
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            await page.screenshot(path=Path(folder) / f"{name}.png")

    return shot
