"""What can be pressed under a message, and which of it a typed text means. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from bots.channels.base import Caps
from crm import choices as pressing


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
