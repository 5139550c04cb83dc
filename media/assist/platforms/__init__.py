"""What differs between desktops: the window of the panel, the clipboard, and who may read the screen.

Linux with X11 is tested under Xvfb. Windows and macOS are written from their documentation and untested;
they are kept in files of their own, so that nothing of theirs runs elsewhere.
"""

import sys
from collections.abc import Callable
from typing import Protocol

from media.assist.panel import Drawing


class Window(Protocol):
    """The panel's window: always on top, at the upper right of the screen, and the clipboard with it.

    Its methods may be called from the event loop; `pressed` is called on the window's own thread.
    """

    scale: float

    def show(self, drawing: Drawing) -> None:
        """Show this instead of what is there."""

    def covers(self, x: int, y: int) -> bool:
        """Whether a pixel of the desktop belongs to the panel."""

    def set_clipboard(self, text: str) -> None:
        """Give this text to whoever pastes."""

    def get_clipboard(self, timeout: float = 1.0) -> str:
        """The text that was copied last; "" when there is none within `timeout` seconds. Blocks."""

    def close(self) -> None:
        """Take the panel away."""


class Typist(Protocol):
    """Types characters that are on no key, where the desktop needs help with that."""

    def types(self, character: str) -> bool:
        """Whether this character is for it."""

    def write(self, text: str, check: Callable[[], None]) -> None:
        """Type it; `check` is called before each character and raises to stop."""

    def close(self) -> None:
        """Leave the keyboard as it was."""


def typist() -> Typist | None:
    """The helper of this desktop; None where pynput types everything (Windows, macOS)."""
    if sys.platform in ("win32", "darwin"):
        return None
    from media.assist.platforms import x11_typing

    return x11_typing.Typist()


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
