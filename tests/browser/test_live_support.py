"""Live support in two real browsers with fake devices, through the real server."""

import asyncio
import re
from contextlib import suppress

import pytest
from playwright.async_api import Browser, Error, Page, Route

from tests.browser.calling import (
    ALLOWED,
    DESK,
    ask_to_record,
    browser,
    call_about_a_request,
    frames_of,
    page_in,
)
from tests.browser.conftest import PHONE
from tests.browser.serving import Served

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.rasa]


async def place_of_mark(page: Page) -> tuple[float, float]:
    """The middle of the drawn circle, as fractions of the picture itself."""
    await page.wait_for_selector(".mark--circle", state="attached")
    found: list[float] = await page.evaluate(
        """async () => {
          const { pictureIn } = await import('/static/call/marks.js');
          const video = document.getElementById('main-video');
          const box = document.querySelector('.mark--circle').getBBox();
          const { clientWidth, clientHeight, videoWidth, videoHeight } = video;
          const fit = getComputedStyle(video).objectFit;
          const p = pictureIn(clientWidth, clientHeight, videoWidth, videoHeight, fit);
          return [(box.x + box.width / 2 - p.x) / p.width, (box.y + box.height / 2 - p.y) / p.height];
        }"""
    )
    return found[0], found[1]


async def drawn_alike(desk: Page, phone: Page) -> None:
    """The circle is at the same place of the picture on both sides, once its last move has come over."""
    drawn, seen = await place_of_mark(desk), await place_of_mark(phone)
    for _ in range(50):
        if seen == pytest.approx(drawn, abs=0.01):
            return
        await phone.wait_for_timeout(100)
        drawn, seen = await place_of_mark(desk), await place_of_mark(phone)
    pytest.fail(f"drawn at {drawn}, seen at {seen}")


MADE_ROOM = """(before) => {
  const box = (one) => document.querySelector(one).getBoundingClientRect();
  const [tile, mark] = [box('#tile'), box('.mark--arrow')];
  const beside = tile.left >= mark.right || mark.left >= tile.right;
  const apart = beside || tile.top >= mark.bottom || mark.top >= tile.bottom;
  return apart && (tile.x !== before.x || tile.y !== before.y);
}"""


async def the_small_picture_leaves_a_mark(desk: Page, phone: Page) -> None:
    """An arrow is drawn where the customer's small picture lies; afterwards it lies elsewhere."""
    before = await phone.locator("#tile").bounding_box()
    stage = await desk.locator("#stage").bounding_box()
    video = await desk.locator("#main-video").evaluate("v => [v.videoWidth, v.videoHeight]")
    assert before
    assert stage
    # the middle of the small picture in the whole picture, as the phone shows it cut to its page
    page = await phone.locator("#main-video").bounding_box()
    assert page
    scale = max(page["width"] / video[0], page["height"] / video[1])
    place = [
        ((before["x"] + before["width"] / 2 - page["x"] - page["width"] / 2) / scale) / video[0] + 0.5,
        ((before["y"] + before["height"] / 2 - page["y"] - page["height"] / 2) / scale) / video[1] + 0.5,
    ]
    shown = min(stage["width"] / video[0], stage["height"] / video[1])
    x = stage["x"] + stage["width"] / 2 + (place[0] - 0.5) * video[0] * shown
    y = stage["y"] + stage["height"] / 2 + (place[1] - 0.5) * video[1] * shown
    await desk.click("[data-tool=arrow]")
    await desk.mouse.move(x - 8, y - 8)
    await desk.mouse.down()
    await desk.mouse.move(x + 8, y + 8, steps=4)
    await desk.mouse.up()
    await phone.wait_for_selector(".mark--arrow", state="attached")
    await phone.wait_for_function(MADE_ROOM, arg=before)
    await desk.click("[data-tool=undo]")


