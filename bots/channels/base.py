"""What a channel is: parse what comes in, render what goes out, send it. Nothing of the CRM's rules.

`parts` is the one place where a message is cut to what a channel can carry; a channel dresses the parts in
its own wire format, or takes `render` as it is.

Cards are the plain dicts of `crm.cards`, choices those of `crm.choices`, both after `choices.public`. A
channel without one of them sends the message's text, which is complete by itself.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

from aiohttp import web

from bots import splitting
from bots.web import i18n
from crm import choices as pressing
from crm.deliveries import Report
from crm.inbox import Inbound, Stored

# Stores a message. Data that it understands: `album` (an id: pieces of one message), `start` (a link token),
# `clicked` (a button was pressed whose words are the text), `proven_phone` (E.164, vouched for by the
# channel), `refused` (names of files that could not be taken).
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
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wire:
    """One request to a provider. A message may render to several; each has its own key."""

    key: str
    to: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Button:
    """Something to press: a choice's token, or an address to open."""

    label: str
    value: str = ""
    url: str = ""


@dataclass(frozen=True)
class Part:
    """One message of a channel: a text within its limit, buttons below it, or one file with its caption."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    file: OutFile | None = None


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


# --- cutting a message to what a channel can carry


def parts(message: Outbound, caps: Caps, *, offset: int = 0) -> list[Part]:
    """The message as this channel carries it, in order. Pure; nothing of the text is lost.

    Files come first, the text after them, buttons under the last text. `offset` is where the choices begin:
    those that did not fit are behind 'more' (`read_more`). Raises `Undeliverable` when the text needs more
    messages than the channel takes and there is no `more_url` to go on at.
    """
    sendable = [file for file in message.files if _fits(file, caps)]
    linked = [file for file in message.files if file not in sendable]
    buttons, listed = _buttons(message, caps, offset)
    links, addresses = _links(message, caps)
    room = caps.choices_max - len(buttons)
    buttons, addresses = [*buttons, *links[:room]], [*addresses, *(link.url for link in links[room:])]
    tail = [*addresses, *(f"{file.name}: {file.url}" for file in linked)]
    body = "\n\n".join(block for block in (spoken(message, caps), listed, "\n".join(tail)) if block)
    if buttons and not body:
        body = i18n.t(_lang(message), "channels.choose")
    texts = [Part(text=text) for text in splitting.split(body, caps.text_max, caps.measure)]
    files = [Part(file=file) for file in sendable]
    texts = _shortened(texts, message, caps, len(files))
    if buttons and texts:
        texts[-1] = Part(text=texts[-1].text, buttons=tuple(buttons))
    return [*files, *texts]


def render(message: Outbound, caps: Caps) -> list[Wire]:
    """`parts` as plain wires: `text`, `buttons` (label and value or url) and `file` (or None)."""
    cut = parts(message, caps)
    return [
        Wire(
            key=message.key if len(cut) == 1 else f"{message.key}.{number}",
            to=message.external_user,
            payload={
                "text": part.text,
                "buttons": [
                    {"label": b.label, "url": b.url} if b.url else {"label": b.label, "value": b.value}
                    for b in part.buttons
                ],
                "file": part.file,
            },
        )
        for number, part in enumerate(cut, 1)
    ]


def spoken(message: Outbound, caps: Caps) -> str:
    """The text; where cards are not shown, with the summary before its last words, which ask about it."""
    summaries = [] if caps.cards else [card for card in message.cards if card.get("type") == "summary"]
    facts = [fact for card in summaries for fact in card.get("facts", ()) if fact.get("value")]
    lines = "\n".join(f"{fact['label']}: {fact['value']}" for fact in facts)
    before, _, last = message.text.strip().rpartition("\n\n")
    return "\n\n".join(block for block in (before, lines, last) if block)


def offered(
    choices: Sequence[Mapping[str, Any]], cards: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """All that can be pressed under a message, in the order in which it is numbered."""
    return [
        item for item in pressing.pressables(choices, cards) if item.get("value") and not item.get("disabled")
    ]


def numbered(items: Sequence[Mapping[str, Any]], caps: Caps) -> bool:
    """Whether the text lists these choices by number: no buttons there, or a label too long for one."""
    return not caps.choices_max or any(caps.measure(pressing.said(item)) > caps.label_max for item in items)


_ENCLOSED = {chr(0x2460 + n): n + 1 for n in range(20)}
_NUMBER = re.compile(r"#?\s*(\d{1,3})\s*(?:번|[.)])?\s*(?:이요|요|으로요|으로)?[.!~]*")


def read_choice(text: str, items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The choice that a typed text means: its number ('2', '2번', '②') or its words; None when it is none."""
    said = unicodedata.normalize("NFC", text).strip()
    number = _ENCLOSED.get(said)
    if number is None:
        matched = _NUMBER.fullmatch(unicodedata.normalize("NFKC", said))
        number = int(matched[1]) if matched else None
    if number is not None and 1 <= number <= len(items):
        return items[number - 1]
    words = said.casefold()
    by_words = (i for i in items if words in (pressing.said(i).casefold(), pressing.label(i).casefold()))
    return next(by_words, None) if words else None


