"""Calls between two real browsers through a media process, with fake cameras and microphones."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.media.conftest import Enter
from tests.media.house import House, process, seat

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