async def test_a_customer_taps_one_link_and_the_call_ends_in_the_record(
    browser: Browser, served: Served
) -> None:
    call = await call_about_a_request(browser, served)
    desk, phone = call.desk, call.phone

    # pictures flow both ways
    before = await frames_of(desk, "#main-video")
    assert await frames_of(phone, "#tile-video") > 0
    await desk.wait_for_function(
        "n => document.querySelector('#main-video').getVideoPlaybackQuality().totalVideoFrames > n",
        arg=before,
    )

    # what staff draw is at the same place of the picture on the phone
    await desk.click("[data-tool=circle]")
    stage = await desk.locator("#stage").bounding_box()
    assert stage
    x, y = stage["x"] + stage["width"] * 0.6, stage["y"] + stage["height"] * 0.6
    await desk.mouse.move(x, y)
    await desk.mouse.down()
    await desk.mouse.move(x + 60, y + 60, steps=4)
    await desk.mouse.up()
    await drawn_alike(desk, phone)
    await desk.click("[data-tool=undo]")
    await phone.wait_for_selector(".mark--circle", state="detached")
    await the_small_picture_leaves_a_mark(desk, phone)

    # the chat is the conversation's own
    await phone.click("#chat-open")
    await phone.fill("#chat-text", "배수 필터 덮개가 어디 있나요?")
    await phone.click(".chat-send")
    await desk.wait_for_selector("text=배수 필터 덮개가 어디 있나요?")
    await desk.fill("#chat-text", "동그라미 친 곳이에요.")
    await desk.press("#chat-text", "Enter")
    await phone.wait_for_selector("text=동그라미 친 곳이에요.")
    await phone.click("#chat-close")

    # a photo goes into the request
    await desk.click("#take-photo")
    await desk.wait_for_selector("#photos img")

    # who asks has agreed; recording waits for the customer, and shows on both sides
    await ask_to_record(desk)
    await phone.click("#consent [value=agree]")
    for side in (desk, phone):
        await side.wait_for_selector(".is-recording .red-dot")
    await phone.wait_for_timeout(2000)

    # hanging up writes the session down, and opens its record once, however slow the way there is
    opened: list[str] = []

    async def slowly(route: Route) -> None:
        opened.append(route.request.url)
        await asyncio.sleep(1)
        with suppress(Error):  # a way there that another one broke off: the count below tells it
            await route.continue_()

    await desk.route(re.compile(r"/desk/calls/\d+$"), slowly)
    await desk.click("#hang-up")
    await desk.click("#sure [value=yes]")
    await phone.wait_for_selector("#call[data-stage=ended]", state="attached")
    await phone.wait_for_selector("#ended-facts dt")
    await phone.click("#rating label:nth-child(6)")
    await phone.wait_for_selector("#ended-text:not(:empty)")
    await desk.wait_for_selector("#acts")
    assert len(opened) == 1, opened
    assert await desk.locator("#acts li[data-kind=photo]").count() == 1
    assert await desk.locator("#acts li[data-kind=chat]").count() == 2
    await desk.wait_for_selector("#player video")
    part = await desk.evaluate(
        """async () => {
          const video = document.querySelector('#player video');
          const answer = await fetch(video.src, { headers: { range: 'bytes=0-3' } });
          return [answer.status, ...new Uint8Array(await answer.arrayBuffer())];
        }"""
    )
    assert part == [206, 0x1A, 0x45, 0xDF, 0xA3]  # the beginning of every WebM file (RFC 8794, section 11.2)
    await desk.goto(f"{served.url}/desk/requests/2")
    assert await desk.locator(".file-row img").count() >= 1


async def test_a_guest_leaves_and_the_others_talk_on(browser: Browser, served: Served) -> None:
    call = await call_about_a_request(browser, served)
    await call.desk.click("#expert")
    await call.desk.fill("#guest-name", "박전문")
    await call.desk.click("#guest")
    await call.desk.wait_for_selector("#guest-link:not([hidden])")
    guest = await page_in(await browser.new_context(**PHONE, **ALLOWED))
    await guest.goto(await call.desk.text_content("#guest-link") or "")
    await call.desk.keyboard.press("Escape")
    await guest.click("#open-video")
    await guest.click("#enter")
    await frames_of(guest, "#main-video")
    await guest.click("#hang-up")
    assert "다른 사람들의 통화는 이어져요" in (await guest.text_content("#sure") or "")
    await guest.click("#sure [value=yes]")
    await guest.wait_for_selector("#ended-title >> text=통화에서 나왔어요")
    assert await guest.is_hidden("#ended-facts")
    assert await guest.is_hidden("#rating")
    before = await frames_of(call.phone, "#tile-video")
    await call.phone.wait_for_function(
        "n => document.querySelector('#tile-video').getVideoPlaybackQuality().totalVideoFrames > n",
        arg=before,
    )
    await call.desk.click("#hang-up")
    await call.desk.click("#sure [value=yes]")
    await call.phone.wait_for_selector("#call[data-stage=ended]", state="attached")


