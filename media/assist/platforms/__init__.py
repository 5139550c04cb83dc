"""What differs between desktops: the window of the panel, the clipboard, and who may read the screen.

Linux with X11 is tested under Xvfb. Windows and macOS are written from their documentation and untested;
they are kept in files of their own, so that nothing of theirs runs elsewhere.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from media.assist.marks import Stroke
from media.assist.panel import Drawing


class Window(Protocol):
    """The panel's window: always on top, at the upper right of the screen, and the clipboard with it.

    Its methods may be called from the event loop; `pressed` is called on the window's own thread.
    """

    scale: float
    shortcut: str  # keys that stop everything wherever the focus is; "" where there are none

    def show(self, drawing: Drawing) -> None:
        """Show this instead of what is there."""

    def covers(self, x: int, y: int) -> bool:
        """Whether a pixel of the desktop belongs to the panel."""

    def mark(self, strokes: Sequence[Stroke]) -> None:
        """Draw these lines over the screen in place of those before; clicks go through them."""

    def set_clipboard(self, text: str) -> None:
        """Give this text to whoever pastes."""

    def get_clipboard(self, timeout: float = 1.0) -> str:
        """The text that was copied last; "" when there is none within `timeout` seconds. Blocks."""

    def close(self) -> None:
        """Take the panel away."""


class Keyboard(Protocol):
    """What presses keys. For one thread alone."""

    repeats: bool  # whether a key that is held repeats by itself

    def press(self, name: str, down: bool) -> None:
        """One key down or up, by the name of `KeyboardEvent.key`. Raises `acts.BadAct`."""

    def write(self, text: str, check: Callable[[], None]) -> None:
        """Type it; `check` is called before each character and raises to stop."""

    def close(self) -> None:
        """Leave the keyboard as it was."""


def keyboard() -> Keyboard:
    """The keyboard of this desktop."""
    if sys.platform in ("win32", "darwin"):
        from media.assist.platforms import pynput_keys

        return pynput_keys.Keyboard(windows=sys.platform == "win32")
    from media.assist.platforms import x11_keys

    return x11_keys.Keyboard()


class Changes(Protocol):
    """What knows whether the screen changed. For one thread alone."""

    def peek(self) -> bool:
        """Whether anything was drawn since `any` said so last."""

    def any(self) -> bool:
        """Whether anything may have changed since the last time this said so."""

    def close(self) -> None: ...


def changes() -> Changes | None:
    """Who knows on this desktop; None where every picture must be compared."""
    if sys.platform in ("win32", "darwin"):
        return None
    from media.assist.platforms import x11_changes

    try:
        return x11_changes.Changes()
    except OSError:
        return None


def open_window(pressed: Callable[[str], None]) -> Window:
    """The panel of this desktop; `pressed` hears the names of its buttons. Raises `OSError` with the key of
    the reason (`words`: why.…) when there is no screen that may be read."""
    if sys.platform == "win32":
        from media.assist.platforms import windows

        return windows.open_window(pressed)
    if sys.platform == "darwin":
        from media.assist.platforms import macos

        return macos.open_window(pressed)
    from media.assist.platforms import x11

    return x11.open_window(pressed)
