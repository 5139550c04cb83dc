"""What was typed for a known word, and at what cost: the noisy channel of thumbs.

Costs are negative natural logarithms of rough chances. Words of the training data are found by coarse keys
(Korean: letters easily mistaken made one, finals gone) or by one letter left out (English); the exact cost
then counts what differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from nlu.components.text import split_syllable

SLIP = 4.0
"""A neighbouring letter instead of the right one: one in fifty."""
DROPPED = 2.5
"""A final left out."""
WRONG_FINAL = 6.0
TOO_FAR = math.inf

_LEAD_GROUPS = ("ㄱㄲㅋ", "ㄷㄸㅌ", "ㅂㅃㅍ", "ㅅㅆ", "ㅈㅉㅊ")
_VOWEL_GROUPS = ("ㅏㅓㅗㅜㅡㅣ", "ㅐㅔㅒㅖ", "ㅑㅕㅛㅠ", "ㅘㅝ", "ㅚㅙㅞ", "ㅟㅢ")
_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_LEAD_KEY = {one: group[0] for group in _LEAD_GROUPS for one in group}
_VOWEL_KEY = {one: group[0] for group in _VOWEL_GROUPS for one in group}
_NEAR = {frozenset(pair) for pair in ("ㅏㅓ", "ㅓㅗ", "ㅗㅜ", "ㅡㅣ", "ㅡㅜ", "ㅐㅔ", "ㅑㅕ", "ㅛㅠ", "ㅒㅖ")}


@lru_cache(maxsize=20000)
def coarse(syllable: str) -> str:
    """The key of a syllable: what thumbs may have made of it has the same."""
    parts = split_syllable(syllable)
    if parts is None:
        return syllable
    lead, vowel = _LEADS[parts[0]], _VOWELS[parts[1]]
    return _LEAD_KEY.get(lead, lead) + _VOWEL_KEY.get(vowel, vowel)


@lru_cache(maxsize=50000)
def syllable_cost(typed: str, meant: str) -> float:
    """What it costs that `typed` stands for `meant`."""
    if typed == meant:
        return 0.0
    one, other = split_syllable(typed), split_syllable(meant)
    if one is None or other is None or coarse(typed) != coarse(meant):
        return TOO_FAR
    cost = SLIP * (one[0] != other[0])
    if one[1] != other[1]:
        near = frozenset((_VOWELS[one[1]], _VOWELS[other[1]])) in _NEAR
        cost += SLIP if near else 2 * SLIP
    if one[2] != other[2]:
        cost += DROPPED if one[2] == 0 else WRONG_FINAL
    return cost


def word_cost(typed: str, meant: str, most: float) -> float:
    """What it costs that Korean `typed` stands for `meant` of the same length; infinite above `most`."""
    cost = 0.0
    for a, b in zip(typed, meant, strict=True):
        cost += syllable_cost(a, b)
        if cost > most:
            return TOO_FAR
    return cost


class Lexicon:
    """Known words with what each costs, and the ways to find those that were meant."""

    LONGEST = 8

    def __init__(self, counts: Mapping[str, int]) -> None:
        total = sum(counts.values()) + 1
        self.costs = {word: -math.log(count / total) for word, count in counts.items()}
        self.rare = math.log(total)
        self._by_key: dict[str, list[str]] = {}
        self._shortened: dict[str, list[str]] = {}
        for word in counts:
            if word.isascii():
                if len(word) > 2:
                    for short in shortened(word):
                        self._shortened.setdefault(short, []).append(word)
            elif len(word) <= self.LONGEST:
                self._by_key.setdefault("".join(map(coarse, word)), []).append(word)

    def korean(self, typed: str, keys: list[str], most: float) -> tuple[float, str] | None:
        """The cheapest known word that may have been meant, below `most`; `keys` are its syllables'."""
        found = None
        for word in self._by_key.get("".join(keys), ()):
            cost = self.costs[word]
            cost += word_cost(typed, word, most - cost)
            if cost < most:
                found, most = (cost, word), cost
        return found

    def english(self, typed: str, most: float) -> tuple[float, str] | None:
        """The cheapest known word at most one letter away, below `most`."""
        exact = self.costs.get(typed)
        if exact is not None:
            return (exact, typed) if exact < most else None
        if len(typed) < 3:
            return None
        found = None
        for word in _candidates(typed, self._shortened):
            cost = self.costs[word] + SLIP
            if cost < most:
                found, most = (cost, word), cost
        return found


def shortened(word: str) -> set[str]:
    """The word, and it without any one letter."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _candidates(typed: str, known: Mapping[str, list[str]]) -> Iterable[str]:
    """Words one letter away: left out, put in, another one, or two changed places."""
    found = {word for short in shortened(typed) for word in known.get(short, ())}
    return sorted(word for word in found if abs(len(word) - len(typed)) <= 1)
