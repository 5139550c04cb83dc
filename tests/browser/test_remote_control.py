"""Remote control from the desk's page to a PC of its own: both consents, mouse, keys, copied text, a stop.

Pages, CRM, room and agent are the real ones; the bot is left out, and the customer's phone.
"""

import asyncio
import hashlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect
from Xlib import X

from bots import live_ports
from bots.live_registry import LeaseRegistry
from bots.web import app_keys, call, call_socket, desk, files, hub, pages
from crm import files as stored_files
from crm import live_asking, live_codes, live_people, live_sessions, vault, zone
from crm.models import ServiceRequest
from crm.storage import Folder
from media.assist import scenes
from media.assist.consent import Consent, What
from media.assist.panel import Drawing, Scene
from media.ports import Ports
from media.server import Config, MediaProcess
from media.udp import local_addresses
from tests.bots.web.desk_fixtures import SECRET
from tests.bots.web.desk_people import PASSWORD, a_company
from tests.browser.calling import DESK, browser, page_in
from tests.browser.conftest import PHONE
from tests.crm.makers import a_contact
from tests.media.assist.customer import Customer
from tests.media.assist.test_consent import granted
from tests.media.assist.xscreen import HEIGHT, WIDTH, Notepad, virtual_screen

__all__ = ["browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb: script/test --full installs it"),
]
FILE: Final = {"name": "안내.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF\n"}
WHO = scenes.Who("이서준", "새봄가전", "ko")


