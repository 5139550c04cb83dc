"""On a real X11 screen: clicks land on the pixel, Hangul and Latin arrive, and a stop holds at once."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from Xlib import X, display
from Xlib.ext import xtest

from media.assist import acts, panel, scenes
from media.assist.agent import Agent
from media.assist.chain import Entry, first_fault
from media.assist.hands import Hands, Stopped
from media.assist.platforms import Window, open_window
from media.assist.screen import Camera, ScreenTrack, to_frame
from tests.media.assist.xscreen import HEIGHT, WIDTH, Notepad, virtual_screen

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb: script/test --full installs it"),
    # pynput's finaliser closes its connection after the screen has gone
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WHO = scenes.Who("이서준", "새봄가전", "ko")


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    with virtual_screen() as name:
        before = os.environ.get("DISPLAY")
        os.environ["DISPLAY"] = name
        yield name
        if before is None:
            del os.environ["DISPLAY"]
        else:
            os.environ["DISPLAY"] = before


@pytest.fixture
def notepad(screen: str) -> Iterator[Notepad]:
    opened = Notepad(screen)
    yield opened
    opened.close()


class Customer:
    """Presses buttons of the panel with the PC's own mouse."""

    def __init__(self, name: str) -> None:
        self._display: Any = display.Display(name)

    def close(self) -> None:
        self._display.close()

    def press(self, drawing: panel.Drawing, name: str) -> None:
        place = next(place for place in drawing.places if place.button.name == name)
        left = WIDTH - drawing.picture.width - 24
        x, y = left + (place.left + place.right) // 2, 24 + (place.top + place.bottom) // 2
        xtest.fake_input(self._display, X.MotionNotify, x=x, y=y)
        xtest.fake_input(self._display, X.ButtonPress, 1)
        xtest.fake_input(self._display, X.ButtonRelease, 1)
        self._display.sync()


