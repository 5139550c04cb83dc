"""What a channel is: parse what comes in, render what goes out, send it. Nothing of the CRM's rules.

Cards are the plain dicts of `crm.cards`, choices those of `crm.choices`, both after `choices.public`. A
channel without one of them sends the message's text, which is complete by itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

from crm.inbox import Inbound, Stored

Receive = Callable[[Inbound], Awaitable[Stored]]


class RetryLater(Exception):
    """The provider asks to wait `seconds` before the next attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry in {seconds:g} s")
        self.seconds = seconds


class Blocked(Exception):
    """The customer does not want to hear from us on this channel."""


class Undeliverable(Exception):
    """This message can never arrive; the reason is for staff."""


@dataclass(frozen=True)
class Caps:
    """A channel's published limits; `render` keeps every message within them. Lengths in code points."""

    text_max: int
    choices_max: int = 0
    label_max: int = 0
    cards: bool = False
    files: bool = False
    typing: bool = False
    seen: bool = False  # the channel reports what the customer has read


@dataclass(frozen=True)
class OutFile:
    """A file to send: `url` is a signed address, valid for a while."""

    name: str
    type: str
    size: int
    url: str
    description: str = ""


@dataclass(frozen=True)
class Outbound:
    """One message as the CRM wants it said."""

    key: str
    channel_account: str
    external_user: str
    text: str
    author: str  # bot, staff, system
    author_name: str = ""
    seq: int = 0
    in_reply_to: str | None = None
    lang: str = ""
    purpose: str = "reply"
    choices: Sequence[Mapping[str, Any]] = ()
    cards: Sequence[Mapping[str, Any]] = ()
    files: Sequence[OutFile] = ()
    at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wire:
    """One request to a provider. A message may render to several; each has its own key."""

    key: str
    to: str
    payload: Mapping[str, Any]


@runtime_checkable
class Channel(Protocol):
    """One way to talk to a contact."""

    name: ClassVar[str]
    caps: ClassVar[Caps]

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """Pure. None means 'not a message' (typing, receipt)."""

    def render(self, message: Outbound) -> list[Wire]:
        """Pure. What to send, in order, within `caps`."""

    async def run(self, receive: Receive) -> None:
        """Listen until cancelled. Acknowledge upstream only after `receive` returns: it has stored the
        message."""

    async def send(self, message: Wire) -> str:
        """Return the provider's id. Raise RetryLater(seconds), Blocked or Undeliverable(reason)."""
