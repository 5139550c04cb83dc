"""A message cut to what a channel can carry. Pure.

`parts` is the one place for it; a channel dresses the parts in its own wire format, or takes `render`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bots import splitting
from bots.channels.base import Caps, Outbound, OutFile, Undeliverable, Wire
from bots.channels.offered_choices import more_value, numbered, offered
from bots.web import i18n
from crm import choices as pressing


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
