"""More than two, hold, screens, links that open nothing, and the mode from browser to browser."""

import asyncio
import time

import pytest
from playwright.async_api import Page

from tests.media.conftest import Enter
from tests.media.house import House, clock, process, seat, until
from tests.media.test_calls import hears, invite, sees

pytestmark = pytest.mark.browser


async def state(page: Page, wanted: str) -> None:
    await page.wait_for_function("wanted => call.state === wanted", arg=wanted)


async def say(page: Page, frame: str) -> None:
    await page.evaluate(f"call.session.send({frame})")


async def hears_of(page: Page, condition: str) -> None:
    await page.wait_for_function(f"call.log.some(f => {condition})")


async def test_a_third_person_joins_is_seen_and_goes_again(house: House, enter: Enter) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s"))
        await asyncio.gather(sees(customer, "s"), sees(staff, "c"))
        drawn = "{type:'mark', act:'draw', of:'c', track:'camera', points:[[0.2, 0.2], [0.4, 0.4]]"
        for name in ("circle-1", "arrow-1"):
            await say(staff, f"{drawn}, id:'{name}'}}")
        await say(staff, "{type:'mark', id:'circle-1', act:'clear', of:'c', track:'camera'}")
        await hears_of(customer, "f.type === 'mark' && f.act === 'clear'")
        expert = await enter("e")
        await hears_of(expert, "f.type === 'welcome' && f.marks.map(m => m.id).join() === 'arrow-1'")
        await asyncio.gather(sees(expert, "c"), sees(expert, "s"), sees(customer, "e"), sees(staff, "e"))
        await say(staff, "{type: 'remove', participant: 'e'}")
        await hears_of(customer, "f.type === 'left' && f.participant === 'e' && f.reason === 'removed'")
        await state(expert, "over")
        before = (await staff.evaluate("call.look('c-camera')"))["frames"]
        await sees(staff, "c", frames=before + 10)


async def test_on_hold_nothing_passes_and_afterwards_all_does(house: House, enter: Enter) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s"))
        await asyncio.gather(sees(customer, "s"), sees(staff, "c"))
        await say(customer, "{type: 'hold', participant: 's', on: true}")
        await hears_of(customer, "f.type === 'error' && f.code === 'not_allowed'")
        await say(staff, "{type: 'hold', participant: 'c', on: true}")
        await hears_of(customer, "f.type === 'hold' && f.on")
        await asyncio.sleep(0.5)
        held = (await staff.evaluate("call.look('c-camera')"))["frames"]
        await asyncio.sleep(1.0)
        assert (await staff.evaluate("call.look('c-camera')"))["frames"] - held <= 2
        await say(staff, "{type: 'hold', participant: 'c', on: false}")
        await asyncio.gather(sees(staff, "c", frames=held + 20), sees(customer, "s", frames=held + 20))


async def test_a_shared_screen_and_marks_upon_it_arrive(house: House, enter: Enter) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s", video=False))
        await hears(customer, "s")
        await customer.evaluate("call.share()")
        await staff.wait_for_function("call.look('c-screen').frames > 3 && call.look('c-screen').width > 300")
        await say(staff, "{type:'mark', id:'m', act:'point', of:'c', track:'screen', points:[[0.25, 0.75]]}")
        await hears_of(customer, "f.type === 'mark' && f.points[0][0] === 0.25 && f.points[0][1] === 0.75")
        await say(staff, "{type:'mark', id:'m', act:'point', of:'c', track:'screen', points:[[1.25, 0.75]]}")
        await hears_of(staff, "f.type === 'error' && f.code === 'bad_frame' && f.frame === 'mark'")
    assert "pointed" in house.kinds("r1")


