"""What a channel is: parse what comes in, render what goes out, send it. Nothing of the CRM's rules.

A message is cut to what a channel can carry in `message_parts`, what was typed under its choices is read in
`offered_choices`.

Cards are the plain dicts of `crm.cards`, choices those of `crm.choices`, both after `choices.public`. A
channel without one of them sends the message's text, which is complete by itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

from aiohttp import web

from crm.deliveries import Report
from crm.inbox import Inbound, Stored

# Stores a message. Data that it understands: `album` (an id: pieces of one message), `start` (a link token),
# `command` (of the channel's menu, which says `channels.command.<name>.says` of the catalogue), `clicked` (a
# button was pressed whose words are the text), `proven_phone` (E.164, vouched for by the channel), `refused`
# (names of files that could not be taken).
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


class Moved(Exception):
    """The recipient's id on the channel is now `external_user`."""

    def __init__(self, external_user: str) -> None:
        super().__init__("moved")
        self.external_user = external_user


@dataclass(frozen=True)
class Caps:
    """A channel's published limits; `render` keeps every message within them.

    Lengths are what `measure` says of a text: code points, unless the channel counts otherwise.
    """

    text_max: int
    choices_max: int = 0  # buttons of one message; 0: none, a numbered list is printed instead
    label_max: int = 0
    cards: bool = False
    files: bool = False
    typing: bool = False
    seen: bool = False  # the channel reports what the customer has read
    links: bool = False  # a button may open an address
    file_max_bytes: int = 0  # of one file sent as such; 0: as large as we store
    messages_max: int = 0  # messages that one answer may take; 0: any number
    begins: bool = True  # may be written to at any time; False: only when the customer's provider asks
    measure: Callable[[str], int] = len


@dataclass(frozen=True)
class OutFile:
    """A file to send: `url` is a signed address, valid for a while."""

    name: str
    type: str
    size: int
    url: str
    description: str = ""
    token: str = ""  # for a channel that uploads the bytes itself


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
    more_url: str = ""  # where the whole conversation can be read, for a channel that carries only so much
    data: Mapping[str, Any] = field(default_factory=dict)  # `asks`: what it asks for (`phone`)


@dataclass(frozen=True)
class Wire:
    """One request to a provider. A message may render to several; each has its own key."""

    key: str
    to: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """Messages that are ours to deliver now, in order; nothing else delivers them. `taken` is for the ports
    alone. `more_url`: where the whole conversation can be read."""

    messages: tuple[Outbound, ...] = ()
    more_url: str = ""
    taken: Any = None


class Replies(Protocol):
    """For a channel that cannot begin and answers within its customer's request."""

    async def finished(self, stored: Stored, seconds: float) -> bool:
        """Wait until the bot has said all it will to a message; False when it has not after `seconds`."""

    async def take(self, inbound: Inbound, stored: Stored, by: str) -> Reply:
        """Everything that waits for whoever wrote, up to the answers to this message."""

    async def owe(self, stored: Stored, words: str) -> None:
        """Say what the channel demands (`channels.<words>` of the catalogue) in the conversation itself."""

    async def owner(self, stored: Stored) -> str:
        """Who speaks there: `bot` or `staff`."""

    async def give_back(self, reply: Reply) -> None:
        """It certainly did not arrive: it waits for the next way."""


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


@dataclass(frozen=True)
class Ports:
    """What a channel may ask of the rest of the program. It knows nothing of the CRM itself.

    `keep_file(inbound, name, data)` keeps a file of the sender and returns its token; it raises
    `crm.errors.Invalid` for what is not taken. `read_file(token)` gives a stored file's bytes. `edited` takes
    the message with its new text. `reachable(account, user, whether)` says that a customer blocked us or lets
    us write again, `moved(account, before, after)` that the channel gave them another id. `reported` takes a
    provider's word on what became of a message.
    """

    public_url: str
    read_file: Callable[[str], Awaitable[bytes]]
    keep_file: Callable[[Inbound, str, bytes], Awaitable[str]]
    edited: Callable[[Inbound], Awaitable[None]]
    reachable: Callable[[str, str, bool], Awaitable[None]]
    moved: Callable[[str, str, str], Awaitable[None]]
    reported: Callable[[Report], Awaitable[None]]
    replies: Replies | None = None  # there for channels that answer within the request
    # settings of every account of the channel, and what mailboxes ask (bots/mailroom.py)
    siblings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mailroom: Any = None


@runtime_checkable
class Account(Channel, Protocol):
    """One account of a channel that is set up: a bot's token, a mailbox, a sender number."""

    account: str  # its name in the settings, "" for the first
    exclusive: bool  # whether only one process may `run` at a time

    def routes(self, app: web.Application, receive: Receive) -> None:
        """Add the addresses at which the provider calls us, if it does."""

    async def check(self) -> str:
        """Prove the settings against the provider and say who we are there. Raises with what is wrong."""

    async def close(self) -> None:
        """Give connections back."""
