"""The panel and the clipboard on X11, by python-xlib: one thread, one connection, one window."""

import contextlib
import os
import queue
import random
import select
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from Xlib import XK, X, Xatom, display, error
from Xlib.protocol import event

from media.assist.marks import Stroke
from media.assist.panel import Drawing
from media.assist.platforms.x11_marks import Overlay

MARGIN: Final = 24
DENSE_WIDTH: Final = 2560  # from this width on the panel is drawn at twice the size
CLIPBOARD_MAX_BYTES: Final = 400_000
RAISE_SECONDS: Final = (0.03, 0.2)  # from being covered until it comes above again: by chance, in between
EVENTS_AT_ONCE: Final = 64
SHORTCUT: Final = "Ctrl+Alt+S"
SHORTCUT_KEY, SHORTCUT_HELD = XK.XK_s, X.ControlMask | X.Mod1Mask
LOCKS: Final = (0, X.LockMask, X.Mod2Mask, X.LockMask | X.Mod2Mask)  # with Caps Lock and Num Lock, too


def open_window(pressed: Callable[[str], None]) -> "X11Window":
    """Open it. Raises `OSError` with why.wayland or why.display."""
    if os.environ.get("XDG_SESSION_TYPE") == "wayland":
        raise OSError("why.wayland")
    try:
        return X11Window(display.Display(), pressed)
    except (error.DisplayError, OSError) as fault:
        raise OSError("why.display") from fault


