"""Cutting a long text into pieces that a channel takes: at paragraphs, else lines, sentences, words. Pure."""

import re
import unicodedata
from collections.abc import Callable

Measure = Callable[[str], int]

# Where a piece may end, the best first. Each matches the gap between two pieces, which is white space only.
_GAPS = (
    re.compile(r"\s*\n\s*\n\s*"),
    re.compile(r"[^\S\n]*\n[^\S\n]*"),
    re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]?()\s+"),
    re.compile(r"\s+"),
)
_FULL_ENOUGH = 0.5  # of the room: a better gap is taken only when it does not leave the piece half empty
_JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)  # letters of which two make a flag


def split(text: str, limit: int, measure: Measure = len) -> list[str]:
    """Pieces of at most `limit` by `measure`, in order. Only white space between pieces is left out.

    `measure` may count characters or bytes; it must not shrink when a text grows.
    """
    if limit < 1:
        raise ValueError(f"limit {limit}")
    rest, pieces = text.strip(), []
    while measure(rest) > limit:
        piece, rest = _first(rest, limit, measure)
        pieces.append(piece)
    return [*pieces, rest] if rest else pieces


def head(text: str, limit: int, measure: Measure = len) -> str:
    """The longest beginning within `limit` that cuts no visible character in two; may be empty."""
    most = _fitting(text, limit, measure)
    end = most
    while 0 < end < len(text) and _joined(text, end):
        end -= 1
    return text[: end or most]


def utf16(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _first(text: str, limit: int, measure: Measure) -> tuple[str, str]:
    room = head(text, limit, measure)
    if not room:
        raise ValueError("a single character is longer than the limit")
    rest = text[len(room) :]
    window = room + rest[: len(rest) - len(rest.lstrip())]  # a gap that begins where the room ends counts
    for pattern in _GAPS:
        gaps = [m for m in pattern.finditer(window) if m.start(m.lastindex or 0) > 0]
        if gaps and gaps[-1].start() >= len(room) * _FULL_ENOUGH:
            return _at(text, gaps[-1])
    gaps = [m for m in _GAPS[-1].finditer(window) if m.start() > 0]
    return _at(text, gaps[-1]) if gaps else (room, text[len(room) :])


def _at(text: str, gap: re.Match[str]) -> tuple[str, str]:
    start = gap.start(gap.lastindex) if gap.lastindex else gap.start()
    return text[:start].rstrip(), text[gap.end() :].lstrip()


def _fitting(text: str, limit: int, measure: Measure) -> int:
    """How many code points of the beginning fit."""
    low, high = 0, min(len(text), max(limit, 0))
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _joined(text: str, at: int) -> bool:
    """Whether the code points around `at` make one visible character."""
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff":  # skin tones; inner jamo
        return True
    return ord(before) in _REGIONAL and ord(after) in _REGIONAL
