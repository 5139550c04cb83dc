"""Regular expressions for what must stay whole: numbers of ours, phones, e-mails, links, amounts.

One alternation finds all of them (`protected`), so the tokenizer and the entity extractor agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# The prefixes of our numbers (SR-2026-000123) and the entity each becomes.
NUMBER_ENTITIES = {"SR": "request_no", "Q": "quote_no", "O": "order_no", "C": "contract_no"}

_KOREAN_NUMBER = "일이삼사오육륙칠팔구"
# What is read is kept (`*+`), and nothing begins within a number: forty digits would take for ever.
_DIGITS = r"(?<!\d)(?<!\d,)\d[\d,]*+(?:\.\d++)?"
_WON = (
    rf"(?:{_DIGITS}\s?(?:억|천만|백만|십만|만|천|백)?\s?){{1,8}}+(?:원|₩)(?!룸|피스|래)"
    rf"|(?<![가-힣])(?:[{_KOREAN_NUMBER}십백천만억]\s?){{0,20}}[십백천만억]\s?원(?!룸|피스|래)"
    rf"|{_DIGITS}\s?(?:억|천만|백만|십만|만)(?=\s|$|[.,?!]|이[에하]|정도|까지)"
)
_MONEY = (
    r"(?:[₩￦$€£]|\b(?:krw|usd|us\$))\s?\d[\d,]*(?:\.\d+)?(?:\s?(?:million|k)\b)?"
    rf"|{_DIGITS}\s?(?:k\s)?(?:won|krw|dollars?|bucks|usd|euros?|달러|유로|엔)(?![a-z])"
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("url", r"(?:https?://|www\.)[^\s<>\"'가-힣]+"),
    ("email", r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
    ("number", r"(?<![A-Za-z0-9])(?:SR|INV|Q|O|C|A)\s?[-_]\s?\d{4}\s?[-_]\s?\d{1,7}(?!\d)"),
    (
        "phone",
        r"(?<![\dA-Za-z])(?:\+82[ -]?(?:\(0\))?0?|0)1[016789][ .-]?\d{3,4}[ .-]?\d{4}(?!\d)"
        r"|(?<![\dA-Za-z])(?:\+82[ -]?|0)(?:2|[3-6]\d|70|50\d?)[ .)-]{1,2}\d{3,4}[ .-]\d{4}(?!\d)"
        r"|(?<![\dA-Za-z])(?:02|0[3-6]\d|070|0505)\d{7,8}(?!\d)"
        r"|(?<![\dA-Za-z-])(?:080-\d{3,4}|1[5-9]\d{2})-\d{4}(?![\d-])"
        r"|(?<![\dA-Za-z])\+\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){2,4}\d{2,4}(?!\d)"
        r"|(?<![\dA-Za-z])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?!\d)",
    ),
    ("day", r"(?<!\d)(?:19|20)\d{2}(?:[-/]\d{1,2}[-/]\d{1,2}|\.\s?\d{1,2}\.\s?\d{1,2})(?![\d-])"),
    ("clock", r"(?<![\d:])\d{1,2}:\d{2}(?:\s?[ap]\.?m\b\.?)?(?![\d:])|(?<!\d)\d{1,2}\s?[ap]\.?m\b\.?"),
    ("amount", f"{_WON}|{_MONEY}"),
    ("id", r"(?<![A-Za-z0-9])[A-Za-z]{1,8}(?:[-_]?\d[A-Za-z0-9]*)(?:[-_][A-Za-z0-9]+)*(?![A-Za-z0-9])"),
    ("id", r"(?<![A-Za-z0-9])\d{2,}[-_]\d{3,}(?:[-_]\d+)*(?![A-Za-z0-9])"),
)
_PROTECTED = re.compile("|".join(f"({pattern})" for _, pattern in _PATTERNS), re.IGNORECASE)
_HINT = re.compile(r"[\d@₩￦$€£원]|://|www", re.IGNORECASE)


class Protected(NamedTuple):
    """A span that is one token whatever the tokenizer thinks of it."""

    kind: str
    start: int
    end: int


def protected(text: str) -> Iterator[Protected]:
    """Protected spans of `text` from left to right, never overlapping; the earlier pattern wins."""
    if not _HINT.search(text):
        return
    for match in _PROTECTED.finditer(text):
        start, end = match.span()
        while end > start and (text[end - 1].isspace() or text[end - 1] in ",."):
            end -= 1
        yield Protected(_PATTERNS[(match.lastindex or 1) - 1][0], start, end)


def number_entity(text: str) -> str | None:
    """The entity that one of our own numbers is, by its prefix; None for the prefixes without one."""
    return NUMBER_ENTITIES.get(re.split(r"[\s_-]", text.upper(), maxsplit=1)[0])
