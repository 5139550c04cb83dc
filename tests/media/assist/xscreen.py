"""A screen of our own for tests: Xvfb on a free display, and a window that writes down what it is given."""

import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from Xlib import XK, X, display

WIDTH, HEIGHT = 1280, 720


@contextmanager
def virtual_screen() -> Iterator[str]:
    """The name of a display of 1280x720, gone again at the end."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-noreset"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        ready, _, _ = select.select([read], [], [], 20)
        assert ready, "Xvfb did not start"
        yield f":{os.read(read, 16).decode().strip()}"
    finally:
        os.close(read)
        server.terminate()
        server.wait(10)


class Notepad:
    """A window over the whole screen: remembers clicks and typed text, can change its colour."""

    def __init__(self, name: str) -> None:
        self._display = display.Display(name)
        screen = self._display.screen()
        self._window = screen.root.create_window(
            0, 0, WIDTH, HEIGHT, 0, screen.root_depth, override_redirect=True, background_pixel=0x204060,
            event_mask=X.KeyPressMask | X.KeyReleaseMask | X.ButtonPressMask | X.ButtonReleaseMask
            | X.PointerMotionMask,
        )  # fmt: skip
        self._window.map()
        self._window.set_input_focus(X.RevertToParent, X.CurrentTime)
        self._display.sync()
        self.clicks: list[tuple[int, int, int]] = []  # x, y, button
        self.released: list[int] = []
        self.text = ""
        self.keys_down: list[str] = []
        self.colour_at_click: int | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended = True
        self._thread.join(5)
        self._display.close()

    def until(self, met: Any, seconds: float = 20.0) -> None:
        """Wait until `met(self)` holds."""
        end = time.monotonic() + seconds
        while not met(self):
            assert time.monotonic() < end, (self.clicks, self.text, self.keys_down)
            time.sleep(0.01)

    def _run(self) -> None:
        while not self._ended:
            if not self._display.pending_events():
                select.select([self._display], [], [], 0.05)
            while self._display.pending_events():
                self._heard(self._display.next_event())

    def _heard(self, heard: Any) -> None:
        match heard.type:
            case X.MappingNotify:
                self._display.refresh_keyboard_mapping(heard)
            case X.ButtonPress:
                self.clicks.append((heard.root_x, heard.root_y, heard.detail))
                if self.colour_at_click is not None:
                    self._window.change_attributes(background_pixel=self.colour_at_click)
                    self._window.clear_area(0, 0, WIDTH, HEIGHT)
                    self._display.flush()
            case X.ButtonRelease:
                self.released.append(heard.detail)
            case X.KeyPress:
                self._key(heard)
            case X.KeyRelease:
                name = self._named(heard)
                if name in self.keys_down:
                    self.keys_down.remove(name)

    def _named(self, heard: Any) -> str:
        keysym = self._display.keycode_to_keysym(heard.detail, 0)
        return XK.keysym_to_string(keysym) or hex(keysym)

    def _key(self, heard: Any) -> None:
        self.keys_down.append(self._named(heard))
        keysym = self._display.keycode_to_keysym(heard.detail, heard.state & X.ShiftMask)
        if keysym & 0xFF000000 == 0x01000000:
            self.text += chr(keysym & 0xFFFFFF)
        elif 0x20 <= keysym <= 0xFF:
            self.text += chr(keysym)
        elif keysym == XK.XK_Return:
            self.text += "\n"
        elif 0x0EA1 <= keysym <= 0x0EFA:  # Hangul letters of the old keysyms
            self.text += f"<{keysym:x}>"
