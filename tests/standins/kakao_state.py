"""What Kakao's platform remembers in the stand-in: rooms, callback addresses, pictures, faults, the log."""

import asyncio
import re
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

SKILL_SECONDS = 5.0
CALLBACK_SECONDS = 60.0
LOG_KEPT = 5000
_NUMBER = re.compile(r"01[016789][- ]?\d{3,4}[- ]?\d{4}")


@dataclass
class Fault:
    """What goes wrong, `times` times. hang_up: we leave after `seconds`; callback_500, callback_fail,
    callback_reset (it is shown, our answer is lost), callback_drop (it is not shown, the connection ends)."""

    kind: str
    times: int = 1
    seconds: float = 0.0


@dataclass
class Callback:
    """An address that takes one answer within its time, once the skill has asked for it."""

    user: str
    ends: float
    open: bool = False
    used: bool = False


@dataclass
class Room:
    """One person's room with the channel, as their phone shows it."""

    user: str
    items: list[dict[str, Any]] = field(default_factory=list)
    phones: set[str] = field(default_factory=set)
    last_block: bool = False

    def add(self, by: str, **shown: Any) -> dict[str, Any]:
        """`by`: me, bot, alimtalk, error."""
        item = {"seq": len(self.items) + 1, "by": by, "at": time.time(), **shown}
        self.items.append(item)
        return item

    def own(self, text: str) -> None:
        """A number that somebody writes is taken for that of their phone."""
        self.phones |= {digits(found) for found in _NUMBER.findall(text)}


def digits(number: str) -> str:
    """A Korean number as 010…, however it was written."""
    bare = "".join(letter for letter in number if letter.isdigit())
    return "0" + bare.removeprefix("82") if bare.startswith("82") else bare


class World:
    """Everything the stand-in knows."""

    def __init__(self, skill: str, *, callbacks: bool = True) -> None:
        self.skill = skill
        self.callbacks = callbacks  # of the block: whether requests carry a callback address
        self.url = ""
        self.rooms: dict[str, Room] = {}
        self.tokens: dict[str, Callback] = {}
        self.media: dict[str, tuple[bytes, str]] = {}
        self.faults: list[Fault] = []
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_KEPT)
        self.skill_seconds = SKILL_SECONDS
        self.callback_seconds = CALLBACK_SECONDS
        self.news = asyncio.Condition()

    def room(self, user: str) -> Room:
        return self.rooms.setdefault(user, Room(user))

    def fault(self, kind: str) -> Fault | None:
        """The next fault of a kind, used up by asking."""
        found = next((one for one in self.faults if one.kind == kind and one.times > 0), None)
        if found:
            found.times -= 1
        return found

    def keep(self, content: bytes, kind: str) -> str:
        """The address of a picture."""
        name = secrets.token_urlsafe(12)
        self.media[name] = content, kind
        return f"{self.url}/media/{name}"

    def callback(self, user: str) -> str:
        token = secrets.token_urlsafe(18)
        self.tokens[token] = Callback(user, time.monotonic() + self.callback_seconds)
        return token

    async def tell(self) -> None:
        """Wake the phones that look."""
        async with self.news:
            self.news.notify_all()
