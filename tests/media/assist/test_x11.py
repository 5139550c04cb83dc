"""On a real X11 screen: clicks land on the pixel, Hangul and Latin arrive, and a stop holds at once."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from Xlib import X, display

from media.assist import acts, panel, scenes
from media.assist.agent import Agent
from media.assist.chain import Entry, first_fault
from media.assist.hands import Hands, Stopped
from media.assist.platforms import Window, open_window, x11_keys
from media.assist.platforms.x11_keys import Keyboard
from media.assist.screen import Camera, ScreenTrack, to_frame
from tests.media.assist.customer import Customer
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


class Session:
    """An agent with hands and eyes on the screen, and the two wires in our hand."""

    def __init__(self, window: Window, camera: Camera) -> None:
        self.signals: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.log: list[Entry] = []
        self.later = timedelta()
        self.agent = Agent(
            WHO, window, signal_out=lambda f: self.signals.append(dict(f)),
            data_out=lambda f: self.answers.append(dict(f)), log=self.log.append,
            now=lambda: datetime.now(UTC) + self.later, fetch=self._fetch,
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
    customer.press(await customer.sees(session.agent.scene()), "allow")
    right = session.agent.may_control if scope == "control" else session.agent.may_see
    await session.until(right)


async def test_a_click_lands_on_the_pixel_that_staff_pointed_at(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await control(session, customer)
    for x, y in ((0, 0), (319, 240), (640, 719), (100, 500)):
        place = f'"x":{(x + 0.5) / WIDTH},"y":{(y + 0.5) / HEIGHT}'
        await session.agent.data('{"t":"down","n":1,"b":"left",' + place + "}")
        await session.agent.data('{"t":"up","n":2,"b":"left",' + place + "}")
    notepad.until(lambda pad: len(pad.clicks) == 4)
    assert [(x, y) for x, y, _ in notepad.clicks] == [(0, 0), (319, 240), (640, 719), (100, 500)]
    assert first_fault(session.log) is None
    assert [entry.act for entry in session.log][:4] == ["asked", "granted", "asked", "granted"]


async def control(session: Session, customer: Customer) -> None:
    await allow(session, customer, "view")
    await allow(session, customer, "control")


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
    await control(session, customer)
    await session.hands.apply(acts.Text(text))
    notepad.until(lambda pad: len(pad.text) >= len(text))
    assert notepad.text == text


@pytest.mark.parametrize("deaf", [False, True], ids=["answers pings", "answers no pings"])
async def test_a_slow_window_gets_every_syllable_though_keys_are_lent_again(screen: str, deaf: bool) -> None:
    notepad, keyboard = Notepad(screen, slow=0.02, deaf=deaf), Keyboard(spare=6)
    text = "가나다라마바사아자차카타파하 거너더러머버서"
    await asyncio.to_thread(keyboard.write, text, lambda: None)
    await asyncio.to_thread(notepad.until, lambda pad: len(pad.text) >= len(text))
    assert notepad.text == text
    await asyncio.to_thread(keyboard.close)
    notepad.close()


async def test_a_layout_that_somebody_else_changes_costs_no_syllable(screen: str) -> None:
    notepad, keyboard, other = Notepad(screen), Keyboard(spare=4), display.Display(screen)
    await asyncio.to_thread(keyboard.write, "가나", lambda: None)
    first, last = other.display.info.min_keycode, other.display.info.max_keycode
    rows = other.get_keyboard_mapping(first, last - first + 1)
    for code, row in enumerate(rows, first):
        if row[0] == x11_keys.UNICODE + ord("가"):
            other.change_keyboard_mapping(code, [(0, 0)])
    other.sync()
    await asyncio.to_thread(keyboard.write, "가나다", lambda: None)
    await asyncio.to_thread(notepad.until, lambda pad: len(pad.text) >= 5)
    assert notepad.text == "가나가나다"
    await asyncio.to_thread(keyboard.close)
    notepad.close()
    other.close()


async def test_chords_and_keys_of_korean_keyboards_arrive(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await control(session, customer)
    for chord in (("Control", "c"), ("Alt", "Tab"), ("Control", "Shift", "ArrowLeft")):
        for key in chord:
            await session.hands.apply(acts.Key(key, True))
        for key in reversed(chord):
            await session.hands.apply(acts.Key(key, False))
    for key in ("HangulMode", "HanjaMode", "ContextMenu", "PrintScreen"):
        for down in (True, False):
            await session.hands.apply(acts.Key(key, down))
    notepad.until(lambda pad: len(pad.keys) == 11 and not pad.keys_down)
    held = {"c": X.ControlMask, "Tab": X.Mod1Mask, "Left": X.ControlMask | X.ShiftMask}
    assert {name: state for name, state in notepad.keys if name in held} == held
    assert [name for name, _ in notepad.keys[7:]] == ["Hangul", "Hangul_Hanja", "Menu", "Print"]


async def test_every_key_that_is_understood_can_be_pressed_here(screen: str) -> None:
    missing = set(acts.NAMED_KEYS) - set(x11_keys.NAMED) - set(x11_keys.MODIFIERS)
    assert not missing


async def test_capitals_are_right_with_caps_lock_and_with_shift_held(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await control(session, customer)
    await session.hands.apply(acts.Key("Shift", True))
    await session.hands.apply(acts.Text("aB1!가"))
    await session.hands.apply(acts.Key("Shift", False))
    for down in (True, False):
        await session.hands.apply(acts.Key("CapsLock", down))
    await session.hands.apply(acts.Text("aB1!"))
    for down in (True, False):
        await session.hands.apply(acts.Key("CapsLock", down))
    notepad.until(lambda pad: len(pad.text) >= 9)
    assert notepad.text == "aB1!가aB1!"


async def test_dragging_and_double_clicking(session: Session, customer: Customer, notepad: Notepad) -> None:
    await control(session, customer)
    for kind, share in (("down", 0.25), ("move", 0.3), ("move", 0.4), ("up", 0.5)):
        await session.agent.data(f'{{"t":"{kind}","n":1,"x":{share},"y":0.5}}')
    for kind in ("down", "up", "down", "up"):
        await session.agent.data(f'{{"t":"{kind}","n":2,"x":0.1,"y":0.1}}')
    notepad.until(lambda pad: len(pad.released) == 3)
    assert [(x, y) for x, y, _ in notepad.clicks] == [(320, 360), (128, 72), (128, 72)]
    assert notepad.released[0][:2] == (640, 360)
    assert notepad.way[:3] == [(384, 360), (512, 360), (640, 360)]


async def test_the_wheel_turns_the_way_that_staff_turn_it(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await control(session, customer)
    for dx, dy in ((0, 2), (0, -1), (1, 0), (-1, 0)):
        await session.agent.data(f'{{"t":"wheel","n":1,"x":0.5,"y":0.5,"dx":{dx},"dy":{dy}}}')
    notepad.until(lambda pad: len(pad.clicks) == 5)
    assert [button for _, _, button in notepad.clicks] == [
        5,
        5,
        4,
        7,
        6,
    ]  # down, up, right, left


@pytest.mark.parametrize("ending", ["lost", "revoked", "away", "silent"])
async def test_what_is_held_is_let_go_when_nobody_holds_it_any_more(
    session: Session, customer: Customer, notepad: Notepad, ending: str
) -> None:
    await control(session, customer)
    await session.agent.data('{"t":"key","n":1,"k":"Control","down":true}')
    await session.agent.data('{"t":"down","n":2,"x":0.5,"y":0.5}')
    notepad.until(lambda pad: bool(pad.keys_down) and bool(pad.clicks))
    match ending:
        case "lost":
            session.agent.lost()
        case "revoked":
            session.agent.signal(
                {"type": "control", "by": "s1", "whom": "a1", "state": "revoked", "scope": "control"}
            )
        case "away":
            session.agent.signal({"type": "away", "participant": "s1", "here": False})
        case "silent":
            session.later += timedelta(seconds=7)
            session.agent.tick()
    notepad.until(lambda pad: not pad.keys_down and len(pad.released) == 1)
    assert session.agent.may_control() == (ending in ("away", "silent"))
    assert not session.hands.holds


async def test_the_shortcut_stops_everything(session: Session, customer: Customer, notepad: Notepad) -> None:
    await control(session, customer)
    await customer.sees(session.agent.scene())
    customer.chord("Control_L", "Alt_L", "s")
    await session.until(lambda: not session.agent.may_see())
    assert not session.agent.may_control()


async def test_the_stop_button_works_beside_a_window_that_wants_to_be_above_all_as_well(
    session: Session, customer: Customer
) -> None:
    heard: list[str] = []
    rival = open_window(heard.append)
    try:
        rival.show(panel.draw(panel.Scene("위로")))  # over our title, not over our buttons
        await allow(session, customer, "view")
        customer.press(await customer.sees(session.agent.scene()), "stop")
        await session.until(lambda: not session.agent.may_see())
    finally:
        rival.close()
    assert not heard


async def test_beside_such_a_window_the_panel_is_seen_again_and_again(
    session: Session, customer: Customer
) -> None:
    rival = open_window(lambda name: None)
    try:
        await allow(session, customer, "view")
        rival.show(panel.draw(panel.Scene("위로")))
        for _ in range(5):
            await customer.sees(session.agent.scene())
            await asyncio.sleep(0.3)
    finally:
        rival.close()


async def test_what_staff_draw_is_seen_in_place_and_clicks_go_through_it(
    session: Session, customer: Customer, notepad: Notepad
) -> None:
    await allow(session, customer, "view")
    before = customer.looks_at(630, 350, 20, 20)
    circle = {"act": "draw", "id": "circle-1", "points": [[0.4, 0.4], [0.6, 0.6]], "color": None}
    session.agent.signal({"type": "mark", "of": "a1", "track": "screen", "from": "s1", **circle})
    await session.until(lambda: customer.looks_at(512, 360, 1, 1).getpixel((0, 0)) == (0x12, 0xA1, 0x8E))
    assert customer.looks_at(630, 350, 20, 20) == before  # nothing but the line
    customer.click(512, 360)
    notepad.until(lambda pad: (512, 360, 1) in pad.clicks)
    session.agent.signal({"type": "mark", "of": "a1", "track": "screen", "act": "clear", "id": "all"})
    await session.until(lambda: customer.looks_at(512, 360, 1, 1).getpixel((0, 0)) == (0x20, 0x40, 0x60))


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
    await control(session, customer)
    drawing = await customer.sees(session.agent.scene())
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
    customer.press(await customer.sees(session.agent.scene()), "allow")
    await session.until(session.agent.may_see)
    assert session.agent.scene().text == "조작을 맡길까요?"


async def test_who_may_not_see_is_not_asked_about_control(session: Session, customer: Customer) -> None:
    session.asks("view")
    session.asks("control")
    customer.press(await customer.sees(session.agent.scene()), "refuse")
    await session.until(lambda: len(session.signals) == 2)
    assert [(f["state"], f["scope"]) for f in session.signals] == [("refuse", "view"), ("refuse", "control")]


async def test_staff_cannot_press_the_panel(session: Session, customer: Customer, notepad: Notepad) -> None:
    await control(session, customer)
    await session.agent.data('{"t":"ask","n":1,"what":"clipboard"}')
    drawing = panel.draw(session.agent.scene())
    place = next(place for place in drawing.places if place.button.name == "allow")
    x = (WIDTH - drawing.picture.width - 24 + place.left + 5) / WIDTH
    y = (24 + place.top + 5) / HEIGHT
    await customer.sees(session.agent.scene())
    await session.agent.data(f'{{"t":"down","n":2,"x":{x},"y":{y}}}')
    assert session.answers[-1] == {"t": "refused", "n": 2, "why": "panel"}
    await asyncio.sleep(0.3)
    assert session.agent.scene().text.startswith("복사한")  # the question still stands


async def test_the_clipboard_goes_both_ways_only_after_its_own_consent(
    session: Session, customer: Customer
) -> None:
    await control(session, customer)
    await session.agent.data('{"t":"clip","n":1,"s":"링크"}')
    assert session.answers[-1]["why"] == "not_allowed"
    await session.agent.data('{"t":"ask","n":2,"what":"clipboard"}')
    customer.press(await customer.sees(session.agent.scene()), "allow")
    await session.until(
        lambda: {"t": "answer", "what": "clipboard", "granted": True, "why": ""} in session.answers
    )
    await session.agent.data('{"t":"clip","n":3,"s":"링크"}')
    await session.agent.data('{"t":"getclip","n":4}')
    assert session.answers[-2] == {"t": "copied", "length": 2}
    assert session.answers[-1] == {"t": "clip", "s": "링크", "length": 2}


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
