"""Sparse features of a message: characters, jamo, bare syllables and morphemes, weighted by TF-IDF.

The same text written without spaces, with a slipped jamo or a dropped final still shares most of its
jamo n-grams and nearly all of its bare syllables; a paraphrase shares morphemes; a typo in English
shares characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlu.components.kiwi import morphemes, pieces
from nlu.components.text import bare, bigrams, jamo

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_DIGIT = re.compile(r"\d")
WEIGHTS = {"c": 0.515, "j": 0.386, "s": 0.515, "m": 0.566}
"""Squares add to one, so that the product of two vectors is at most one."""

UNSEEN = 0.13
"""What a feature that no training text has weighs, squared, as a part of what the rarest one does: a group of
which little is known, as in mistyped text, says less."""


class Views(NamedTuple):
    """A text as its n-grams are taken from it; of plain ASCII there are neither jamo nor bare syllables."""

    plain: bool
    padded: str
    jamo: str
    bare: str


def views(clean: str) -> Views:
    """The views of a normalised message."""
    masked = _DIGIT.sub("0", clean)
    tight = masked.replace(" ", "")
    if masked.isascii():
        return Views(True, f" {masked} ", "", "")
    return Views(False, f" {masked} ", jamo(tight), f"^{bare(tight)}$")


def words(clean: str) -> frozenset[str]:
    """Morphemes of a normalised message, and pairs of neighbours."""
    lemmas = morphemes(pieces(clean))
    return frozenset([*lemmas, *bigrams(["^", *lemmas, "$"])])


def _grams(text: str, shortest: int, longest: int) -> set[str]:
    return {text[i : i + n] for n in range(shortest, longest + 1) for i in range(len(text) - n + 1)}


Features = dict[str, frozenset[str]]


@lru_cache(maxsize=2048)
def features(clean: str) -> Features:
    """Features of a normalised message: c(haracters), of Hangul j(amo) and s(yllables), m(orphemes)."""
    view = views(clean)
    chars = _grams(view.padded, 2, 4 if view.plain else 3)
    if view.plain:
        chars |= {gram for word in view.padded.split() for gram in _grams(f" {word} ", 5, 6)}
    return {
        "c": frozenset(chars),
        "j": frozenset(_grams(view.jamo, 3, 5)),
        "s": frozenset(_grams(view.bare, 2, 4)),
        "m": words(clean),
    }


@dataclass(frozen=True)
class Vectorizer:
    """TF-IDF with presence instead of counts; each group of features has length one by itself."""

    vocabulary: dict[str, int]
    idf: Floats

    def vector(self, text: Features) -> tuple[Ints, Floats]:
        """Indices and weights of the known ones among the features of one text."""
        found: list[int] = []
        weights: list[Floats] = []
        unseen = np.float32(UNSEEN) * self.idf.max(initial=1) ** 2
        look_up: Callable[[str], int | None] = self.vocabulary.get
        for group, grams in text.items():
            ids = [index for gram in grams if (index := look_up(group + gram)) is not None]
            if ids:
                values = self.idf[ids]
                length = values @ values + unseen * (len(grams) - len(ids))
                weights.append(values * np.float32(WEIGHTS[group] / np.sqrt(length)))
                found += ids
        if not weights:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return np.array(found, np.int32), np.concatenate(weights)