async def place_on(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where on the desk's page a share of the agent's screen is; waits until the large picture is that one.

    Staff's own camera may be as wide, so the width alone tells nothing.
    """
    found = "document.querySelector('#main-video.is-screen')"
    await page.wait_for_function(f"w => {found}?.videoWidth === w", arg=WIDTH)
    left, top, width, height = await page.evaluate(
        f"() => {{ const r = {found}.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }}"
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


@pytest.fixture
async def server(db: str, tmp_path: Path) -> AsyncIterator[TestServer]:
    """Pages, desk and calls, and a media process."""
    vault.use(SECRET)
    zone.use(ZoneInfo("Asia/Seoul"))
    stored_files.use(Folder(tmp_path / "files"), max_bytes=1024 * 1024)
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app[app_keys.CONFIG] = app_keys.WebConfig(SECRET, upload_max_mb=1, assist_dir=tmp_path / "assist")
    pages.setup(app)
    app.cleanup_ctx.append(hub.lifespan)
    for room in (pages, files, desk, call, call_socket):
        room.routes(app)
    tickets, journal, consents, recordings = live_ports.ports()
    ports = Ports(tickets, LeaseRegistry(), journal, consents, recordings)
    config = Config(local_addresses(loopback=True), range(43000, 43400), folder=tmp_path / "parts")
    media = MediaProcess("media-1", ports, config, now)
    holding = web.Application()
    media.routes(holding)
    async with TestServer(app) as front, TestServer(holding) as held:
        await media.start(str(held.make_url("/")).rstrip("/"))
        yield front
        await media.stop()


def now() -> datetime:
    return datetime.now(UTC)


async def a_call() -> tuple[int, str]:
    """A call about a request that staff and customer are in, and a code for the customer's PC."""
    staff = (await a_company(now())).seojun
    contact = await a_contact(now())
    matter = await ServiceRequest.create(
        number="SR-2026-000123", contact_id=contact.id, product_text="노트북",
        status_at=now(), created_at=now(), updated_at=now(),
    )  # fmt: skip
    made = await live_asking.create(staff, contact.id, request_id=matter.id, now=now())
    await live_sessions.wait(made.customer.id, now())
    await live_people.take(staff, made.session.id, now=now())
    return made.session.id, await live_codes.issue(staff, made.session.id, now=now())


@dataclass
class Controlled:
    """A call in which the customer allowed viewing and control of their PC."""

    desk: Page
    customer: Customer
    notepad: Notepad
    panel: Drawing

    async def at(self, x: float, y: float) -> tuple[float, float]:
        """Where on the desk's page a share of the PC's screen is."""
        return await place_on(self.desk, x, y)


async def the_desk(browser: Browser, server: TestServer, live: int, faults: list[str]) -> Page:
    """Staff in the call."""
    page = await page_in(await browser.new_context(**DESK))
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(str(server.make_url(f"/desk/login?next=/desk/calls/{live}/room")))
    await page.fill("#login", "seojun")
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_selector("#call[data-stage=live]", state="attached")
    return page


@asynccontextmanager
async def controlled(desk_page: Page, *program: str, downloads: Path) -> AsyncIterator[Controlled]:
    """The agent is started on a PC, and the customer allows viewing and control."""
    with virtual_screen() as screen:
        notepad, customer = Notepad(screen), Customer(screen)
        agent = await asyncio.create_subprocess_exec(
            *program, env={**os.environ, "DISPLAY": screen, "XDG_DOWNLOAD_DIR": str(downloads)}
        )
        try:
            customer.press(await customer.sees(scenes.question(WHO, What.VIEW)), "allow")
            question = scenes.question(WHO, What.CONTROL, alert=True)
            customer.press(await customer.sees(question), "allow")
            both = await customer.sees(state(What.VIEW, What.CONTROL))
            control = expect(desk_page.locator("#control"))
            await control.to_have_text("제어 멈추기", timeout=60_000)
            await expect(desk_page.locator("#controlling")).to_be_visible()
            yield Controlled(desk_page, customer, notepad, both)
        finally:
            if agent.returncode is None:
                agent.terminate()
            await agent.wait()
            await desk_page.context.close()
            notepad.close()
            customer.close()


@pytest.fixture
async def pc(browser: Browser, server: TestServer, tmp_path: Path) -> AsyncIterator[Controlled]:
    """The agent from this checkout."""
    live, code = await a_call()
    faults: list[str] = []
    desk_page = await the_desk(browser, server, live, faults)
    words = (
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "media.assist",
        code,
        "--server",
        str(server.make_url("/")),
    )
    async with controlled(desk_page, *words, "--lang", "ko", downloads=tmp_path / "downloads") as made:
        yield made
    assert faults == []


def state(*whats: What, told: str = "") -> Scene:
    return scenes.state(WHO, granted(*whats), told=told, shortcut="Ctrl+Alt+S")


async def test_staff_control_the_customers_pc_until_it_is_stopped(pc: Controlled) -> None:
    page, notepad = pc.desk, pc.notepad
    await page.mouse.click(*await pc.at(0.25, 0.75))
    await met(lambda: bool(notepad.clicks))
    x, y, button = notepad.clicks[0]
    assert button == 1
    assert abs(x - WIDTH * 0.25) <= 1
    assert abs(y - HEIGHT * 0.75) <= 1
    await page.keyboard.insert_text("안녕하세요 hello")
    await asyncio.to_thread(notepad.until, lambda pad: pad.text == "안녕하세요 hello")

    await page.keyboard.press("Control+Shift+ArrowLeft")
    await page.mouse.move(*await pc.at(0.2, 0.5))
    await page.mouse.down()
    await page.mouse.move(*await pc.at(0.4, 0.5), steps=4)
    await page.mouse.up()
    await page.mouse.wheel(0, 120)
    await met(lambda: len(notepad.clicks) == 3 and len(notepad.released) == 3 and not notepad.keys_down)
    assert [button for _, _, button in notepad.clicks] == [1, 1, 5]
    assert abs(notepad.released[1][0] - WIDTH * 0.4) <= 1
    assert len(notepad.way) > 1
    assert ("Left", X.ControlMask | X.ShiftMask) in notepad.keys

    await page.keyboard.down("Shift")
    await asyncio.to_thread(notepad.until, lambda pad: "Shift_L" in pad.keys_down)
    await page.focus("#chat-text")  # staff turn to the chat: nothing stays pressed
    await asyncio.to_thread(notepad.until, lambda pad: not pad.keys_down)
    await page.keyboard.up("Shift")

    pc.customer.press(pc.panel, "stop")
    await pc.customer.sees(scenes.state(WHO, Consent(), told="멈췄어요. 이제 아무것도 보이지 않아요."))
    await page.keyboard.insert_text("more")
    await asyncio.sleep(1.0)
    assert notepad.text == "안녕하세요 hello"


async def test_copied_text_and_files_go_over_by_the_customers_consent(pc: Controlled, tmp_path: Path) -> None:
    page, customer = pc.desk, pc.customer
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.evaluate("navigator.clipboard.writeText('https://example.com/안내')")
    note = expect(page.locator("#control-note"))

    await page.click("#clip-send")
    question = scenes.question(WHO, What.CLIPBOARD, alert=True)
    customer.press(await customer.sees(question), "refuse")
    await note.to_have_text("고객이 복사한 글을 나누지 않겠다고 했어요.")
    await page.click("#clip-send")
    customer.press(await customer.sees(question), "allow")
    await note.to_have_text("글 22자를 고객 PC에 복사했어요.")
    await page.evaluate("navigator.clipboard.writeText('')")
    await page.click("#clip-get")
    await note.to_have_text("고객이 복사한 글 22자를 내 PC에 복사했어요.")
    assert await page.evaluate("navigator.clipboard.readText()") == "https://example.com/안내"

    await page.set_input_files("#control-file", files=[FILE])
    question = scenes.question(WHO, What.FILE, name="안내.pdf", size="1KB", alert=True)
    customer.press(await customer.sees(question), "allow")
    await note.to_have_text("안내.pdf 파일을 고객 PC의 다운로드 폴더에 저장했어요.")
    assert (tmp_path / "downloads" / "안내.pdf").read_bytes() == FILE["buffer"]

    await page.click("#hang-up")
    await page.click("#sure button[value=yes]")
    await page.wait_for_selector("#controlled")
    record = await page.inner_text("#controlled")
    for said in (
        "고객이 조작을 허락했어요",
        "복사한 글 나누기를 거절했어요",
        "안내.pdf 파일을 고객 PC에 저장했어요",
    ):
        assert said in record


async def test_the_file_that_the_front_makes_and_offers_joins_the_call(
    browser: Browser, server: TestServer, tmp_path: Path
) -> None:
    """From the button of staff to a click on the PC: the archive is made, downloaded, and run."""
    live, _ = await a_call()
    faults: list[str] = []
    desk_page = await the_desk(browser, server, live, faults)
    async with desk_page.expect_response("**/code") as answered:
        await desk_page.click("#control")
    code = (await (await answered.value).json())["code"]

    phone = await page_in(await browser.new_context(**PHONE))
    address = str(server.make_url("/assist?lang=ko"))
    await phone.goto(address)
    assert "만들고 있어요" in await phone.inner_text("main")
    for _ in range(300):
        if await phone.locator("a[href$='/assist/linux-x86_64']").count():
            break
        await asyncio.sleep(1.0)
        await phone.goto(address)
    async with phone.expect_download() as started:
        await phone.click("a[href$='/assist/linux-x86_64']")
    file = tmp_path / "dangol-assist"
    await (await started.value).save_as(file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() in await phone.inner_text("main")
    await phone.context.close()

    file.chmod(0o755)
    async with controlled(desk_page, str(file), code, "--lang", "ko", downloads=tmp_path) as pc:
        await desk_page.mouse.click(*await pc.at(0.25, 0.75))
        await met(lambda: bool(pc.notepad.clicks))
    assert faults == []
