"""Windows: a panel by Tk. Untested: no machine of this system was at hand.

pynput and mss use the ordinary calls of the person who is logged in. Windows of programs that run with higher
rights (UAC) take no input from us, and we never ask for those rights.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from media.assist.platforms.tk import TkWindow

PER_MONITOR_AWARE = 2  # PROCESS_PER_MONITOR_DPI_AWARE of shellscalingapi.h: pixels are pixels


def open_window(pressed: Callable[[str], None]) -> TkWindow:
    """The panel; positions are in real pixels from here on."""
    libraries: Any = getattr(ctypes, "windll", None)
    if libraries is not None:
        libraries.shcore.SetProcessDpiAwareness(PER_MONITOR_AWARE)
    return TkWindow(pressed, own_thread=True)
