"""Applies remote input to this machine, on a thread of its own, and lets go of everything at a stop.

The mouse is moved by pynput, keys are pressed by the keyboard of the platform. The right to go on (`may`) is
asked before every single press and character, on the thread that applies it: a stop holds at once, also in
the middle of a long text and while the event loop is busy.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from media.assist import acts
from media.assist.acts import Act, Key, Move, Press, Text, Wheel
from media.assist.platforms import keyboard


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
        from pynput import mouse  # asks for the screen when it is imported

        self._mouse, self._buttons = mouse.Controller(), mouse.Button
        self._area, self._may, self._forbidden = area, may, forbidden
        self._down: dict[tuple[str, str], Callable[[], None]] = {}
        self._thread = ThreadPoolExecutor(1, "hands")
        self._keyboard = keyboard()

    @property
    def holds(self) -> bool:
        """Whether a key or button is held down for staff."""
        return bool(self._down)

    async def apply(self, act: Act) -> None:
        """Do it. Raises `Stopped`, or `acts.BadAct` for what cannot be done here."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._do, act)

    def let_go(self) -> None:
        """Release every key and button that is still pressed; from any thread, also after a stop."""
        self._thread.submit(self._release_all)

    def close(self) -> None:
        self.let_go()
        self._thread.submit(self._keyboard.close)
        self._thread.shutdown(wait=True)
        del self._mouse  # it closes its connection while there is a screen

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
                self._keyboard.write(act.text, self._check)
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
        self._hold(
            ("button", act.button),
            act.down,
            lambda: self._mouse.press(button),
            lambda: self._mouse.release(button),
        )

    def _key(self, act: Key) -> None:
        held = ("key", act.name)
        if act.down and held in self._down and self._keyboard.repeats:
            return
        self._hold(
            held,
            act.down,
            lambda: self._keyboard.press(act.name, True),
            lambda: self._keyboard.press(act.name, False),
        )

    def _hold(
        self, what: tuple[str, str], down: bool, press: Callable[[], None], release: Callable[[], None]
    ) -> None:
        if down:
            press()
            self._down[what] = release
        elif what in self._down:  # what we did not press is not ours to release
            del self._down[what]
            release()

    def _release_all(self) -> None:
        while self._down:
            _, release = self._down.popitem()
            with contextlib.suppress(acts.BadAct):
                release()
