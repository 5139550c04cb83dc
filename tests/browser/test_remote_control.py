"""Remote control on the real product: the code, the agent on a PC of its own, both consents, a click, a
word, a stop."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mss
import pytest
from PIL import Image, ImageChops
from playwright.async_api import Browser, Page, expect

from media.assist import panel, scenes
from media.assist.consent import Consent, What
from tests.browser.calling import browser, call_about_a_request
from tests.browser.serving import Served
from tests.media.assist.test_consent import granted
from tests.media.assist.test_x11 import Customer
from tests.media.assist.xscreen import HEIGHT, WIDTH, Notepad, virtual_screen

__all__ = ["browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb: script/test --full installs it"),
]
WHO = scenes.Who("이서준", "새봄가전", "ko")


async def shown(screen: str, scene: panel.Scene, seconds: float = 120.0) -> panel.Drawing:
    """Wait until the panel shows exactly this scene."""
    drawing, end = panel.draw(scene), time.monotonic() + seconds
    left, width, height = WIDTH - 24 - drawing.picture.width, *drawing.picture.size
    while True:
        with mss.MSS(display=screen) as eyes:
            shot = eyes.grab((left, 24, left + width, 24 + height))
        seen = Image.frombytes("RGB", shot.size, shot.rgb)
        if ImageChops.difference(seen, drawing.picture.convert("RGB")).getbbox() is None:
            return drawing
        assert time.monotonic() < end, f"the panel never showed {scene.text!r}"
        await asyncio.sleep(0.1)


async def place_on(desk: Page, x: float, y: float) -> tuple[float, float]:
    """Where on the desk's page a share of the agent's screen is."""
    await desk.wait_for_function(
        "w => [...document.querySelectorAll('video')].some(v => v.videoWidth === w)", arg=WIDTH
    )
    left, top, width, height = await desk.evaluate(
        "w => { const v = [...document.querySelectorAll('video')].find(v => v.videoWidth === w);"
        " const r = v.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }",
        WIDTH,
    )
    scale = min(width / WIDTH, height / HEIGHT)
    return (
        left + (width - WIDTH * scale) / 2 + WIDTH * scale * x,
        top + (height - HEIGHT * scale) / 2 + HEIGHT * scale * y,
    )


async def met(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_staff_control_the_customers_pc_until_it_is_stopped(
    browser: Browser, served: Served, tmp_path: Path
) -> None:
    call = await call_about_a_request(browser, served)
    async with call.desk.expect_response("**/code") as answered:
        await call.desk.click("#control")
    code = (await (await answered.value).json())["code"]
    with virtual_screen() as screen:
        notepad, customer = Notepad(screen), Customer(screen)
        agent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-m", "bots", "assist", code, "--server", served.url),
            env={**os.environ, "DISPLAY": screen, "DANGOL_DATA_DIR": str(tmp_path), "LANG": "ko_KR.UTF-8"},
        )
        try:
            customer.press(await shown(screen, scenes.question(WHO, What.VIEW)), "allow")
            customer.press(await shown(screen, scenes.question(WHO, What.CONTROL, alert=True)), "allow")
            both = await shown(screen, scenes.state(WHO, granted(What.VIEW, What.CONTROL)))
            pressed = expect(call.desk.locator("#control"))
            await pressed.to_have_attribute("aria-pressed", "true", timeout=60_000)
            await expect(call.desk.locator("#controlling")).to_be_visible()

            await call.desk.mouse.click(*await place_on(call.desk, 0.25, 0.75))
            await met(lambda: bool(notepad.clicks))
            x, y, button = notepad.clicks[0]
            assert button == 1
            assert abs(x - WIDTH * 0.25) <= 1
            assert abs(y - HEIGHT * 0.75) <= 1
            await call.desk.keyboard.insert_text("안녕하세요 hello")
            await asyncio.to_thread(notepad.until, lambda pad: pad.text == "안녕하세요 hello")

            customer.press(both, "stop")
            await shown(screen, scenes.state(WHO, Consent(), told="멈췄어요. 이제 아무것도 보이지 않아요."))
            await call.desk.keyboard.insert_text("more")
            await asyncio.sleep(1.0)
            assert notepad.text == "안녕하세요 hello"
        finally:
            agent.terminate()
            await agent.wait()
            notepad.close()
            customer.close()
