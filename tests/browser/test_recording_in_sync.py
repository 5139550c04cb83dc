"""A recording of two clocks: both sides stand within a tenth of a second, in picture and in sound.

Camera and microphone of both browsers tell the wall clock of this one machine (clock.js).
"""

import io
import statistics
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.async_api import Browser, Page

from tests.browser.calling import ask_to_record, browser, call_about_a_request, frames_of, recordings_of
from tests.browser.serving import Served

__all__ = ["browser"]

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.rasa]

CLOCK = (Path(__file__).parent / "clock.js").read_text()
NEAR_MS = 100.0
# While it plays: how far apart the clocks of the two pictures are, in ms; again and again.
APART = """async (count) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const read = (video) => {
    pen.drawImage(video, 0, 0, 640, 480);
    let told = 0;
    const white = (bit) => pen.getImageData(bit * 40 + 20, 40, 1, 1).data[1] > 128;
    for (let bit = 0; bit < 16; bit++) told |= white(bit) << bit;
    return told;
  };
  const [one, two] = document.querySelectorAll("#player figure:not(.is-away) video");
  const found = [];
  while (found.length < count) {
    await new Promise((done) => setTimeout(done, 100));
    found.push(((((read(one) - read(two)) & 0xffff) + 0x8000) & 0xffff) * 10 - 327680);
  }
  return found;
}"""


def beats(data: bytes) -> tuple[list[float], list[float]]:
    """When the bar turned white and when the tone began, in ms of the file, each a beat of the clock."""
    white, loud = [], []
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            pixels = frame.to_ndarray(format="gray")
            white.append((frame.time * 1000, float(pixels[int(pixels.shape[0] * 0.92)].mean()) > 128))
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float32).reshape(-1)
            scale = 1.0 if frame.format.name.startswith("flt") else 32768.0
            loud.append((frame.time * 1000, float(np.sqrt((samples**2).mean())) / scale > 0.05))
    return rises(white), rises(loud)


def rises(told: Sequence[tuple[float, bool]]) -> list[float]:
    """When something became so."""
    return [at for (at, on), (_, before) in zip(told[1:], told[:-1], strict=True) if on and not before]


def apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The median distance of beats to the nearest of the others, in ms; both beat once a second."""
    found = [min((b - a for b in other), key=abs) for a in one if other]
    return statistics.median(found)


async def files(desk: Page, url: str) -> list[tuple[float, bytes]]:
    """Each file of the page: when it begins, in ms of the call, and what is in it."""
    found = []
    for figure in await desk.locator("#player figure").all():
        address = await figure.locator("video").get_attribute("src")
        answer = await desk.context.request.get(f"{url}{address}")
        found.append((float(await figure.get_attribute("data-offset") or 0), await answer.body()))
    return found


async def test_both_sides_of_a_recording_are_played_at_the_same_moment(
    browser: Browser, served: Served
) -> None:
    call = await call_about_a_request(browser, served, script=CLOCK)
    desk, phone = call.desk, call.phone
    await frames_of(desk, "#main-video")
    await frames_of(phone, "#main-video")
    await desk.wait_for_timeout(3000)  # the bit rate has risen
    await ask_to_record(desk)
    await phone.click("#consent [value=agree]")
    await phone.wait_for_selector(".is-recording .red-dot")
    await phone.wait_for_timeout(12_000)
    await desk.click("#hang-up")
    await desk.click("#sure [value=yes]")
    await desk.wait_for_url("**/desk/calls/*")
    await recordings_of(desk, 2)
    heard = []
    for offset, data in await files(desk, served.url):
        white, loud = beats(data)
        print(f"in one file the sound is {apart(white, loud):.0f} ms after the picture")
        assert abs(apart(white, loud)) <= NEAR_MS
        heard.append([offset + at for at in loud])
    print(f"between the files the sound is {apart(*heard):.0f} ms apart")
    assert abs(apart(*heard)) <= NEAR_MS

    began = max([offset for offset, _ in await files(desk, served.url)])
    await desk.evaluate("at => { seek.value = at; seek.dispatchEvent(new Event('input')); }", began + 1000)
    await desk.click("#play")
    await desk.wait_for_timeout(2000)
    seen = await desk.evaluate(APART, 40)
    print(f"played, the pictures are {statistics.median(seen):.0f} ms apart (each time {sorted(seen)})")
    assert abs(statistics.median(seen)) <= NEAR_MS
