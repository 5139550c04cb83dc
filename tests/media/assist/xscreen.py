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
from Xlib.protocol import event

WIDTH, HEIGHT = 1280, 720
XK.load_keysym_group("korean")
NAMES = {getattr(XK, name): name.removeprefix("XK_") for name in sorted(dir(XK)) if name.startswith("XK_")}


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
    """A window over the whole screen: remembers clicks and typed text, can change its colour.

    `slow` is how long it takes to read the keyboard anew, in seconds; like most applications it answers the
    window manager's pings unless `deaf`.
    """

    def __init__(self, name: str, *, slow: float = 0.0, deaf: bool = False) -> None:
        self._slow, self._name = slow, name
        self._display = display.Display(name)
        screen = self._display.screen()
        self._window = screen.root.create_window(
            0, 0, WIDTH, HEIGHT, 0, screen.root_depth, override_redirect=True, background_pixel=0x204060,
            event_mask=X.KeyPressMask | X.KeyReleaseMask | X.ButtonPressMask | X.ButtonReleaseMask
            | X.PointerMotionMask,
        )  # fmt: skip
        self._protocols, self._ping = (self._display.get_atom(n) for n in ("WM_PROTOCOLS", "_NET_WM_PING"))
        if not deaf:
            self._window.set_wm_protocols([self._ping])
        self._window.map()
        self._window.set_input_focus(X.RevertToParent, X.CurrentTime)
        self._display.sync()
        self.clicks: list[tuple[int, int, int]] = []  # x, y, button
        self.released: list[tuple[int, int, int]] = []
        self.way: list[tuple[int, int]] = []  # of the mouse while a button is down
        self.text = ""
        self.keys_down: list[str] = []
        self.keys: list[tuple[str, int]] = []  # each press: the key, and what was held with it
        self.keys_at: list[float] = []
        self.input_at = 0.0  # when the last press came, by the monotonic clock
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

    @contextmanager
    def scrolling(self, fps: int = 15) -> Iterator[None]:
        """Meanwhile, rows as of text move upwards over a third of the screen."""
        ended = threading.Event()
        thread = threading.Thread(target=self._scroll, args=(ended, 1 / fps), daemon=True)
        thread.start()
        yield
        ended.set()
        thread.join(5)

    def _scroll(self, ended: threading.Event, pause: float) -> None:
        shown = display.Display(self._name)
        window = shown.create_resource_object("window", self._window.id)
        pen = window.create_gc(foreground=0xF0F0F0)
        rows = [[(16 + (7 * n + 13 * row) % 40) for n in range(12)] for row in range(60)]
        moved = 0
        while not ended.wait(pause):
            moved += 4
            words = []
            for row in range(30):
                left = 104
                for width in rows[(row + moved // 16) % 60]:
                    words.append((left, 104 + 16 * row - moved % 16, width, 9))
                    left += width + 8
            window.clear_area(96, 80, 640, 520)
            window.poly_fill_rectangle(pen, words)
            shown.sync()
        window.clear_area(96, 80, 640, 520)
        shown.sync()
        shown.close()

    def _run(self) -> None:
        while not self._ended:
            if not self._display.pending_events():
                select.select([self._display], [], [], 0.05)
            while self._display.pending_events():
                self._heard(self._display.next_event())

    def _heard(self, heard: Any) -> None:
        match heard.type:
            case X.MappingNotify:
                time.sleep(self._slow)
                self._display.refresh_keyboard_mapping(heard)
            case X.ButtonPress:
                self.input_at = time.monotonic()
                self.clicks.append((heard.root_x, heard.root_y, heard.detail))
                if self.colour_at_click is not None:
                    self._window.change_attributes(background_pixel=self.colour_at_click)
                    self._window.clear_area(0, 0, WIDTH, HEIGHT)
                    self._display.flush()
            case X.ButtonRelease:
                self.released.append((heard.root_x, heard.root_y, heard.detail))
            case X.MotionNotify if heard.state & X.Button1Mask:
                self.way.append((heard.root_x, heard.root_y))
            case X.ClientMessage if heard.client_type == self._protocols:
                self._pong(heard)
            case X.KeyPress:
                self._key(heard)
            case X.KeyRelease:
                name = self._named(heard)
                if name in self.keys_down:
                    self.keys_down.remove(name)

    def _pong(self, heard: Any) -> None:
        root = self._display.screen().root
        answer = event.ClientMessage(window=root, client_type=self._protocols, data=heard.data)
        root.send_event(answer, event_mask=X.SubstructureNotifyMask | X.SubstructureRedirectMask)
        self._display.flush()

    def _named(self, heard: Any) -> str:
        keysym = self._display.keycode_to_keysym(heard.detail, 0)
        return NAMES.get(keysym, hex(keysym))

    def _key(self, heard: Any) -> None:
        self.input_at = time.monotonic()
        self.keys_at.append(self.input_at)
        self.keys.append((self._named(heard), heard.state & 0xFF))
        self.keys_down.append(self._named(heard))
        if heard.state & (X.ControlMask | X.Mod1Mask):
            return
        level = bool(heard.state & X.ShiftMask)
        keysym = self._display.keycode_to_keysym(heard.detail, level)
        if (
            heard.state & X.LockMask
            and XK.XK_a <= self._display.keycode_to_keysym(heard.detail, 0) <= XK.XK_z
        ):
            keysym = self._display.keycode_to_keysym(heard.detail, not level)
        if keysym & 0xFF000000 == 0x01000000:
            self.text += chr(keysym & 0xFFFFFF)
        elif 0x20 <= keysym <= 0xFF:
            self.text += chr(keysym)
        elif keysym == XK.XK_Return:
            self.text += "\n"
        elif 0x0EA1 <= keysym <= 0x0EFA:  # Hangul letters of the old keysyms
            self.text += f"<{keysym:x}>"
