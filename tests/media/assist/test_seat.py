"""The agent in a real room: its picture reaches staff, their input reaches it only while it is granted."""

import asyncio
import json
from typing import Any

import aiohttp
import av
import pytest

from media.assist.joining import Ticket
from media.assist.room import Room
from media.assist.scenes import Who
from media.assist.screen import ScreenTrack
from tests.media.assist.staff import Staff
from tests.media.house import House, front, process, seat, until


class Changing:
    """A screen of which every picture is another."""

    def __init__(self) -> None:
        self._count = 0

    tells_changes = False

    def forget(self) -> None: ...

    async def take(self) -> av.VideoFrame:
        self._count += 1
        frame = av.VideoFrame(320, 180, "yuv420p")
        for plane, level in zip(frame.planes, (16 + self._count % 200, 128, 128), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        return frame


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_screen_reaches_staff_and_input_reaches_the_agent_only_while_granted(house: House) -> None:
    house.seats = {"staff": seat("r1", "s1", "staff"), "agent": seat("r1", "a1", "agent")}
    async with front(house) as url, process(house), aiohttp.ClientSession() as http:
        frames: list[dict[str, Any]] = []
        heard: list[str] = []

        async def hear(text: str) -> None:
            heard.append(text)

        agent = Room(
            http, Ticket("agent", "agent", f"{url.replace('http', 'ws', 1)}/call/agent/socket", "", Who()),
            lambda: ScreenTrack(Changing(), lambda: True),
            heard=lambda frame: frames.append(dict(frame)), data=hear, lost=lambda: None,
        )  # fmt: skip
        staff = Staff(http, url)
        tasks = [asyncio.ensure_future(agent.run())]
        await until(lambda: any(frame["type"] == "answered" for frame in frames))
        tasks.append(asyncio.ensure_future(staff.run()))
        await until(lambda: staff.ready and staff.pictures > 5)

        staff.tell({"t": "down", "n": 1})
        await staff.ask("control")
        await until(lambda: any(frame["type"] == "control" for frame in frames))
        agent.send({"type": "control", "whom": "a1", "state": "grant", "scope": "control"})
        await until(lambda: any(frame.get("state") == "granted" for frame in staff.frames))
        staff.tell({"t": "down", "n": 2})
        await until(lambda: bool(heard))
        assert [json.loads(text) for text in heard] == [{"t": "down", "n": 2}]

        agent.send({"type": "control", "whom": "a1", "state": "revoke", "scope": "control"})
        await until(lambda: any(frame.get("state") == "revoked" for frame in staff.frames))
        staff.tell({"t": "down", "n": 3})
        await asyncio.sleep(0.3)
        assert len(heard) == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