@pytest.mark.parametrize("code", ["unknown_token", "expired", "bound_elsewhere", "ended"])
async def test_a_link_that_opens_nothing_says_why_and_is_not_tried_again(
    house: House, enter: Enter, code: str
) -> None:
    house.seats["c"] = seat("r1", "c", expires_at=clock() if code == "expired" else None)
    house.bound |= {"c": "the browser that came first"} if code == "bound_elsewhere" else {}
    house.over |= {"r1"} if code == "ended" else set()
    async with process(house) as media:
        page = await enter("other" if code == "unknown_token" else "c", video=False)
        await hears_of(page, f"f.type === 'error' && f.code === '{code}'")
        await state(page, "over")
        assert await page.evaluate("call.code") == 4003
        assert media.rooms == {}


async def test_a_reloaded_page_takes_its_seat_again_and_another_tab_the_place_of_the_first(
    house: House, enter: Enter
) -> None:
    invite(house)
    async with process(house):
        customer, staff = await asyncio.gather(enter("c"), enter("s"))
        await sees(staff, "c")
        second = await enter("c")
        await state(customer, "over")
        assert await customer.evaluate("call.code") == 4001
        await asyncio.gather(sees(second, "s"), hears_of(staff, "f.type === 'joined'"))
        before = (await staff.evaluate("call.look('c-camera')"))["frames"]
        await sees(staff, "c", frames=before + 10)
    assert [act.details["rejoin"] for act in house.acts["r1"] if act.kind == "joined"] == [False, False, True]


async def test_under_overload_browsers_talk_to_each_other_and_nothing_is_recorded(
    house: House, enter: Enter
) -> None:
    invite(house)
    async with process(house, full_load=-1.0):
        customer = await enter("c")
        await hears_of(customer, "f.type === 'welcome' && f.mode === 'peer'")
        staff = await enter("s")
        await asyncio.gather(sees(customer, "s"), sees(staff, "c"), hears(customer, "s"), hears(staff, "c"))
        await say(staff, "{type: 'recording', state: 'ask'}")
        await hears_of(staff, "f.type === 'error' && f.code === 'not_recordable'")
    assert house.kept == []


async def test_a_process_that_is_not_given_its_core_counts_as_loaded_until_it_is(
    house: House, enter: Enter
) -> None:
    """A machine busy with others: little CPU is used, and all comes late."""
    invite(house)
    async with process(house) as media:
        others = asyncio.create_task(_take_turns())
        await until(lambda: media.load > 0.9, 60)
        customer = await enter("c")
        await hears_of(customer, "f.type === 'welcome' && f.mode === 'peer'")
        others.cancel()
        await until(lambda: media.load < 0.3, 60)


async def _take_turns() -> None:
    """The loop waits, as it would for a core that others have."""
    while True:
        time.sleep(0.5)  # noqa: ASYNC251
        await asyncio.sleep(0.02)


async def test_control_passes_input_only_while_it_is_granted(house: House, enter: Enter) -> None:
    invite(house)
    async with process(house) as media:
        customer, staff = await asyncio.gather(enter("c", video=False), enter("s", video=False))
        await asyncio.gather(hears(customer, "s"), hears(staff, "c"))
        await staff.evaluate("call.session.control('before')")
        await say(staff, "{type: 'control', whom: 'c', state: 'ask', scope: 'control'}")
        await hears_of(customer, "f.type === 'control' && f.state === 'requested' && f.by === 's'")
        await say(customer, "{type: 'control', whom: 'c', state: 'grant', scope: 'control'}")
        await hears_of(staff, "f.type === 'control' && f.state === 'granted'")
        await staff.evaluate("call.session.control('click')")
        await hears_of(customer, "f.type === 'input' && f.data === 'click'")
        await say(customer, "{type: 'control', whom: 'c', state: 'revoke', scope: 'control'}")
        await until(lambda: media.rooms["r1"].controls.listed() == [])
        await staff.evaluate("call.session.control('after')")
        await customer.evaluate("call.session.control('from here')")
        await asyncio.sleep(0.5)
        inputs = await customer.evaluate("call.log.filter(f => f.type === 'input').map(f => f.data)")
    assert inputs == ["click"]
