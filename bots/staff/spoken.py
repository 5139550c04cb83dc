"""Commands that staff type, in Korean and English, whatever the face: the first word says which. Pure."""

import re
import unicodedata
from dataclasses import dataclass

# The first word of what is typed, by command; the first of each language is the one that help shows.
WORDS: dict[str, tuple[str, ...]] = {
    "find": ("find", "search", "찾기", "찾아", "찾아줘", "검색"),
    "mine": ("mine", "my", "내업무", "내"),
    "request": ("request", "requests", "접수"),
    "reply": ("reply", "답장", "답변"),
    "note": ("note", "memo", "메모"),
    "help": ("help", "도움말", "도움", "?"),
}
SHOWN = {
    "ko": {
        "find": "찾기", "mine": "내", "request": "접수", "reply": "답장", "note": "메모", "help": "도움말",
    },
    "en": {name: name for name in WORDS},
}  # fmt: skip
_BY_WORD = {word: name for name, words in WORDS.items() for word in words}
_FIRST = re.compile(r"\s*(\S+)[^\S\n]*(?:\n)?(.*)", re.S)
_TARGET = re.compile(r"\s*(#\d{1,18}|SR-?\d{4}-?\d{1,9}|\d{4}-\d{1,9})(?:\s+|$)(.*)", re.S | re.I)


@dataclass(frozen=True)
class Spoken:
    """A command and what follows its word."""

    name: str
    rest: str = ""


def read(text: str) -> Spoken | None:
    """The command that a text begins with; None when its first word is none."""
    found = _FIRST.match(text)
    if found is None:
        return None
    word = unicodedata.normalize("NFC", found[1]).casefold().rstrip(":：")
    name = _BY_WORD.get(word or found[1])
    return Spoken(name, found[2].strip()) if name else None


def target(rest: str) -> tuple[str, str]:
    """Whom `reply` and `note` are for, `#12` or a request number, and the text; "" when nobody is named."""
    found = _TARGET.match(rest)
    return (found[1], found[2].strip()) if found else ("", rest.strip())
