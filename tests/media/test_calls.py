"""Calls between two real browsers through a media process, with fake cameras and microphones."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.media.conftest import Enter
from tests.media.house import House, process, seat
from tests.media.playing import plays

pytestmark = pytest.mark.browser


def invite(house: House, room: str = "r1") -> None:
    house.seats |= {"c": seat(room, "c"), "s": seat(room, "s", "staff"), "e": seat(room, "e", "expert")}


async def sees(page: Page, whom: str, kind: str = "camera", frames: int = 10) -> None:
    """Wait until moving, not blank pictures of somebody came."""
    key = f"{whom}-{kind}"
    await page.wait_for_function(
        "([key, n]) => { const look = call.look(key); return look.frames >= n && look.spread > 40; }",
        arg=[key, frames],
    )


async def hears(page: Page, whom: str) -> None:
    """Wait until the voice of somebody was not silence (the fake microphone beeps)."""
    await page.wait_for_function("key => (call.loud[key] ?? 0) > 0.01", arg=f"{whom}-audio")


async def test_two_browsers_see_and_hear_each_other(house: House, enter: Enter) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s"))
        await asyncio.gather(sees(customer, "s"), sees(staff, "c"), hears(customer, "s"), hears(staff, "c"))
        await customer.evaluate("call.session.leave()")
        await staff.wait_for_function("call.log.some(f => f.type === 'left' && f.reason === 'left')")
    assert house.kinds("r1")[:1] == ["opened"]
    assert house.kinds("r1").count("joined") == 2


async def _recording(customer: Page, staff: Page) -> None:
    """Staff ask, the customer agrees, and it is on."""
    await staff.evaluate("call.session.send({type: 'recording', state: 'ask'})")
    await customer.wait_for_function("call.log.some(f => f.type === 'recording' && f.state === 'asked')")
    await customer.evaluate("call.session.send({type: 'recording', state: 'agree'})")
    await staff.wait_for_function("call.log.some(f => f.type === 'recording' && f.state === 'on')")


async def test_a_recording_holds_what_both_sent_and_plays(house: House, enter: Enter) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s"))
        await asyncio.gather(sees(customer, "s"), sees(staff, "c"))
        await _recording(customer, staff)
        await asyncio.sleep(4)
        await staff.evaluate("call.session.leave('end')")
        await customer.wait_for_function("call.state === 'over'")
    assert {(s.participant, s.track) for s in house.kept} == {("c", "camera"), ("s", "camera")}
    for segment in house.kept:
        plays(house, segment, seconds=3.0)
    assert house.closed == {1: "ended"}
    assert house.ends == [("r1", "ended")]


async def test_who_takes_their_agreement_back_stops_the_recording_and_the_others_hear_who(
    house: House, enter: Enter
) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s"))
        await asyncio.gather(sees(customer, "s"), sees(staff, "c"))
        await _recording(customer, staff)
        await customer.evaluate("call.session.send({type: 'recording', state: 'refuse'})")
        await staff.wait_for_function(
            "call.log.some(f => f.type === 'recording' && f.state === 'off' && f.by === 'c')"
        )
    assert house.closed == {1: "refused"}
