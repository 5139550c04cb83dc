"""What staff send over the data channels: applied, or refused with the reason. Everything needs control."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from media.assist import acts, downloads
from media.assist.consent import Consent, What
from media.assist.hands import Stopped
from media.assist.sharing import Sharing
from media.assist.written import written

Frame = Mapping[str, Any]
# What is held is let go when staff's page says nothing for so long; while it holds something it speaks every
# 2 s.
HELD_FOR: Final = timedelta(seconds=6)


class Hand(Protocol):
    """What applies input."""

    @property
    def holds(self) -> bool: ...

    async def apply(self, act: acts.Act) -> None: ...

    def let_go(self) -> None: ...


class Inputs:
    """`tell` sends a frame to staff, `note` writes a line of the log, `ask` puts a question to the customer,
    `done` hears that something was done which will change the screen."""

    def __init__(
        self,
        consent: Consent,
        sharing: Sharing,
        *,
        tell: Callable[[Frame], None],
        note: Callable[[str, Frame], None],
        ask: Callable[[What, str, Frame | None], None],
        done: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._consent, self._sharing = consent, sharing
        self._tell, self._note, self._ask, self._done, self._now = tell, note, ask, done, now
        self._hands: Hand | None = None
        self._moves = 0
        self._heard_at: datetime | None = None

    def equip(self, hands: Hand) -> None:
        """Give it hands."""
        self._hands = hands

    def let_go(self) -> None:
        """Release whatever is held. May be called from another thread."""
        if self._hands:
            self._hands.let_go()

    def tick(self) -> None:
        """Once a second: what is held by nobody is let go, and moves are written down."""
        silent = self._heard_at is None or self._now() - self._heard_at > HELD_FOR
        if self._hands is not None and self._hands.holds and silent:
            self._hands.let_go()
        self._note_moves()

    async def take(self, text: str) -> None:
        """A frame of the channel `control` or `moves`, in order. Whatever it holds, it is applied or
        refused."""
        self._heard_at = self._now()
        frame = _frame(text)
        number = frame.get("n")
        number = number if isinstance(number, int) else None
        try:
            if frame.get("t") == "ask":
                self._asked(frame)
            else:
                await self._act(acts.read(frame), number)
        except acts.BadAct as fault:
            self._tell({"t": "refused", "n": number, "why": str(fault)})
        except Stopped:
            self._tell({"t": "refused", "n": number, "why": "not_allowed"})

    def _asked(self, frame: Frame) -> None:
        if not self._consent.allows(What.CONTROL):
            raise Stopped
        match frame.get("what"):
            case "clipboard":
                self._ask(What.CLIPBOARD, "", None)
            case "file":
                offer = downloads.offer(frame)
                self._ask(What.FILE, str(offer["name"]), offer)
            case _:
                raise acts.BadAct("what")

    async def _act(self, act: acts.Act, number: int | None) -> None:
        if not self._consent.allows(What.CONTROL) or self._hands is None:
            raise Stopped
        if isinstance(act, acts.Still):
            return
        if isinstance(act, acts.SetClipboard | acts.GetClipboard):
            await self._sharing.clipboard(act)
            return
        await self._hands.apply(act)
        if isinstance(act, acts.Move):
            self._moves += 1
            return
        self._done()
        self._tell({"t": "applied", "n": number})
        self._note_moves()
        self._note(*written(act))

    def _note_moves(self) -> None:
        if self._moves:
            count, self._moves = self._moves, 0
            self._note("moved", {"count": count})


def _frame(text: str) -> Frame:
    """What came, as far as it is an object; an empty one is refused like any without a kind."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
