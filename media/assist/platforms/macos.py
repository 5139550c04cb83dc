"""macOS: a panel by Tk, and the two permissions that the system asks for. Untested: no machine was at hand.

Screen recording and accessibility are granted in the system settings, to the terminal or the app that runs
us. Without the first, pictures show only the wallpaper; without the second, input does nothing.
"""

import ctypes
import ctypes.util
from collections.abc import Callable

from media.assist.platforms.tk import TkWindow


def open_window(pressed: Callable[[str], None]) -> TkWindow:
    """The panel. Raises `OSError` with why.permission while the screen may not be read."""
    if not may_read_screen():
        raise OSError("why.permission")
    return TkWindow(pressed, own_thread=False)


def may_read_screen() -> bool:
    """`CGPreflightScreenCaptureAccess` of Core Graphics (macOS 10.15): asks without showing a dialog."""
    library = ctypes.util.find_library("CoreGraphics")
    if library is None:
        return False
    check = ctypes.CDLL(library).CGPreflightScreenCaptureAccess
    check.restype = ctypes.c_bool
    return bool(check())
