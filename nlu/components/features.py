"""Sparse features of a message: characters, jamo, bare syllables and morphemes, weighted by TF-IDF.

The same text written without spaces, with a slipped jamo or a dropped final still shares most of its
jamo n-grams and nearly all of its bare syllables; a paraphrase shares morphemes; a typo in English
shares characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import sparse

from nlu.components.kiwi import morphemes, pieces
from nlu.components.text import bare, bigrams, jamo

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_DIGIT = re.compile(r"\d")
_WEIGHTS = {"c": 0.515, "j": 0.386, "s": 0.515, "m": 0.566}
"""Squares add to one, so that the product of two vectors is at most one."""

_UNSEEN = 0.13
"""What a feature that no training text has weighs, squared, as a part of what the rarest one does: a group of
which little is known, as in mistyped text, says less."""


def _grams(text: str, shortest: int, longest: int) -> set[str]:
    return {text[i : i + n] for n in range(shortest, longest + 1) for i in range(len(text) - n + 1)}


Features = dict[str, frozenset[str]]


@lru_cache(maxsize=2048)
def features(clean: str) -> Features:
    """Features of a normalised message: c(haracters), of Hangul j(amo) and s(yllables), m(orphemes)."""
    masked = _DIGIT.sub("0", clean)
    padded = f" {masked} "
    tight = masked.replace(" ", "")
    chars = _grams(padded, 2, 4 if padded.isascii() else 3)
    if padded.isascii():
        chars |= {gram for word in masked.split() for gram in _grams(f" {word} ", 5, 6)}
    lemmas = morphemes(pieces(clean))
    spelled = set() if tight.isascii() else _grams(jamo(tight), 3, 5)
    stripped = set() if tight.isascii() else _grams(f"^{bare(tight)}$", 2, 4)
    return {
        "c": frozenset(chars),
        "j": frozenset(spelled),
        "s": frozenset(stripped),
        "m": frozenset([*lemmas, *bigrams(["^", *lemmas, "$"])]),
    }


@dataclass(frozen=True)
class Vectorizer:
    """TF-IDF with presence instead of counts; each group of features has length one by itself."""

    vocabulary: dict[str, int]
    idf: Floats

    @classmethod
    def fit(cls, texts: Sequence[Features], *, rarest: int = 2) -> Vectorizer:
        """Learn the vocabulary: the features found in at least `rarest` texts."""
        counts: Counter[str] = Counter()
        for found in texts:
            for group, grams in found.items():
                counts.update(map(group.__add__, grams))
        kept = sorted(name for name, count in counts.items() if count >= rarest)
        seen = np.array([counts[name] for name in kept], dtype=np.float32)
        idf = np.log((1 + len(texts)) / (1 + seen)) + 1
        return cls({name: index for index, name in enumerate(kept)}, idf.astype(np.float32))

    def vector(self, text: Features) -> tuple[Ints, Floats]:
        """Indices and weights of the known ones among the features of one text."""
        found: list[int] = []
        weights: list[Floats] = []
        unseen = np.float32(_UNSEEN) * self.idf.max(initial=1) ** 2
        look_up: Callable[[str], int | None] = self.vocabulary.get
        for group, grams in text.items():
            ids = [index for gram in grams if (index := look_up(group + gram)) is not None]
            if ids:
                values = self.idf[ids]
                length = values @ values + unseen * (len(grams) - len(ids))
                weights.append(values * np.float32(_WEIGHTS[group] / np.sqrt(length)))
                found += ids
        if not weights:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return np.array(found, np.int32), np.concatenate(weights)

    def matrix(self, texts: Iterable[Features]) -> sparse.csr_matrix:
        """One row a text."""
        rows = [self.vector(text) for text in texts]
        indptr = np.cumsum([0] + [len(ids) for ids, _ in rows])
        indices = np.concatenate([ids for ids, _ in rows]) if rows else np.empty(0, np.int32)
        data = np.concatenate([values for _, values in rows]) if rows else np.empty(0, np.float32)
        return sparse.csr_matrix((data, indices, indptr), shape=(len(rows), len(self.idf)))
