"""kill -9 of the media process of the real product, in the middle of a recorded call."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser

from tests.browser.calling import (
    ask_to_record,
    browser,
    call_about_a_request,
    frames_of,
    longest_pause,
    watch,
)
from tests.browser.serving import Served, serving

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.rasa]


@pytest.fixture
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The whole product; the call needs no bot, so nobody waits until its model is loaded."""
    folder = tmp_path_factory.mktemp("called")
    with serving(folder, "--demo", wait=False, MEDIA_PROCESSES="2") as running:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{running.url}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield running


def holder(served: Served) -> int:
    """The process that holds the call's room."""
    with contextlib.closing(sqlite3.connect(served.data / "dangol.db")) as database:
        (name,) = database.execute("SELECT holder FROM lease WHERE name LIKE 'room:%'").fetchone()
    return int(name.split("/")[-3])


def media_processes(served: Served) -> int:
    with contextlib.closing(sqlite3.connect(served.data / "dangol.db")) as database:
        (found,) = database.execute("SELECT count(*) FROM process WHERE kind = 'media'").fetchone()
    return int(found)


async def test_the_call_goes_on_without_a_new_link_and_both_recordings_play(
    browser: Browser, called: Served
) -> None:
    call = await call_about_a_request(browser, called)
    desk, phone = call.desk, call.phone
    await frames_of(desk, "#main-video")
    await frames_of(phone, "#tile-video")
    await ask_to_record(desk)
    await phone.click("#consent [value=agree]")  # to ask is to agree
    for side in (desk, phone):
        await side.wait_for_selector(".is-recording .red-dot")
    await phone.wait_for_timeout(3000)
    for _ in range(600):
        if media_processes(called) >= 2:
            break
        await phone.wait_for_timeout(200)

    await watch(desk, "#main-video")
    await watch(phone, "#tile-video")
    os.kill(holder(called), signal.SIGKILL)

    pauses = await asyncio.gather(longest_pause(desk), longest_pause(phone))
    print(f"after kill -9 no picture for {pauses[0]:.0f} ms at the desk, {pauses[1]:.0f} ms on the phone")
    for side in (desk, phone):
        await side.wait_for_selector(".is-recording .red-dot")
    await phone.wait_for_timeout(3000)
    await desk.click("#hang-up")
    await desk.click("#sure [value=yes]")
    await phone.wait_for_selector("#call[data-stage=ended]", state="attached")
    await desk.wait_for_function(
        """async () => {
          const videos = document.querySelectorAll('#player video');
          return videos.length >= 4 || (setTimeout(() => location.reload(), 3000), false);
        }""",
        polling=4000,
    )