@pytest.mark.full
async def test_who_finds_every_seat_taken_is_told_so_and_comes_in_once_somebody_left(
    browser: Browser, served: Served
) -> None:
    call = await call_about_a_request(browser, served)
    guests = []
    for at in range(5):  # with the customer and the colleague one more than a room has seats
        await call.desk.click("#expert")
        await call.desk.fill("#guest-name", f"손님{at}")
        before = await call.desk.text_content("#guest-link")
        await call.desk.click("#guest")
        await call.desk.wait_for_function(
            "before => ![before, ''].includes(document.querySelector('#guest-link').textContent)", arg=before
        )
        guest = await page_in(await browser.new_context(**PHONE, **ALLOWED))
        await guest.goto(await call.desk.text_content("#guest-link") or "")
        await call.desk.keyboard.press("Escape")
        await guest.click("#open-voice")
        await guest.click("#enter")
        guests.append(guest)
        if at < 4:
            assert await frames_of(guest, "#main-video") > 0  # the customer's camera
    await guests[-1].wait_for_selector("#ended-title >> text=통화에 자리가 없어요")
    await asyncio.sleep(2)  # and it stays so: the page does not come again by itself
    assert await guests[-1].get_attribute("#call", "data-stage") == "ended"
    await guests[0].click("#hang-up")
    await guests[0].click("#sure [value=yes]")
    await guests[0].wait_for_selector("#ended-title >> text=통화에서 나왔어요")
    for _ in range(10):  # until the word of who left has come to the room, there is no seat
        await guests[-1].reload()  # which had come in already: no second look at the devices
        await guests[-1].wait_for_timeout(2000)
        if await guests[-1].get_attribute("#call", "data-stage") == "live":
            break
    assert await frames_of(guests[-1], "#main-video") > 0


async def _circle(desk: Page) -> None:
    """Staff draw a circle from the middle of what they see."""
    await desk.click("[data-tool=circle]")
    stage = await desk.locator("#stage").bounding_box()
    assert stage
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    await desk.mouse.move(x, y)
    await desk.mouse.down()
    await desk.mouse.move(x + 60, y + 60, steps=4)
    await desk.mouse.up()


async def test_what_staff_point_at_comes_forward_whatever_the_customer_sees(
    browser: Browser, served: Served
) -> None:
    call = await call_about_a_request(browser, served)
    await call.desk.click("#screen")  # the customer now sees staff's screen, staff the customer's camera
    await call.phone.wait_for_selector("#main-video.is-screen")
    await _circle(call.desk)
    await call.phone.wait_for_selector("#main-video:not(.is-screen)")
    await drawn_alike(call.desk, call.phone)
    await call.phone.click("#tile")
    await call.phone.wait_for_selector("#main-video.is-screen")
    await call.desk.click("#hang-up")
    await call.desk.click("#sure [value=yes]")
    await call.phone.wait_for_selector("#call[data-stage=ended]", state="attached")


async def test_a_mark_on_the_customers_own_screen_is_seen_on_their_page(
    browser: Browser, served: Served
) -> None:
    call = await call_about_a_request(browser, served, customer=DESK)
    await call.phone.click("#screen")
    await call.desk.wait_for_selector("#main-video.is-screen")
    assert not await call.phone.locator("#main-video.is-screen").count()
    await _circle(call.desk)
    await call.phone.wait_for_selector("#main-video.is-screen")
    await drawn_alike(call.desk, call.phone)
    await call.desk.click("#hang-up")
    await call.desk.click("#sure [value=yes]")
    await call.phone.wait_for_selector("#call[data-stage=ended]", state="attached")


async def test_another_browser_and_a_made_up_link_are_refused(browser: Browser, served: Served) -> None:
    call = await call_about_a_request(browser, served)
    stranger = await page_in(await browser.new_context(**PHONE))
    refused = await stranger.goto(call.link)
    assert refused
    assert refused.status == 409
    assert "처음 연 기기에서만" in (await stranger.text_content(".call-card") or "")
    forged = await stranger.goto(call.link[:-3] + "abc")
    assert forged
    assert forged.status == 404
    # the browser that opened it first comes back without a question
    await call.phone.reload()
    await call.phone.wait_for_selector("#call[data-stage=live]", state="attached")
    await frames_of(call.phone, "#tile-video")
    await call.desk.click("#hang-up")
    await call.desk.click("#sure [value=yes]")
    await call.phone.wait_for_selector("#call[data-stage=ended]", state="attached")
