"""The agent in a real room: its picture reaches staff, their input reaches it only while it is granted."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import av
import pytest

from media.assist.joining import Ticket
from media.assist.room import Room
from media.assist.scenes import Who
from media.assist.screen import ScreenTrack
from tests.media.house import House, front, process, seat, until


class Changing:
    """A screen of which every picture is another."""

    def __init__(self) -> None:
        self._count = 0

    def forget(self) -> None: ...

    async def take(self) -> av.VideoFrame:
        self._count += 1
        frame = av.VideoFrame(320, 180, "yuv420p")
        for plane, level in zip(frame.planes, (16 + self._count % 200, 128, 128), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        return frame


@dataclass
class Seated:
    """A seat of the room held by the agent's own code."""

    room: Room
    frames: list[dict[str, Any]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return any(channel.readyState == "open" for channel in self.room._channels.values())

    async def packets(self) -> int:
        """How many packets of the other's screen have arrived."""
        peer = self.room._peer
        assert peer is not None
        count = 0
        for transceiver in peer.getTransceivers():
            if transceiver.mid == "s0-screen":
                stats = await transceiver.receiver.getStats()
                count += sum(one.packetsReceived for one in stats.values() if one.type == "inbound-rtp")
        return count


def seated(http: aiohttp.ClientSession, url: str, token: str) -> Seated:
    ticket = Ticket(token, token, f"{url.replace('http', 'ws', 1)}/call/{token}/socket", "", Who())

    def screen() -> ScreenTrack:
        return ScreenTrack(Changing(), lambda: True)

    async def hear(text: str) -> None:
        made.data.append(text)

    made = Seated(
        Room(http, ticket, screen, heard=lambda f: made.frames.append(dict(f)), data=hear, lost=lambda: None)
    )
    return made


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_screen_reaches_staff_and_input_reaches_the_agent_only_while_granted(house: House) -> None:
    house.seats = {"staff": seat("r1", "s1", "staff"), "agent": seat("r1", "a1", "agent")}
    async with front(house) as url, process(house), aiohttp.ClientSession() as http:
        agent, staff = seated(http, url, "agent"), seated(http, url, "staff")
        tasks = [asyncio.ensure_future(agent.room.run())]
        await until(lambda: agent.open)
        tasks.append(asyncio.ensure_future(staff.room.run()))
        await until(lambda: staff.open)
        for _ in range(400):
            if await staff.packets() > 5:
                break
            await asyncio.sleep(0.05)
        assert await staff.packets() > 5

        staff.room.send_data({"t": "down", "n": 1})
        staff.room.send({"type": "control", "whom": "a1", "state": "ask", "scope": "control"})
        await until(lambda: any(f["type"] == "control" for f in agent.frames))
        agent.room.send({"type": "control", "whom": "a1", "state": "grant", "scope": "control"})
        await until(lambda: any(f.get("state") == "granted" for f in staff.frames))
        staff.room.send_data({"t": "down", "n": 2})
        await until(lambda: bool(agent.data))
        assert agent.data == ['{"t":"down","n":2}']

        agent.room.send({"type": "control", "whom": "a1", "state": "revoke", "scope": "control"})
        await until(lambda: any(f.get("state") == "revoked" for f in staff.frames))
        staff.room.send_data({"t": "down", "n": 3})
        await asyncio.sleep(0.3)
        assert len(agent.data) == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