class Session:
    """An agent with hands and eyes on the screen, and the two wires in our hand."""

    def __init__(self, window: Window, camera: Camera) -> None:
        self.signals: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.log: list[Entry] = []
        self.agent = Agent(
            WHO, window, signal_out=lambda f: self.signals.append(dict(f)),
            data_out=lambda f: self.answers.append(dict(f)), log=self.log.append,
            now=lambda: datetime.now(UTC), fetch=self._fetch,
        )  # fmt: skip
        self.agent.bind(asyncio.get_running_loop())
        self.hands = Hands(lambda: camera.area, self.agent.may_control, window.covers)
        self.track = ScreenTrack(camera, self.agent.may_see)
        self.agent.equip(self.hands, self.track, (camera.area.width, camera.area.height))
        self.agent.signal({"type": "welcome", "you": {"id": "a1"}})

    async def _fetch(self, url: str, size: int) -> bytes:
        return b"x" * size

    def asks(self, scope: str) -> None:
        self.agent.signal({"type": "control", "by": "s1", "whom": "a1", "state": "requested", "scope": scope})

    async def until(self, met: Any, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, (self.signals, self.answers)
            await asyncio.sleep(0.005)


@pytest.fixture
async def session(notepad: Notepad, screen: str) -> AsyncIterator[Session]:
    pressed: list[Any] = []
    window = open_window(lambda name: pressed[0](name) if pressed else None)
    camera = Camera()
    await camera.open()
    made = Session(window, camera)
    pressed.append(made.agent.pressed)
    yield made
    made.hands.close()
    window.close()
    await camera.close()


@pytest.fixture
def customer(screen: str) -> Iterator[Customer]:
    found = Customer(screen)
    yield found
    found.close()


async def allow(session: Session, customer: Customer, scope: str) -> None:
    session.asks(scope)
    await asyncio.sleep(0.3)  # the panel is drawn on its own thread
    customer.press(panel.draw(session.agent.scene()), "allow")
    right = session.agent.may_control if scope == "control" else session.agent.may_see
    await session.until(right)


async def test_a_click_lands_on_the_pixel_that_staff_pointed_at(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await allow(session, customer, "view")
    await allow(session, customer, "control")
    for x, y in ((0, 0), (319, 240), (640, 719), (100, 500)):
        place = f'"x":{(x + 0.5) / WIDTH},"y":{(y + 0.5) / HEIGHT}'
        await session.agent.data('{"t":"down","n":1,"b":"left",' + place + "}")
        await session.agent.data('{"t":"up","n":2,"b":"left",' + place + "}")
    notepad.until(lambda pad: len(pad.clicks) == 4)
    assert [(x, y) for x, y, _ in notepad.clicks] == [(0, 0), (319, 240), (640, 719), (100, 500)]
    assert first_fault(session.log) is None
    assert [entry.act for entry in session.log][:4] == ["asked", "granted", "asked", "granted"]


@pytest.mark.parametrize(
    "text",
    [
        "안녕하세요, 세탁기 E20 오류예요!",
        "꽃잎이 흩날리는 봄날에 값싼 떡볶이를 훑어보았다",
        "Hello, World? #1 @home",
    ],
)
async def test_typed_korean_and_english_arrive(
    session: Session, customer: Customer, notepad: Notepad, text: str
) -> None:
    await allow(session, customer, "view")
    await allow(session, customer, "control")
    await session.hands.apply(acts.Text(text))
    notepad.until(lambda pad: len(pad.text) >= len(text))
    assert notepad.text == text


async def test_input_before_consent_is_refused_and_changes_nothing(
    session: Session, notepad: Notepad, customer: Customer
) -> None:
    await session.agent.data('{"t":"down","n":7,"x":0.5,"y":0.5}')
    await allow(session, customer, "view")
    await session.agent.data('{"t":"text","n":8,"s":"hello"}')
    refused = [f for f in session.answers if f["t"] == "refused"]
    assert [(f["n"], f["why"]) for f in refused] == [(7, "not_allowed"), (8, "not_allowed")]
    await asyncio.sleep(0.2)
    assert notepad.text == ""


async def test_a_stop_ends_a_long_text_in_its_middle_and_lets_go_of_what_is_held(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await allow(session, customer, "view")
    await allow(session, customer, "control")
    drawing = panel.draw(session.agent.scene())
    await session.hands.apply(acts.Key("Shift", True))
    typing = asyncio.ensure_future(session.hands.apply(acts.Text("abcdefghij" * 100)))
    await session.until(lambda: len(notepad.text) > 20)
    customer.press(drawing, "stop")
    with pytest.raises(Stopped):
        await typing
    written = len(notepad.text)
    assert written < 1000
    await session.until(lambda: {"t": "stopped"} in session.answers)
    await asyncio.sleep(0.3)
    assert len(notepad.text) <= written + 1  # at most the key that was on its way
    notepad.until(lambda pad: "Shift_L" not in pad.keys_down)
    assert not session.agent.may_see()
    assert session.signals[-1]["state"] == "revoke"


async def test_control_asked_for_with_viewing_is_put_after_it(session: Session, customer: Customer) -> None:
    session.asks("view")
    session.asks("control")
    assert session.agent.scene().text == "화면을 보여 줄까요?"
    await asyncio.sleep(0.3)
    customer.press(panel.draw(session.agent.scene()), "allow")
    await session.until(session.agent.may_see)
    assert session.agent.scene().text == "조작을 맡길까요?"


async def test_who_may_not_see_is_not_asked_about_control(session: Session, customer: Customer) -> None:
    session.asks("view")
    session.asks("control")
    await asyncio.sleep(0.3)
    customer.press(panel.draw(session.agent.scene()), "refuse")
    await session.until(lambda: len(session.signals) == 2)
    assert [(f["state"], f["scope"]) for f in session.signals] == [("refuse", "view"), ("refuse", "control")]


async def test_staff_cannot_press_the_panel(session: Session, customer: Customer, notepad: Notepad) -> None:
    await allow(session, customer, "view")
    await allow(session, customer, "control")
    await session.agent.data('{"t":"ask","n":1,"what":"clipboard"}')
    drawing = panel.draw(session.agent.scene())
    place = next(place for place in drawing.places if place.button.name == "allow")
    x = (WIDTH - drawing.picture.width - 24 + place.left + 5) / WIDTH
    y = (24 + place.top + 5) / HEIGHT
    await asyncio.sleep(0.3)
    await session.agent.data(f'{{"t":"down","n":2,"x":{x},"y":{y}}}')
    assert session.answers[-1] == {"t": "refused", "n": 2, "why": "panel"}
    await asyncio.sleep(0.3)
    assert session.agent.scene().text.startswith("복사한")  # the question still stands


async def test_the_clipboard_goes_both_ways_only_after_its_own_consent(
    session: Session, customer: Customer
) -> None:
    await allow(session, customer, "view")
    await allow(session, customer, "control")
    await session.agent.data('{"t":"clip","n":1,"s":"링크"}')
    assert session.answers[-1]["why"] == "not_allowed"
    await session.agent.data('{"t":"ask","n":2,"what":"clipboard"}')
    await asyncio.sleep(0.3)
    customer.press(panel.draw(session.agent.scene()), "allow")
    await session.until(
        lambda: {"t": "answer", "what": "clipboard", "granted": True, "why": ""} in session.answers
    )
    await session.agent.data('{"t":"clip","n":3,"s":"링크"}')
    await session.agent.data('{"t":"getclip","n":4}')
    assert session.answers[-1] == {"t": "clip", "s": "링크"}


async def test_nothing_of_the_screen_is_sent_before_consent_or_after_a_stop(
    session: Session, customer: Customer
) -> None:
    before = await asyncio.wait_for(session.track.recv(), 20)
    assert (before.width, before.height) == (320, 180)
    await allow(session, customer, "view")
    shown = await _until_width(session.track, WIDTH)
    assert bytes(shown.planes[0]).count(bytes(shown.planes[0])[:1]) < shown.planes[0].buffer_size
    customer.press(panel.draw(session.agent.scene()), "stop")
    await session.until(lambda: not session.agent.may_see())
    assert (await _until_width(session.track, 320)).height == 180


async def _until_width(track: ScreenTrack, width: int) -> Any:
    for _ in range(10):
        frame = await asyncio.wait_for(track.recv(), 20)
        if frame.width == width:
            return frame
    raise AssertionError(f"no frame of width {width}")


async def test_an_unchanged_screen_is_taken_once(session: Session) -> None:
    camera = Camera()
    await camera.open()
    assert await camera.take() is not None
    assert await camera.take() is None
    await camera.close()


def test_a_large_screen_is_made_smaller_with_even_sides() -> None:
    frame = to_frame(bytes(2561 * 1441 * 4), 2561, 1441)
    assert frame.width <= 1920
    assert frame.height <= 1080
    assert frame.width % 2 == frame.height % 2 == 0
