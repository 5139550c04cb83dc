"""What goes over beside picture and input, each by a consent of its own: copied text, and files."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from media.assist import acts, downloads
from media.assist.consent import Consent, What
from media.assist.hands import Stopped
from media.assist.platforms import Window

Frame = Mapping[str, Any]


class Sharing:
    """`tell` sends a frame to staff, `note` writes a line of the log, `fetch` gets a file of ours."""

    def __init__(
        self,
        consent: Consent,
        window: Window,
        *,
        tell: Callable[[Frame], None],
        note: Callable[[str, Frame], None],
        fetch: Callable[[str, int], Awaitable[bytes]],
    ) -> None:
        self._consent, self._window = consent, window
        self._tell, self._note, self._fetch = tell, note, fetch
        self.offered: Frame = {}  # the file that the customer is asked about

    async def clipboard(self, act: acts.SetClipboard | acts.GetClipboard) -> None:
        """Set or send the copied text. Raises `Stopped` while that is not allowed."""
        self._check()
        if isinstance(act, acts.SetClipboard):
            self._window.set_clipboard(act.text)
            self._note("clipboard", {"way": "in", "length": len(act.text)})
            self._tell({"t": "copied", "length": len(act.text)})
            return
        text = await asyncio.get_running_loop().run_in_executor(None, self._window.get_clipboard)
        self._check()  # it may have been taken back meanwhile
        text = text.encode("utf-8", "replace").decode()
        self._tell({"t": "clip", "s": text[: acts.CLIPBOARD_MAX], "length": len(text)})
        self._note("clipboard", {"way": "out", "length": min(len(text), acts.CLIPBOARD_MAX)})

    async def receive(self, offer: Frame) -> str:
        """Fetch and save a file that the customer accepted; its name there, "" when that failed."""
        try:
            saved = await downloads.receive(offer, self._fetch)
        except (OSError, ValueError) as fault:
            why = str(fault) if isinstance(fault, ValueError) else type(fault).__name__
            self._note("file_failed", {"name": offer["name"], "size": offer["size"]})
            self._tell({"t": "file", "name": offer["name"], "saved": False, "why": why[:200]})
            return ""
        self._note("file", {"name": saved.name, "size": saved.size, "sha256": saved.sha256})
        self._tell({"t": "file", "name": saved.name, "saved": True})
        return saved.name

    def _check(self) -> None:
        if not (self._consent.allows(What.CONTROL) and self._consent.allows(What.CLIPBOARD)):
            raise Stopped
