"""The customer in front of the PC: reads the panel, and presses its buttons with the PC's own mouse."""

import asyncio
import time
from typing import Any

import mss
from PIL import Image, ImageChops
from Xlib import XK, X, display
from Xlib.ext import xtest

from media.assist import panel
from tests.media.assist.xscreen import WIDTH

MARGIN = 24


class Customer:
    """Not to be shared between threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._display: Any = display.Display(name)

    def close(self) -> None:
        self._display.close()

    def press(self, drawing: panel.Drawing, name: str) -> float:
        """Press a button of the panel; when, by the monotonic clock."""
        place = next(place for place in drawing.places if place.button.name == name)
        left = WIDTH - drawing.picture.width - MARGIN
        x, y = left + (place.left + place.right) // 2, MARGIN + (place.top + place.bottom) // 2
        return self.click(x, y)

    def click(self, x: int, y: int) -> float:
        """Press and release on a pixel; when, by the monotonic clock."""
        at = time.monotonic()
        xtest.fake_input(self._display, X.MotionNotify, x=x, y=y)
        xtest.fake_input(self._display, X.ButtonPress, 1)
        xtest.fake_input(self._display, X.ButtonRelease, 1)
        self._display.sync()
        return at

    def chord(self, *names: str) -> None:
        """Press keys together on the PC's own keyboard."""
        codes = [self._display.keysym_to_keycode(XK.string_to_keysym(name)) for name in names]
        for code in codes:
            xtest.fake_input(self._display, X.KeyPress, code)
        for code in reversed(codes):
            xtest.fake_input(self._display, X.KeyRelease, code)
        self._display.sync()

    async def sees(self, scene: panel.Scene, seconds: float = 120.0) -> panel.Drawing:
        """Wait until the panel shows exactly this."""
        drawing, end = panel.draw(scene), time.monotonic() + seconds
        left, width, height = WIDTH - MARGIN - drawing.picture.width, *drawing.picture.size
        while True:
            seen = self.looks_at(left, MARGIN, width, height)
            if ImageChops.difference(seen, drawing.picture.convert("RGB")).getbbox() is None:
                return drawing
            assert time.monotonic() < end, f"the panel never showed {scene.text!r}"
            await asyncio.sleep(0.1)

    def looks_at(self, left: int, top: int, width: int, height: int) -> Image.Image:
        """A part of the screen as it is now."""
        with mss.MSS(display=self._name) as eyes:
            shot = eyes.grab((left, top, left + width, top + height))
        return Image.frombytes("RGB", shot.size, shot.rgb)