_MORE = re.compile(r"more\.(\d{1,18})\.(\d{1,6})")


def more_value(seq: int, offset: int) -> str:
    """The token of 'more': the choices of message `seq` from the `offset`-th on."""
    return f"more.{seq}.{offset}"


def read_more(value: str) -> tuple[int, int] | None:
    """The message number and offset of a 'more' token; None for another choice."""
    matched = _MORE.fullmatch(value)
    return (int(matched[1]), int(matched[2])) if matched else None


def _lang(message: Outbound) -> str:
    return message.lang if message.lang in i18n.LANGUAGES else "ko"


def _fits(file: OutFile, caps: Caps) -> bool:
    return caps.files and (not caps.file_max_bytes or file.size <= caps.file_max_bytes)


def _buttons(message: Outbound, caps: Caps, offset: int) -> tuple[list[Button], str]:
    """Buttons, and what is printed in the text instead of them or because a label is too long for one."""
    items = offered(message.choices, message.cards)
    if not items:
        return [], ""
    prints = numbered(items, caps)
    lines = [f"{n}. {pressing.said(item)}" for n, item in enumerate(items, 1)] if prints else []
    if not caps.choices_max:
        return [], "\n".join(lines)
    shown, rest = items[offset:], False
    if len(shown) > caps.choices_max:
        shown, rest = shown[: caps.choices_max - 1], True
    buttons = [
        Button(_label(item, number if prints else 0, caps), value=str(item["value"]))
        for number, item in enumerate(shown, offset + 1)
    ]
    if rest:
        label = _cut(i18n.t(_lang(message), "channels.more"), caps)
        buttons.append(Button(label, value=more_value(message.seq, offset + len(shown))))
    return buttons, "\n".join(lines[offset : offset + len(shown)])


def _label(item: Mapping[str, Any], number: int, caps: Caps) -> str:
    return _cut(f"{number}. {pressing.said(item)}" if number else pressing.said(item), caps)


def _cut(label: str, caps: Caps) -> str:
    """A label within the limit; what is cut off stands in the text."""
    if caps.measure(label) <= caps.label_max:
        return label
    return splitting.head(label, caps.label_max - caps.measure("…"), caps.measure).rstrip() + "…"


def _links(message: Outbound, caps: Caps) -> tuple[list[Button], list[str]]:
    """Addresses that cards name: as buttons where the channel has such, else for the text, unless there."""
    cards = [card for card in message.cards if card.get("url")]
    if caps.cards:
        return [], []
    if caps.links and caps.choices_max:
        words = i18n.t(_lang(message), "channels.open")
        return [
            Button(_cut(str(card.get("title") or words), caps), url=str(card["url"])) for card in cards
        ], []
    return [], [str(card["url"]) for card in cards if str(card["url"]) not in message.text]


def _shortened(texts: list[Part], message: Outbound, caps: Caps, files: int) -> list[Part]:
    """At most as many messages as the channel takes; the last then says where to read on."""
    most = caps.messages_max - files
    if not caps.messages_max or len(texts) <= most:
        return texts
    if not message.more_url or most < 1:
        raise Undeliverable("too_long")
    way = "\n\n" + i18n.t(_lang(message), "channels.read_on", url=message.more_url)
    room = caps.text_max - caps.measure(way)
    if room < 1:
        raise Undeliverable("too_long")
    last = splitting.split(texts[most - 1].text, room, caps.measure)[0]
    return [*texts[: most - 1], Part(text=last + way)]
