"""A page's socket at the front, when no media process can take it yet."""

import asyncio
from typing import Any

import aiohttp

from media import relay
from media.ports import Place
from media.room import MAX_MEMBERS
from tests.media.house import House, front, process, seat

HELLO = {"type": "hello", "token": "c", "browser": "c", "version": 1}


async def hello(url: str) -> tuple[dict[str, Any], int | None]:
    """What a page hears first, and the code with which the socket was closed, if it was."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/call/c/socket") as ws:
        await ws.send_json(HELLO)
        first = await ws.receive_json(timeout=30)
        if first["type"] == "welcome":
            return first, None
        await ws.receive(timeout=30)
        return first, ws.close_code


async def test_a_page_waits_for_a_process_that_is_coming_back(house: House) -> None:
    house.seats["c"] = seat("r1", "c")
    house.alive["dead"] = Place("dead", "http://127.0.0.1:9", 1, 0.0, True)  # nobody listens on discard
    async with front(house) as url:
        asked = asyncio.create_task(hello(url))
        await asyncio.sleep(0.3)
        assert not asked.done()
        del house.alive["dead"]
        async with process(house):
            first, _ = await asked
    assert first["type"] == "welcome"


async def test_a_page_waits_while_the_room_is_still_held_by_a_process_that_vanished(house: House) -> None:
    house.seats["c"] = seat("r1", "c")
    house.alive["vanished"] = Place("vanished", "", 1, 1.0, True)
    house.pins["r1"] = "vanished"
    async with front(house) as url, process(house):
        asked = asyncio.create_task(hello(url))
        await asyncio.sleep(0.3)
        assert not asked.done()
        del house.alive["vanished"]
        first, _ = await asked
    assert first["type"] == "welcome"


async def test_where_no_process_comes_the_page_hears_busy_in_the_end(house: House) -> None:
    house.seats["c"] = seat("r1", "c")
    async with front(house, patience=0.4) as url:
        first, code = await hello(url)
    assert (first["code"], code) == ("busy", relay.BUSY)


async def test_who_finds_every_seat_taken_hears_it_through_the_relay(house: House) -> None:
    names = [f"p{at}" for at in range(MAX_MEMBERS + 1)]
    house.seats |= {name: seat("r1", name) for name in names}
    async with front(house) as url, process(house), aiohttp.ClientSession() as session:
        pages = []
        for name in names:
            page = await session.ws_connect(f"{url}/call/{name}/socket")
            await page.send_json({**HELLO, "token": name, "browser": name})
            pages.append((page, await page.receive_json(timeout=30)))
        assert [first["type"] for _, first in pages] == ["welcome"] * MAX_MEMBERS + ["error"]
        last, said = pages[-1]
        assert said["code"] == "full"
        await last.receive(timeout=30)
        assert last.close_code == 4004
