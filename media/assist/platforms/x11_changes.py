"""Whether anything moved on an X11 screen since the last look: asked of the server (DAMAGE extension), which
is far cheaper than taking a picture and comparing."""

import time
from typing import Any, Final

from Xlib import display, error
from Xlib.ext import damage

# A picture is taken all the same after so long: drivers exist that draw past the extension.
TRUST_SECONDS: Final = 1.0


class Changes:
    """A connection of its own; for one thread alone. Raises `OSError` where the extension is missing."""

    def __init__(self) -> None:
        self._display: Any = display.Display()
        if not self._display.has_extension("DAMAGE"):
            self._display.close()
            raise OSError("DAMAGE")
        self._display.damage_query_version()
        self._root = self._display.screen().root
        self._damage = self._root.damage_create(damage.DamageReportNonEmpty)
        self._mouse = (-1, -1)
        self._damaged = True
        self._looked = float("-inf")

    def peek(self) -> bool:
        """Whether something was drawn since `any` said so last."""
        self._display.sync()
        self._drain()
        return self._damaged

    def any(self) -> bool:
        """Whether a look is worth it now."""
        mouse = self._root.query_pointer()  # its answer brings what the server has told so far
        at, now = (mouse.root_x, mouse.root_y), time.monotonic()
        self._drain()
        if not self._damaged and at == self._mouse and now - self._looked < TRUST_SECONDS:
            return False
        if self._damaged:  # from now on tell again; before the picture is taken, so that nothing is missed
            self._display.damage_subtract(self._damage)
            self._display.sync()
        self._damaged, self._mouse, self._looked = False, at, now
        return True

    def close(self) -> None:
        try:
            self._display.close()
        except error.ConnectionClosedError:
            return

    def _drain(self) -> None:
        while self._display.pending_events():
            self._damaged |= self._display.next_event().type == self._display.extension_event.DamageNotify
