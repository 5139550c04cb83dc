"""A call across two machines: the desk by one, the phone by the other, one room; each plays the recording.

Each machine has an address, a data folder, a front and a media process of its own, which browsers reach
without the front; they share the database and the folder of files.
"""

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.calling import (
    ask_to_record,
    browser,
    call_about_a_request,
    frames_of,
    recordings_of,
    signed_in,
)
from tests.browser.serving import ROOT, Served, environment, free_port, serving

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.rasa, pytest.mark.postgres]


def media() -> dict[str, str]:
    """A media process at an address of its own, which browsers are told of."""
    port = free_port()
    return {"MEDIA_PORTS": f"{port}-{port}", "MEDIA_URL": f"http://127.0.0.1:{port}"}


@contextlib.contextmanager
def process(data: Path, *words: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dangol's own kinds of process."""
    with (data / "process.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "bots", *words], cwd=ROOT, env=environment(data, **settings), stderr=log
        )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


@pytest.fixture
def machines(empty_postgres_urls: tuple[str, str], tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    one, two = tmp_path / "one", tmp_path / "two"
    two.mkdir()
    shared = {
        "DATABASE_URL": empty_postgres_urls[0],
        "STORAGE_URL": f"file://{tmp_path / 'files'}",
        "SECRET_KEY": "of-both-machines-" + "k" * 32,
    }
    with ExitStack() as stack:
        first = stack.enter_context(serving(one, "--demo", **shared, **media()))
        settings, port = {**shared, **media()}, free_port()
        stack.enter_context(process(two, "media", **settings))
        front = stack.enter_context(process(two, "front", "--demo", "--port", str(port), **settings))
        second = Served(f"http://127.0.0.1:{port}", two, (), settings, process=front)
        second.ready()
        until_it_listens(settings["MEDIA_URL"])
        yield first, second


def until_it_listens(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except urllib.error.HTTPError:
            return  # it has no page, but it answers
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


async def plays(desk: Page) -> int:
    """How many files the page plays to pictures that move."""
    await recordings_of(desk, 2)
    await desk.click("#play")
    await desk.wait_for_function(
        """() => [...document.querySelectorAll("#player video")]
          .every((video) => video.currentTime > 0.5 && video.videoWidth > 0)"""
    )
    return await desk.locator("#player video").count()


async def test_a_call_spans_two_machines_and_each_plays_its_recording(
    browser: Browser, machines: tuple[Served, Served]
) -> None:
    first, second = machines
    call = await call_about_a_request(browser, first, phone_by=second)
    desk, phone = call.desk, call.phone
    await frames_of(desk, "#main-video")
    await frames_of(phone, "#tile-video")
    for page, machine in ((desk, first), (phone, second)):
        told = await page.evaluate("JSON.parse(document.getElementById('config').textContent).socket")
        assert str(told).startswith(machine.settings["MEDIA_URL"]), "each side asks its own media process"
    await ask_to_record(desk)
    await phone.click("#consent [value=agree]")
    for side in (desk, phone):
        await side.wait_for_selector(".is-recording .red-dot")
    await phone.wait_for_timeout(3000)
    await desk.click("#hang-up")
    await desk.click("#sure [value=yes]")
    await phone.wait_for_selector("#call[data-stage=ended]", state="attached")
    await desk.wait_for_url("**/desk/calls/*")
    assert await plays(desk) == 2
    other = await signed_in(browser, second)
    await other.goto(f"{second.url}/desk/calls/{desk.url.rpartition('/')[2]}")
    assert await plays(other) == 2
