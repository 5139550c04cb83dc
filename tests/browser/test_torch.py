"""The light of a camera, by the Image Capture specification: no fake device has one, so a track says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page

import bots.web
from tests.browser.calling import browser

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.full]
STATIC = Path(bots.web.__file__).parent / "static"
# A real track of a canvas that also has a light, which the page can look at as `lamp`.
TRACK = """async ([states, broken]) => {
  const { Devices } = await import('/static/call/devices.js');
  const devices = new Devices();
  [devices.camera] = document.createElement('canvas').captureStream().getVideoTracks();
  let lamp = false;
  const settings = devices.camera.getSettings();
  Object.assign(devices.camera, {
    getCapabilities: () => (states === null ? {} : { torch: states }),
    getSettings: () => ({ ...settings, torch: lamp }),
    applyConstraints: async ({ advanced }) => { if (!broken) lamp = advanced[0].torch; },
  });
  const told = [devices.hasLight];
  for (const on of [true, false]) {
    const failed = await devices.setLight(on).then(() => false, (error) => error.name);
    told.push([lamp, devices.light, failed]);
  }
  return told;
}"""


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page of an origin that has our modules."""
    app = web.Application()
    app.router.add_static("/static", STATIC)
    async with TestServer(app) as server:
        made = await browser.new_page()
        await made.goto(str(server.make_url("/static/call/form.css")))
        yield made
        await made.close()


async def test_a_light_is_offered_where_there_is_one_and_called_on_only_when_it_is(page: Page) -> None:
    for states in ([False, True], True):  # as the specification lists them, and as its earlier drafts had it
        assert await page.evaluate(TRACK, [states, False]) == [
            True,
            [True, True, False],
            [False, False, False],
        ]
    for states in ([False], False, None):
        assert (await page.evaluate(TRACK, [states, False]))[0] is False
    dark = await page.evaluate(TRACK, [[False, True], True])
    assert dark == [True, [False, False, "OverconstrainedError"], [False, False, False]]