class X11Window:
    """See `platforms.Window`. Calls from other threads wait in a queue that a byte in a pipe announces."""

    def __init__(self, shown: Any, pressed: Callable[[str], None]) -> None:
        self._display, self._pressed = shown, pressed
        self._screen = shown.screen()
        self.scale = 2.0 if self._screen.width_in_pixels > DENSE_WIDTH else 1.0
        self._drawing: Drawing | None = None
        self._place = (0, 0, 0, 0)
        self._copied: bytes | None = None
        self._asked: queue.Queue[str] = queue.Queue()
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue()
        self._awake, self._wake = os.pipe()
        self._waking = threading.Lock()
        self._closing = self._closed = self._obscured = False
        self._raise_at = 0.0
        self._window = self._make()
        self._gc = self._window.create_gc()
        self._overlay = Overlay(shown)
        self.shortcut = SHORTCUT if self._grab() else ""
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)
        self._thread.start()

    # --- from any thread

    def show(self, drawing: Drawing) -> None:
        self._call(lambda: self._show(drawing))

    def covers(self, x: int, y: int) -> bool:
        left, top, right, bottom = self._place
        return left <= x < right and top <= y < bottom

    def mark(self, strokes: Sequence[Stroke]) -> None:
        self._call(lambda: self._mark(strokes))

    def set_clipboard(self, text: str) -> None:
        self._call(lambda: self._own(text.encode()))

    def get_clipboard(self, timeout: float = 1.0) -> str:
        while not self._asked.empty():
            self._asked.get_nowait()
        self._call(self._request)
        try:
            return self._asked.get(timeout=timeout)
        except queue.Empty:
            return ""

    def close(self) -> None:
        self._closing = True
        self._call(lambda: None)
        self._thread.join(2.0)

    def _call(self, what: Callable[[], None]) -> None:
        self._calls.put(what)
        with self._waking:
            if not self._closed:
                os.write(self._wake, b".")

    # --- on the window's thread

    def _make(self) -> Any:
        window = self._screen.root.create_window(
            0, 0, 1, 1, 0, self._screen.root_depth,
            event_mask=X.ExposureMask | X.ButtonPressMask | X.PropertyChangeMask | X.VisibilityChangeMask,
            override_redirect=True,  # no window manager may move it, cover it or ask it to close
            background_pixel=self._screen.white_pixel,
        )  # fmt: skip
        window.set_wm_name("Dangol")
        return window

    def _grab(self) -> bool:
        """Hear the shortcut wherever the focus is; whether no other program has it."""
        taken, code = error.CatchError(error.BadAccess), self._display.keysym_to_keycode(SHORTCUT_KEY)
        for locks in LOCKS if code else ():
            self._screen.root.grab_key(
                code, SHORTCUT_HELD | locks, True, X.GrabModeAsync, X.GrabModeAsync, onerror=taken
            )
        self._display.sync()
        return bool(code) and taken.get_error() is None

    def _run(self) -> None:
        try:
            while not self._closing:
                # A reply that is awaited may bring events with it: look at them before waiting for the wire.
                if not self._display.pending_events():
                    pause = max(self._raise_at - time.monotonic(), 0.0) if self._obscured else None
                    select.select([self._display, self._awake], [], [], pause)
                for _ in range(EVENTS_AT_ONCE):
                    if self._display.pending_events():
                        self._heard(self._display.next_event())
                self._called()
                self._keep_above()
        except (error.ConnectionClosedError, OSError):
            self._pressed("stop")  # the screen is gone: nothing may go on without its stop button
        finally:
            with contextlib.suppress(Exception):
                self._window.destroy()
                self._display.close()
            with self._waking:
                self._closed = True  # nobody may write to what bears this number next
                os.close(self._awake)
                os.close(self._wake)

    def _keep_above(self) -> None:
        """The stop button is always to be seen. Not at once each time: another window may want the same, and
        two that raise themselves without a pause would hear of nothing else. Nor in even steps: a rival of
        the same step answers each time at once, and this window would be above for no more than that."""
        if self._obscured and time.monotonic() >= self._raise_at:
            self._window.configure(stack_mode=X.Above)
            self._display.flush()
            self._covered()

    def _covered(self) -> None:
        self._raise_at = time.monotonic() + random.uniform(*RAISE_SECONDS)

    def _called(self) -> None:
        if select.select([self._awake], [], [], 0)[0]:
            os.read(self._awake, 4096)
        while not self._calls.empty():
            self._calls.get_nowait()()
        self._display.flush()

    def _heard(self, heard: Any) -> None:
        match heard.type:
            case X.Expose:
                self._paint()
            case X.VisibilityNotify:
                self._obscured = heard.state != X.VisibilityUnobscured
                self._covered()
            case X.ButtonPress if heard.detail == 1 and self._drawing is not None:
                button = self._drawing.button_at(heard.event_x, heard.event_y)
                if button is not None:
                    self._pressed(button.name)
            case X.KeyPress:  # no other key is ours to hear
                self._pressed("stop")
            case X.SelectionRequest:
                self._serve(heard)
            case X.SelectionClear:
                self._copied = None
            case X.SelectionNotify:
                self._receive(heard)

    def _show(self, drawing: Drawing) -> None:
        self._drawing = drawing
        width, height = drawing.picture.size
        left, top = self._screen.width_in_pixels - width - MARGIN, MARGIN
        self._place = (left, top, left + width, top + height)
        self._window.configure(x=left, y=top, width=width, height=height, stack_mode=X.Above)
        self._window.map()
        self._paint()

    def _mark(self, strokes: Sequence[Stroke]) -> None:
        self._overlay.draw(strokes)
        self._window.configure(stack_mode=X.Above)  # the stop button lies above whatever is drawn

    def _paint(self) -> None:
        if self._drawing is None:
            return
        picture = self._drawing.picture.convert("RGBX")
        width, height = picture.size
        data = picture.tobytes("raw", "BGRX")
        rows = max(1, 65_000 // (width * 4))  # X11's largest request is 256 kB; python-xlib counts in words
        for top in range(0, height, rows):
            part = data[top * width * 4 : (top + rows) * width * 4]
            self._window.put_image(
                self._gc, 0, top, width, len(part) // (width * 4), X.ZPixmap, self._screen.root_depth, 0, part
            )
        self._display.flush()

    # --- the clipboard: ICCCM, section 2 (selections)

    def _atom(self, name: str) -> int:
        atom: int = self._display.intern_atom(name)
        return atom

    def _own(self, text: bytes) -> None:
        self._copied = text
        self._window.set_selection_owner(self._atom("CLIPBOARD"), X.CurrentTime)

    def _request(self) -> None:
        if self._copied is not None:
            self._asked.put(self._copied.decode(errors="replace"))
            return
        self._window.convert_selection(
            self._atom("CLIPBOARD"), self._atom("UTF8_STRING"), self._atom("DANGOL_CLIPBOARD"), X.CurrentTime
        )

    def _serve(self, asked: Any) -> None:
        utf8, targets, place = self._atom("UTF8_STRING"), self._atom("TARGETS"), asked.property
        if asked.target == targets:
            asked.requestor.change_property(place, Xatom.ATOM, 32, [targets, utf8])
        elif asked.target in (utf8, Xatom.STRING) and self._copied is not None:
            asked.requestor.change_property(place, asked.target, 8, self._copied)
        else:
            place = X.NONE
        asked.requestor.send_event(
            event.SelectionNotify(
                time=asked.time, requestor=asked.requestor, selection=asked.selection,
                target=asked.target, property=place,
            )
        )  # fmt: skip
        self._display.flush()

    def _receive(self, heard: Any) -> None:
        if heard.property == X.NONE:
            self._asked.put("")
            return
        got = self._window.get_full_property(
            heard.property, X.AnyPropertyType, sizehint=CLIPBOARD_MAX_BYTES // 4
        )
        self._window.delete_property(heard.property)
        value = got.value if got is not None and isinstance(got.value, bytes) else b""
        self._asked.put(value[:CLIPBOARD_MAX_BYTES].decode(errors="replace"))
