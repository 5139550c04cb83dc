"""Remote control on a screen of its own: how soon input is applied and seen, how soon a stop holds, and what
the desktop agent costs.

    python -m benchmarks.remote [--clicks 60] [--stops 5] [--seconds 10] [--archive FILE] [--quick]

The agent is the real one in a process of its own on Xvfb (1280x720), joined by its code; room and media
process are the real ones; staff sit before a real Chromium that shows the picture. There is one clock.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Page, async_playwright

from benchmarks.common import cpu_of, judged, percentile, save, table
from media.assist import scenes
from media.assist.consent import Consent, What
from media.assist.words import say
from media.relay import Relay
from tests.media import house as rooms
from tests.media.assist.customer import Customer
from tests.media.assist.test_consent import granted
from tests.media.assist.xscreen import HEIGHT, WIDTH, Notepad, virtual_screen
from tests.media.conftest import ARGUMENTS
from tests.media.house import House, Registry, clock, process, seat, serving

WHO = scenes.Who("이서준", "새봄가전", "en")
CODE = "12345678"
COLOURS = (0x103050, 0xE0E0D0)  # dark and light: told apart by their luminance
SETTLE_SECONDS = 4.0  # until the agent has calmed down
KEYS_A_SECOND = 100
FROM_HERE = (sys.executable, "-W", "ignore", "-m", "media.assist")


@dataclass
class Scene:
    """Everybody in their places, control granted."""

    staff: Page
    customer: Customer
    notepad: Notepad
    pid: int
    stop: Any = None  # the panel as it is while control is on

    async def ask(self, scope: str) -> None:
        frame = {"type": "control", "whom": "a1", "state": "ask", "scope": scope}
        await self.staff.evaluate("frame => call.session.send(frame)", frame)

    async def pictures(self) -> int:
        """How many pictures staff have been shown."""
        shown: int = await self.staff.evaluate(
            "call.videos['a1-screen'].getVideoPlaybackQuality().totalVideoFrames"
        )
        return shown

    async def allow(self) -> None:
        """Ask for viewing and control, and have the customer agree to both."""
        seen = granted(What.VIEW)
        await self.ask("view")
        self.customer.press(await self.customer.sees(scenes.question(WHO, What.VIEW)), "allow")
        await self.customer.sees(scenes.state(WHO, seen, shortcut="Ctrl+Alt+S"))
        await self.ask("control")
        self.customer.press(await self.customer.sees(scenes.question(WHO, What.CONTROL, alert=True)), "allow")
        both = scenes.state(WHO, granted(What.VIEW, What.CONTROL), shortcut="Ctrl+Alt+S")
        self.stop = await self.customer.sees(both)


@contextlib.asynccontextmanager
async def front(house: House) -> AsyncIterator[str]:
    """What the agent needs of the product's front: joining, the log, and the socket."""
    app, relay = web.Application(), Relay(Registry(house), clock)

    async def join(request: web.Request) -> web.Response:
        origin = f"http://{request.host}"
        socket = f"ws://{request.host}/call/agent/socket"
        about = {"who": WHO.who, "company": WHO.company, "lang": WHO.lang}
        return web.json_response(
            {"token": "agent", "browser": "agent", "socket": socket, "log": f"{origin}/log", **about}
        )

    async def log(request: web.Request) -> web.Response:
        return web.json_response({"new": len((await request.json())["entries"])})

    app.router.add_post("/assist/join", join)
    app.router.add_post("/log", log)
    app.router.add_get("/call/{token}/socket", relay.handle)
    app.router.add_static("/static/call", rooms.STATIC)
    app.router.add_get("/page", rooms.page)
    async with serving(app) as url:
        yield url
    await relay.close()


