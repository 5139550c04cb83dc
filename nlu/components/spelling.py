"""Spaces and spelling put right for features, by the words of the training data.

A word that is known stays as it is. Any other is read as the cheapest row of words: known ones, what thumbs
may have made of them (`channel`), particles, and stretches that are left as they stand. So run-together,
mistyped and clipped words come back ('저수기겨적' -> '정수기 견적', 'putme on' -> 'put me on').
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import NamedTuple

from nlu.components.analyses import recalled
from nlu.components.channel import Lexicon, coarse
from nlu.components.kiwi import kiwi, pieces
from nlu.components.text import normalise

_HANGUL = re.compile(r"[가-힣]")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[가-힣]+")
_ENDINGS = ("s", "es", "'s", "ed", "d", "ing", "er", "ers", "ly", "n't")
_PARTICLE_LIST = """
    은 는 이 가 을 를 에 의 도 와 과 랑 이랑 로 으로 에서 에게 한테 께 부터 까지 만 나 이나
    요 이요 예요 이에요 인데 입니다 인가요 님 들 하고 보다 처럼 마다
    에는 에도 에서는 에서도 로는 로도 한테는 이고 이면 이라 라서 이라서
    할 한 하는 해 해서 해요 하면 했어요 합니다 할게요 하려고 해주세요 했는데 하게 하기
    되는 된 돼요 되나요 됐어요
"""
_PARTICLES = frozenset(_PARTICLE_LIST.split())
_RUN_TOGETHER = 6
"""Syllables in a row that are more likely several words than one."""
_LEFT = {False: (6.0, 4.5), True: (8.0, 1.5)}
"""What a Korean or an English word costs that is left as it stands: itself, and each of its letters."""
_NO_SPACE = 1.5
"""A space left out."""
_PARTICLE = 2.0
"""A particle or an ending behind a known word."""
_LONGEST = 40
"""Syllables decoded at once; a longer word is an essay."""


@lru_cache(maxsize=4096)
def spaced(text: str) -> str:
    """A normalised text with the spaces that Kiwi would set, where words are run together."""
    if not any(len(word) >= _RUN_TOGETHER and _HANGUL.search(word) for word in text.split()):
        return text
    return recalled("spaced", text, lambda words: str(kiwi().space(words)))


class _Step(NamedTuple):
    """The cheapest way to read a word up to a place: its cost, and the last part, where that began."""

    cost: float
    start: int
    part: str
    known: bool


class Speller:
    """Reads texts as the training data would have spelt them."""

    def __init__(self, words: Iterable[tuple[str, int]]) -> None:
        self.counts = dict(words)
        self._lexicon = Lexicon(self.counts)

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Speller:
        """Learn the words of the training texts, and the nouns within."""
        counts: Counter[str] = Counter()
        for text in texts:
            clean = normalise(text)
            counts.update(_WORD.findall(clean))
            counts.update(piece.text for piece in pieces(clean) if _is_noun(piece.tag, piece.text))
        return cls(sorted(counts.items()))

    def correct(self, text: str) -> str:
        """A normalised text, spaced and spelt as the training data would."""
        return spaced(_WORD.sub(lambda match: self._word(match.group()), text))

    def _word(self, word: str) -> str:
        if word in self.counts or len(word) > _LONGEST:
            return word
        return self._english(word) if word.isascii() else self._korean(word)

    # -- Korean -------------------------------------------------------------------------------------

    def _korean(self, word: str) -> str:
        steps = self._decode(word)
        at, parts = len(word), []
        while at > 0:
            parts.append(steps[at])
            at = steps[at].start
        return _joined(parts[::-1], len(word) >= _RUN_TOGETHER)

    def _decode(self, word: str) -> list[_Step]:
        keys = [coarse(syllable) for syllable in word]
        steps = [_Step(0.0, 0, "", False)]
        for end in range(1, len(word) + 1):
            best = _Step(inf, 0, "", False)
            for start in range(max(0, end - Lexicon.LONGEST), end):
                best = self._read(word[start:end], keys[start:end], start, steps[start], best)
            steps.append(best)
        return steps

    def _read(self, typed: str, keys: list[str], start: int, before: _Step, best: _Step) -> _Step:
        """The cheaper of `best` and the readings of `typed` behind `before`."""
        if before.known and typed in _PARTICLES and before.cost + _PARTICLE < best.cost:
            best = _Step(before.cost + _PARTICLE, start, typed, False)
        cost = before.cost + (_NO_SPACE if start else 0.0)
        found = self._lexicon.korean(typed, keys, best.cost - cost)
        if found:
            best = _Step(cost + found[0], start, found[1], True)
        left = cost + _left(typed)
        return _Step(left, start, typed, False) if left < best.cost else best

    # -- English ------------------------------------------------------------------------------------

    def _english(self, word: str) -> str:
        if self._is_sound(word):
            return word
        cost, read = self._lexicon.english(word, _left(word)) or (_left(word), word)
        for cut in range(1, len(word)):
            first = self._lexicon.english(word[:cut], cost - _NO_SPACE)
            second = first and self._lexicon.english(word[cut:], cost - _NO_SPACE - first[0])
            if first and second and (first[1] == word[:cut] or second[1] == word[cut:]):
                cost, read = first[0] + second[0] + _NO_SPACE, f"{first[1]} {second[1]}"
        return read

    def _is_sound(self, word: str) -> bool:
        """Whether it is a word as it stands: one of the vocabulary, or an English form of one."""
        if _piece_cost(word) < inf:
            return True
        stems = (word[: -len(ending)] for ending in _ENDINGS if word.endswith(ending))
        return any(stem in self.counts or _piece_cost(stem) < inf for stem in stems)


def _is_noun(tag: str, text: str) -> bool:
    return tag.startswith("NN") and len(text) > 1 and _HANGUL.search(text) is not None


def _joined(parts: list[_Step], together: bool) -> str:
    """The parts of a word, with spaces between known ones of what was run together."""
    out = parts[0].part
    for before, one in pairwise(parts):
        out += (" " if together and one.known and before.known else "") + one.part
    return out


def _left(word: str) -> float:
    """What it costs to leave a word as it stands."""
    itself, each = _LEFT[word.isascii()]
    return min(itself + each * len(word), _piece_cost(word))


@lru_cache(maxsize=20000)
def _piece_cost(word: str) -> float:
    """What a word costs as one piece of the sentence encoder's vocabulary; infinite if it is none."""
    from nlu.components.encoder import load

    encoder = load()
    return encoder.cost(word) if encoder is not None else inf
