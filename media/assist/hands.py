"""Applies remote input to this machine by pynput, on a thread of its own, and lets go of everything at a
stop.

The right to go on (`may`) is asked before every single press and character, on the thread that applies it: a
stop holds at once, also in the middle of a long text and while the event loop is busy.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from media.assist import acts
from media.assist.acts import Act, Key, Move, Press, Text, Wheel
from media.assist.platforms import typist

# The pause after each typed character: an application must have read the key before its code may mean
# another one.
TYPING_PAUSE_SECONDS: Final = 0.004

_PYNPUT_KEYS: Final = {
    "Enter": "enter", "Tab": "tab", "Backspace": "backspace", "Delete": "delete", "Escape": "esc",
    "ArrowUp": "up", "ArrowDown": "down", "ArrowLeft": "left", "ArrowRight": "right",
    "Home": "home", "End": "end", "PageUp": "page_up", "PageDown": "page_down", "Insert": "insert",
    "Shift": "shift", "Control": "ctrl", "Alt": "alt", "AltGraph": "alt_gr", "Meta": "cmd",
    "CapsLock": "caps_lock", **{f"F{n}": f"f{n}" for n in range(1, 13)},
}  # fmt: skip


class Stopped(Exception):
    """The customer stopped it, or control was never allowed."""


class Area(Protocol):
    """The screen that positions are shares of, in pixels."""

    @property
    def left(self) -> int: ...

    @property
    def top(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


class Hands:
    """Mouse and keyboard. `may` says whether control is allowed this instant; `forbidden(x, y)` whether a
    pixel belongs to our own panel, which only the customer may press."""

    def __init__(
        self, area: Callable[[], Area], may: Callable[[], bool], forbidden: Callable[[int, int], bool]
    ) -> None:
        from pynput import keyboard, mouse  # asks for the screen when it is imported

        self._keyboard, self._mouse = keyboard.Controller(), mouse.Controller()
        self._keys, self._buttons = keyboard.Key, mouse.Button
        self._area, self._may, self._forbidden = area, may, forbidden
        self._down: list[tuple[Callable[[Any], None], Any]] = []
        self._thread = ThreadPoolExecutor(1, "hands")
        self._typist = typist()

    async def apply(self, act: Act) -> None:
        """Do it. Raises `Stopped`, or `acts.BadAct` for what cannot be done here."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._do, act)

    def let_go(self) -> None:
        """Release every key and button that is still pressed; from any thread, also after a stop."""
        self._thread.submit(self._release_all)

    def close(self) -> None:
        self.let_go()
        if self._typist is not None:
            self._thread.submit(self._typist.close)
        self._thread.shutdown(wait=True)
        del self._keyboard, self._mouse  # they close their connections while there is a screen

    def _do(self, act: Act) -> None:
        self._check()
        match act:
            case Move():
                self._mouse.position = self._pixel(act.x, act.y)
            case Press():
                self._press(act)
            case Wheel():
                self._mouse.position = self._pixel(act.x, act.y)
                self._mouse.scroll(act.dx, -act.dy)
            case Key():
                self._key(act)
            case Text():
                self._type(act.text)
            case _:
                raise acts.BadAct("t")

    def _check(self) -> None:
        if not self._may():
            raise Stopped

    def _pixel(self, x: float, y: float) -> tuple[int, int]:
        area = self._area()
        return area.left + acts.pixel(x, area.width), area.top + acts.pixel(y, area.height)

    def _press(self, act: Press) -> None:
        place = self._pixel(act.x, act.y)
        button = getattr(self._buttons, act.button)
        if act.down and self._forbidden(*place):
            raise acts.BadAct("panel")
        self._mouse.position = place
        self._hold(self._mouse.press, self._mouse.release, button, act.down)

    def _key(self, act: Key) -> None:
        if len(act.name) == 1:
            key: Any = act.name
        elif act.name in _PYNPUT_KEYS:
            key = getattr(self._keys, _PYNPUT_KEYS[act.name])
        else:
            raise acts.BadAct("k")
        try:
            self._hold(self._keyboard.press, self._keyboard.release, key, act.down)
        except self._keyboard.InvalidKeyException:
            raise acts.BadAct("k") from None

    def _type(self, text: str) -> None:
        for odd, run in itertools.groupby(text, self._is_odd):
            if odd and self._typist is not None:
                self._typist.write("".join(run), self._check)
            else:
                self._type_plainly("".join(run))

    def _is_odd(self, character: str) -> bool:
        return self._typist is not None and self._typist.types(character)

    def _type_plainly(self, text: str) -> None:
        for character in text:
            self._check()
            key = {"\n": self._keys.enter, "\t": self._keys.tab}.get(character, character)
            try:
                self._keyboard.press(key)
                self._keyboard.release(key)
            except self._keyboard.InvalidKeyException:
                raise acts.BadAct("s") from None
            time.sleep(TYPING_PAUSE_SECONDS)

    def _hold(
        self, press: Callable[[Any], None], release: Callable[[Any], None], what: Any, down: bool
    ) -> None:
        pair = (release, what)
        if down:
            press(what)
            self._down.append(pair)
            return
        if pair in self._down:  # what we did not press is not ours to release
            self._down.remove(pair)
            release(what)

    def _release_all(self) -> None:
        while self._down:
            release, what = self._down.pop()
            release(what)