@contextlib.asynccontextmanager
async def running(program: Sequence[str]) -> AsyncIterator[Scene]:
    """A room with staff and the agent in it."""
    with tempfile.TemporaryDirectory(prefix="dangol-remote-") as folder, virtual_screen() as screen:
        house = House(Path(folder))
        house.seats = {"staff": seat("r1", "s1", "staff"), "agent": seat("r1", "a1", "agent")}
        notepad, customer = Notepad(screen), Customer(screen)
        async with front(house) as url, process(house), chromium() as staff:
            words = (*program, CODE, "--server", url, "--lang", WHO.lang)
            agent = await asyncio.create_subprocess_exec(*words, env={**os.environ, "DISPLAY": screen})
            try:
                await staff.goto(f"{url}/page?token=staff&browser=staff")
                await staff.evaluate("call.session.open()")
                await staff.wait_for_function("call.session.peers.has('a1') && call.state === 'live'")
                await staff.wait_for_function("call.videos['a1-screen']?.videoWidth > 0")
                scene = Scene(staff, customer, notepad, agent.pid)
                await scene.allow()
                await staff.wait_for_function("w => call.videos['a1-screen'].videoWidth === w", arg=WIDTH)
                yield scene
            finally:
                agent.terminate()
                await agent.wait()
                notepad.close()
                customer.close()


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """Staff's browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise SystemExit("needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield await started.new_page()
        await started.close()


# Press, and wait for a picture in which a spot beside panel and mouse is light, or dark: wall times of both.
CLICK = """([place, light]) => new Promise((done) => {
  const video = call.videos['a1-screen'];
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 36});
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const now = () => performance.timeOrigin + performance.now();
  const began = now();
  const look = () => {
    pen.drawImage(video, 0, 0, 64, 36);
    if ((pen.getImageData(32, 27, 1, 1).data[1] > 128) === light) done([began, now()]);
    else video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  for (const t of ['down', 'up']) call.session.control(JSON.stringify({t, ...place}));
})"""
TYPE = """every => { let n = 0; clearInterval(call.typing);
  const type = () => call.session.control(JSON.stringify({t: 'text', n: n++, s: 'ab'}));
  if (every) call.typing = setInterval(type, every);
}"""


async def clicks(scene: Scene, count: int) -> tuple[list[float], list[float]]:
    """Clicks that change the window's colour: ms until the window had each, and until staff saw it."""
    applied, seen = [], []
    wall = time.time() - time.monotonic()
    for number in range(count):
        light = number % 2 == 0
        scene.notepad.colour_at_click = COLOURS[light]
        await asyncio.sleep(random.uniform(0.3, 0.6))  # at no set place within the agent's rhythm
        place = {"n": number, "b": "left", "x": 0.25, "y": 0.5}
        began, shown = await asyncio.wait_for(scene.staff.evaluate(CLICK, [place, light]), 10)
        seen.append(shown - began)
        applied.append(1000 * (scene.notepad.input_at + wall) - began)
    scene.notepad.colour_at_click = None
    return applied, seen


async def stops(scene: Scene, count: int) -> list[float]:
    """Staff type without end, the customer presses stop: ms until the last key that still arrived."""
    found = []
    for number in range(count):
        if number:
            await scene.allow()
        before = len(scene.notepad.keys_at)
        await scene.staff.evaluate(TYPE, 1000 / KEYS_A_SECOND)
        await asyncio.sleep(random.uniform(0.8, 1.2))
        pressed = scene.customer.press(scene.stop, "stop")
        await asyncio.sleep(1.0)
        await scene.staff.evaluate(TYPE, 0)
        if len(scene.notepad.keys_at) == before:
            raise SystemExit("nothing was typed, so nothing was stopped")
        late = [at for at in scene.notepad.keys_at if at > pressed]
        found.append(1000 * (max(late, default=pressed) - pressed))
        await scene.customer.sees(scenes.state(WHO, Consent(), told=say("en", "stopped")))
    return found


async def share(scene: Scene, seconds: float) -> dict[str, float]:
    """What the agent uses of a core, in percent, and the pictures a second that staff got."""
    cpu, at, pictures = cpu_of(scene.pid), time.monotonic(), await scene.pictures()
    await asyncio.sleep(seconds)
    lasted = time.monotonic() - at
    used = 100 * (cpu_of(scene.pid) - cpu) / lasted
    return {"share": used, "fps": (await scene.pictures() - pictures) / lasted}


async def measure(program: Sequence[str], count: int, stop_count: int, seconds: float) -> Mapping[str, Any]:
    """All figures of one agent."""
    async with running(program) as scene:
        applied, seen = await clicks(scene, count)
        await asyncio.sleep(SETTLE_SECONDS)
        idle = await share(scene, seconds)
        with scene.notepad.scrolling():
            await asyncio.sleep(1.0)
            active = await share(scene, seconds)
        stopped = await stops(scene, stop_count)
    return {"applied": applied, "seen": seen, "idle": idle, "active": active, "stopped": stopped}


def main() -> None:
    """Measure, print, keep the result."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--clicks", type=int, default=60)
    read.add_argument("--stops", type=int, default=5)
    read.add_argument("--seconds", type=float, default=10.0)
    read.add_argument("--archive", default="", help="the file that /assist offers, instead of this checkout")
    read.add_argument("--quick", action="store_true", help="a few of each, to see that it runs")
    said = read.parse_args()
    many = (6, 1, 3.0) if said.quick else (said.clicks, said.stops, said.seconds)
    print(f"{WIDTH}x{HEIGHT}, {many[0]} clicks, {many[1]} stops")
    found = asyncio.run(measure([said.archive] if said.archive else FROM_HERE, *many))
    rows = [
        [name, percentile(found[key], 0.5), percentile(found[key], 0.95), max(found[key])]
        for name, key in (
            ("input applied", "applied"), ("click to seen", "seen"), ("last key after a stop", "stopped")
        )
    ]  # fmt: skip
    table("Milliseconds", ["", "p50", "p95", "most"], rows)
    shares = [[name, found[name]["share"], found[name]["fps"]] for name in ("active", "idle")]
    table("The agent", ["screen", "% of a core", "pictures/s"], shares)
    met = judged(
        {
            "input applied, p50, ms": (percentile(found["applied"], 0.5), "<=", 20),
            "click to seen, p50, ms": (percentile(found["seen"], 0.5), "<=", 150),
            "a stop, slowest, ms": (max(found["stopped"]), "<=", 200),
            "agent while all moves, % of a core": (found["active"]["share"], "<=", 20),
            "agent while nothing moves, % of a core": (found["idle"]["share"], "<=", 3),
        }
    )
    save("remote", found)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
