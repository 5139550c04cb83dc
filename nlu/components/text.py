"""Unicode plumbing: composed text with exact offsets, jamo, and the chat normaliser.

Everything here is pure. What changes the text (`normalise`) feeds features only; entity offsets
always count code points of the text as it was received.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

# A conjoining-jamo syllable, or a character with its combining marks.
_CLUSTER = re.compile(
    r"[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6]?[\u11a8-\u11ff\ud7cb-\ud7fb]?"
    r"|.[\u0300-\u036f\u3099\u309a]*",
    re.DOTALL,
)


class Composed:
    """A text in NFC, and the way back from its offsets to those of the original."""

    __slots__ = ("_ends", "_starts", "original", "text")

    def __init__(self, original: str) -> None:
        self.original = original
        self.text = original
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        if not unicodedata.is_normalized("NFC", original):
            self._compose()

    def _compose(self) -> None:
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for cluster in _CLUSTER.finditer(self.original):
            piece = unicodedata.normalize("NFC", cluster.group())
            pieces.append(piece)
            starts += [cluster.start()] * len(piece)
            ends += [cluster.end()] * len(piece)
        self.text, self._starts, self._ends = "".join(pieces), starts, ends

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original of the half-open span `start:end` of the composed text."""
        if self._starts is None or self._ends is None or end <= start:
            return start, end
        return self._starts[start], self._ends[end - 1]


_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3


def split_syllable(syllable: str) -> tuple[int, int, int] | None:
    """Indices of lead, vowel and final of a Hangul syllable; None for any other character."""
    code = ord(syllable)
    if not _FIRST <= code <= _LAST:
        return None
    code -= _FIRST
    return code // 588, code % 588 // 28, code % 28


def join_syllable(lead: int, vowel: int, final: int) -> str:
    """The syllable of three indices, as `split_syllable` gives them."""
    return chr(_FIRST + lead * 588 + vowel * 28 + final)


@lru_cache(maxsize=20000)
def _jamo_of(char: str) -> str:
    parts = split_syllable(char)
    return char if parts is None else _LEADS[parts[0]] + _VOWELS[parts[1]] + _FINALS[parts[2]]


def jamo(text: str) -> str:
    """Compatibility jamo of every syllable ('물이' -> 'ㅁㅜㄹㅇㅣ'); other characters unchanged."""
    return "".join(map(_jamo_of, text))


# Letters that thumbs take for one another, as one: tense and aspirated leads, neighbouring vowels.
_LEAD_CLASS = dict(zip("ㄲㅋㄸㅌㅃㅍㅆㅉㅊ", "ㄱㄱㄷㄷㅂㅂㅅㅈㅈ", strict=True))
_VOWEL_CLASS = dict(zip("ㅔㅖㅐㅒㅓㅜㅠㅡㅚㅙㅞ", "ㅐㅐㅐㅐㅏㅗㅗㅣㅙㅙㅙ", strict=True))


@lru_cache(maxsize=20000)
def _bare_of(char: str) -> str:
    parts = split_syllable(char)
    if parts is None:
        return char
    lead, vowel = _LEADS[parts[0]], _VOWELS[parts[1]]
    lead, vowel = _LEAD_CLASS.get(lead, lead), _VOWEL_CLASS.get(vowel, vowel)
    return join_syllable(_LEADS.index(lead), _VOWELS.index(vowel), 0)


def bare(text: str) -> str:
    """Syllables without finals, letters easily mistaken made one ('했어요' and '헤써요' -> '해사요')."""
    return "".join(map(_bare_of, text))


def without_finals(word: str) -> str:
    """Syllables without their finals ('접수' -> '저수')."""
    return "".join(
        char if (parts := split_syllable(char)) is None else join_syllable(*parts[:2], 0) for char in word
    )


