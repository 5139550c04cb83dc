"""`dangol assist CODE`, and what the archive runs: join, ask, show, stop."""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import aiohttp

from media.assist import scenes
from media.assist.agent import Agent
from media.assist.joining import JoinFault, LogSender, Ticket, join, same_server
from media.assist.panel import draw
from media.assist.platforms import Window, open_window
from media.assist.words import say

HTTP_SECONDS = 20.0


def main(arguments: list[str] | None = None) -> int:
    """Run until the session ends; 0, or 1 when there is no screen to show."""
    parser = argparse.ArgumentParser(prog="dangol-assist")
    parser.add_argument("code", nargs="?", default="", help="the 8 digits of the conversation")
    parser.add_argument("--server", default=_built_for(), help="address of the company's Dangol")
    parser.add_argument("--lang", choices=("ko", "en"), default=_language())
    read = parser.parse_args(arguments)
    pressed = _Presses()
    try:
        window = open_window(pressed)
    except OSError as why:
        print(say(read.lang, "fault.screen", why=_reason(read.lang, why)), file=sys.stderr)
        return 1
    work = run(window, pressed, server=read.server.rstrip("/"), code=read.code, lang=read.lang)
    served = getattr(window, "run", None)
    if sys.platform == "darwin" and served is not None:  # windows belong to the main thread there
        threading.Thread(target=asyncio.run, args=(work,), daemon=True).start()
        served()
    else:
        asyncio.run(work)
    return 0


class _Presses:
    """Hears the panel's buttons on its thread: the agent's at once, those of the first pages by a queue."""

    def __init__(self) -> None:
        self.agent: Agent | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.names: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, name: str) -> None:
        if self.agent is not None:
            self.agent.pressed(name)
        elif self.loop is not None:
            self.loop.call_soon_threadsafe(self.names.put_nowait, name)


async def run(window: Window, pressed: _Presses, *, server: str, code: str, lang: str) -> None:
    """One session after another code, until the panel is closed."""
    pressed.loop = asyncio.get_running_loop()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=HTTP_SECONDS, sock_read=None)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            ticket = await _ticket(http, window, pressed, server=server, code=code, lang=lang)
            if ticket is not None:
                await _help(http, window, pressed, server, ticket)
    finally:
        window.close()


async def _ticket(
    http: aiohttp.ClientSession, window: Window, pressed: _Presses, *, server: str, code: str, lang: str
) -> Ticket | None:
    """Ask for the code until it is right; None when the customer gives up."""
    digits, fault = "".join(c for c in code if c.isdigit()), ""
    while True:
        if len(digits) == scenes.CODE_DIGITS and not fault:
            window.show(draw(scenes.message(lang, "joining", button=""), window.scale))
            try:
                return await join(http, server, digits)
            except JoinFault as why:
                digits, fault = "", str(why)
        window.show(draw(scenes.code(lang, digits, fault), window.scale))
        name = await pressed.names.get()
        fault = ""
        if name in ("close", "stop"):
            return None
        digits = _typed(digits, name)


def _typed(digits: str, name: str) -> str:
    kind, _, digit = name.partition(":")
    if kind == "digit":
        return (digits + digit)[: scenes.CODE_DIGITS]
    return digits[:-1] if kind == "delete" else digits


async def _help(
    http: aiohttp.ClientSession, window: Window, pressed: _Presses, server: str, ticket: Ticket
) -> None:
    from media.assist.hands import Hands  # needs the screen, and aiortc takes its time to load
    from media.assist.room import Room
    from media.assist.screen import Camera

    camera, logs = Camera(), LogSender(http, ticket.log)
    await camera.open()

    async def fetch(url: str, size: int) -> bytes:
        async with http.get(same_server(server, url), allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError("url")
            return await _whole(answer, size)

    agent = Agent(
        ticket.who, window, signal_out=lambda frame: room.send(frame),
        data_out=lambda frame: room.send_data(frame), log=logs.put, now=lambda: datetime.now(UTC),
        fetch=fetch,
    )  # fmt: skip
    agent.bind(asyncio.get_running_loop())
    track = _Tracks(camera, agent)
    hands = Hands(lambda: camera.area, agent.may_control, window.covers)
    agent.equip(hands, track, (camera.area.width, camera.area.height))
    room = Room(http, ticket, track.make, heard=agent.signal, data=agent.data, lost=agent.lost)
    pressed.agent = agent
    tasks = [asyncio.ensure_future(logs.run()), asyncio.ensure_future(_tick(agent))]
    try:
        await _until_over(room, agent)
    finally:
        pressed.agent = None
        hands.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await logs.flush()
        await camera.close()
    window.show(draw(scenes.message(ticket.who.lang, "ended"), window.scale))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pressed.names.get(), 60)


class _Tracks:
    """The track of the present connection: each new one gets a new track of the same camera."""

    def __init__(self, camera: Any, agent: Agent) -> None:
        self._camera, self._agent = camera, agent
        self._track: Any = None

    def make(self) -> Any:
        from media.assist.screen import ScreenTrack

        self._camera.forget()
        self._track = ScreenTrack(self._camera, self._agent.may_see)
        return self._track

    def hurry(self) -> None:
        if self._track is not None:
            self._track.hurry()

    def again(self) -> None:
        if self._track is not None:
            self._track.again()


async def _until_over(room: Any, agent: Agent) -> None:
    staying, stopped = asyncio.ensure_future(room.run()), asyncio.ensure_future(agent.stopped.wait())
    await asyncio.wait({staying, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not staying.done():
        await room.leave()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(staying, 5)
    stopped.cancel()


async def _tick(agent: Agent) -> None:
    while True:
        await asyncio.sleep(1.0)
        agent.tick()


async def _whole(answer: aiohttp.ClientResponse, size: int) -> bytes:
    data = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        data += chunk
        if len(data) > size:
            raise ValueError("size")
    return bytes(data)


def _built_for() -> str:
    """The server that the archive was made for; this machine when run from the repository."""
    built = resources.files("media.assist").joinpath("built.json")
    return str(json.loads(built.read_text())["server"]) if built.is_file() else "http://127.0.0.1:8080"


def _language() -> str:
    import locale

    return "ko" if (locale.getlocale()[0] or "ko").startswith("ko") else "en"


def _reason(lang: str, why: OSError) -> str:
    try:
        return say(lang, str(why))
    except KeyError:
        return str(why)


if __name__ == "__main__":
    sys.exit(main())
