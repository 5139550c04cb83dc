"""Spaces and spelling put right for features, by the words of the training data.

A word that neither the training data nor the sentence encoder's vocabulary knows is read as the commonest
of the training data's words that differ from it by one slip, or only by finals it lacks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from nlu.components.kiwi import kiwi
from nlu.components.text import jamo, normalise, split_syllable, without_finals

_ENDINGS = ("s", "es", "'s", "ed", "d", "ing", "er", "ers", "ly", "n't")
_HANGUL = re.compile(r"[가-힣]")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[가-힣]+")
_SHORTEST = {True: 5, False: 6}
"""Jamo of a Korean word, letters of an English one: shorter words have too many neighbours."""
_RUN_TOGETHER = 6
"""Syllables in a row that are more likely several words than one."""


def _final(syllable: str) -> int:
    parts = split_syllable(syllable)
    return parts[2] if parts else 0


def _shortened(spelled: str) -> set[str]:
    return {spelled, *(spelled[:i] + spelled[i + 1 :] for i in range(len(spelled)))}


@lru_cache(maxsize=4096)
def spaced(text: str) -> str:
    """A normalised text with the spaces that Kiwi would set, where words are run together."""
    if not any(len(word) >= _RUN_TOGETHER and _HANGUL.search(word) for word in text.split()):
        return text
    return str(kiwi().space(text))


class Speller:
    """Corrects single slips towards the words of the training data."""

    def __init__(self, words: Iterable[tuple[str, int]]) -> None:
        self.counts = dict(words)
        self._near: dict[str, list[str]] = {}
        self._clipped: dict[str, list[str]] = {}
        for word in self.counts:
            if len(word) > 1 and not word.isascii():
                self._clipped.setdefault(without_finals(word), []).append(word)
            spelled = jamo(word)
            if len(spelled) >= _SHORTEST[spelled != word] - 1:
                for short in _shortened(spelled):
                    self._near.setdefault(short, []).append(word)

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Speller:
        """Learn the words of the training texts."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_WORD.findall(spaced(normalise(text))))
        return cls(sorted(counts.items()))

    def correct(self, text: str) -> str:
        """A normalised text, spaced and spelt as the training data would."""
        return _WORD.sub(lambda match: self._word(match.group()), spaced(text))

    def _word(self, word: str) -> str:
        if word in self.counts:
            return word
        spelled = jamo(word)
        if self._is_sound(word):
            return word
        if whole := self._with_finals(word):
            return whole
        if len(spelled) < _SHORTEST[spelled != word]:
            return word
        found = {other for short in _shortened(spelled) for other in self._near.get(short, ())}
        found = {other for other in found if abs(len(jamo(other)) - len(spelled)) <= 1}
        return max(found, key=lambda other: (self.counts[other], other)) if found else word

    def _with_finals(self, word: str) -> str | None:
        """The commonest known word that has every final of this one, and more ('저수' -> '접수')."""
        if len(word) < 2 or word.isascii():
            return None
        found = [
            other
            for other in self._clipped.get(without_finals(word), ())
            if all(_final(mine) in (0, _final(whole)) for mine, whole in zip(word, other, strict=True))
        ]
        return max(found, key=lambda other: (self.counts[other], other), default=None)

    def _is_sound(self, word: str) -> bool:
        """Whether it is a word as it stands: one of the vocabulary, or an English form of one."""
        if _is_piece(word):
            return True
        stems = (word[: -len(ending)] for ending in _ENDINGS if word.endswith(ending))
        return word.isascii() and any(stem in self.counts or _is_piece(stem) for stem in stems)


@lru_cache(maxsize=20000)
def _is_piece(word: str) -> bool:
    """Whether the sentence encoder has the word as a whole in its vocabulary."""
    from nlu.components.encoder import load

    encoder = load()
    return encoder is not None and encoder.knows(word)