# What people type with consonants alone on a phone keyboard, as whole words.
_SHORTHAND_LIST = """
    ㄱㅅ 감사 ㄳ 감사 ㄱㅅㄱㅅ 감사 ㅇㅇ 응 ㅇ 응 ㅇㅋ 오케이 ㅇㅋㅇㅋ 오케이 ㅇㅇㅋ 오케이
    ㄴㄴ 아니 ㄴ 아니 ㄴㄴㄴ 아니 ㅎㅇ 안녕 ㅎㅇㅎㅇ 안녕 ㅂㅂ 잘가 ㅂㅇ 잘가 ㅃㅃ 잘가
    ㅅㄱ 수고 ㅅㄱㅇ 수고 ㅈㅅ 죄송 ㅁㄹ 몰라 ㄱㄷ 기다려 ㄱㄱ 진행 ㄱㄱㄱ 진행 ㅊㅋ 축하
    ㅇㄷ 어디 ㅁㅎ 뭐해 ㄹㅇ 진짜 ㅇㅎ 아하 ㅇㄴ 아니 ㄷㅊ 닥쳐 ㄱㄴ 가능 ㅂㄱㄴ 불가능
    ㅇㅈ 인정 ㅎㄷㄷ 놀람
"""
_PAIRS = _SHORTHAND_LIST.split()
SHORTHAND = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))

_LAUGH = re.compile(r"[ㅋㅎ]{2,}|[ㅠㅜ]{1,}|[ㅡ]{2,}|(?<=[가-힣])[ㅋㅎ]+(?![ㄱ-ㅎ])")
_DRAWL = re.compile(r"(?<=요)[용욤염영여요]+(?=\W*$)|(?<=[어아해세네게져려데])[용욤염영](?=\W*$)")
_REPEAT = re.compile(r"([^\W\d])\1{2,}")
_PUNCT = re.compile(r"([!?.~,^*…])(?:\s*\1)+")
_JAMO_WORD = re.compile(r"(?<![ㄱ-ㅎ가-힣])([ㄱ-ㅎ]{1,6})(?![ㄱ-ㅎ가-힣])")
_SPACES = re.compile(r"\s+")
_NOT = re.compile(r"\b(do|does|did|is|was|are|were|ca|could|wo|would|should|have|has|had)nt\b")
_BE = re.compile(r"\b(i)(m|ve)\b|\b(you|they)(re|ve)\b|\b(that|what|where|who|here|there)(s)\b")
"""English as thumbs write it, without the apostrophe ('wont start')."""


def _plain_ending(match: re.Match[str]) -> str:
    """'했어용' -> '했어요', '해요용' -> '해요'."""
    return "" if match.string[match.start() - 1] == "요" else "요"


def _with_apostrophe(match: re.Match[str]) -> str:
    word, rest = (part for part in match.groups() if part)
    return f"{word}'{rest}"


def _expand(match: re.Match[str]) -> str:
    return SHORTHAND.get(match.group(1), match.group(1))


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Chat text as features see it: full-width folded, laughter and tears cut, shorthand spelt out.

    'ㅋㅋㅋ ㄱㅅ합니다아아아!!!' -> '감사합니다아!'. Idempotent enough for features; never for offsets.
    """
    text = unicodedata.normalize("NFKC", text) if not text.isascii() else text
    # NFKC turns compatibility jamo into conjoining ones; bring lone jamo back.
    text = "".join(map(_compatible, text)) if not text.isascii() else text
    text = _LAUGH.sub(" ", text.lower().replace("\u2019", "'"))
    text = _BE.sub(_with_apostrophe, _NOT.sub(r"\1n't", text))
    text = _REPEAT.sub(r"\1\1" if text.isascii() else r"\1", text)
    text = _PUNCT.sub(r"\1", text)
    text = _DRAWL.sub(_plain_ending, text)
    text = _JAMO_WORD.sub(_expand, text)
    return _SPACES.sub(" ", text).strip()


def _conjoining() -> dict[str, str]:
    pairs: dict[str, str] = {}
    for jamo_char in map(chr, range(0x3131, 0x3164)):
        pairs.setdefault(unicodedata.normalize("NFKC", jamo_char), jamo_char)
    return pairs


_COMPATIBLE = _conjoining()


def _compatible(char: str) -> str:
    return _COMPATIBLE.get(char, char)


def words(text: str) -> list[str]:
    """Whitespace-separated words of a normalised text."""
    return text.split()


PAIRED = "\x1f"
"""What joins the two words of a pair: a character no token holds."""


def bigrams(tokens: list[str]) -> list[str]:
    """Neighbouring pairs."""
    return [f"{a}{PAIRED}{b}" for a, b in pairwise(tokens)]
