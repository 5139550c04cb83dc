"""Sparse features of a message: characters, jamo, bare syllables and morphemes, weighted by TF-IDF.

The same text written without spaces, with a slipped jamo or a dropped final still shares most of its
jamo n-grams and nearly all of its bare syllables; a paraphrase shares morphemes; a typo in English
shares characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

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


class _Numbers(dict[str, int]):
    """A number for each word, in the order in which they are asked for."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


@dataclass
class _Seen:
    """The features of one group in the training texts: their ids, text by text, and how many texts have each.

    `often` says which ids are kept; `places` where those stand in the vocabulary.
    """

    words: list[str]
    ids: Ints
    owners: Ints
    counts: Floats
    often: npt.NDArray[np.bool_]
    places: Ints

    @classmethod
    def of(cls, texts: Sequence[frozenset[str]], rarest: int) -> _Seen:
        """Number the features of texts."""
        numbers = _Numbers()
        ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(texts)), np.int32)
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])
        counts = np.bincount(ids, minlength=len(numbers)).astype(np.float32)
        return cls(list(numbers), ids, owners, counts, counts >= rarest, np.zeros(len(numbers), np.int32))

    def kept(self, group: str) -> list[str]:
        """The full names of what is kept."""
        return [group + self.words[number] for number in np.flatnonzero(self.often)]

    def place(self, group: str, vocabulary: Mapping[str, int]) -> None:
        """Look up where the kept ones stand."""
        self.places[self.often] = [vocabulary[name] for name in self.kept(group)]


@dataclass(frozen=True)
class Vectorizer:
    """TF-IDF with presence instead of counts; each group of features has length one by itself."""

    vocabulary: dict[str, int]
    idf: Floats

    @classmethod
    def fit(cls, texts: Sequence[Features], *, rarest: int = 2) -> tuple[Vectorizer, sparse.csr_matrix]:
        """Learn the vocabulary, the features found in at least `rarest` texts; also one row a text."""
        seen = {group: _Seen.of([text[group] for text in texts], rarest) for group in _WEIGHTS}
        names = sorted(name for group, one in seen.items() for name in one.kept(group))
        vectorizer = cls({name: index for index, name in enumerate(names)}, np.empty(0, np.float32))
        counts = np.zeros(len(names), np.float32)
        for group, one in seen.items():
            one.place(group, vectorizer.vocabulary)
            counts[one.places[one.often]] = one.counts[one.often]
        idf = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
        vectorizer = cls(vectorizer.vocabulary, idf)
        return vectorizer, vectorizer._matrix(seen, len(texts))

    def _matrix(self, seen: Mapping[str, _Seen], count: int) -> sparse.csr_matrix:
        """The rows of the texts that it was learnt from, as `vector` gives them."""
        unseen = np.float32(_UNSEEN) * self.idf.max(initial=1) ** 2
        rows, columns, data = [], [], []
        for group, one in seen.items():
            known = one.often[one.ids]
            owners, places = one.owners[known], one.places[one.ids[known]]
            values = self.idf[places]
            lacking = np.bincount(one.owners[~known], minlength=count)
            length = np.bincount(owners, values * values, minlength=count) + unseen * lacking
            rows.append(owners)
            columns.append(places)
            data.append(values * np.float32(_WEIGHTS[group]) / np.sqrt(length[owners]).astype(np.float32))
        places_of_all = (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_matrix((np.concatenate(data), places_of_all), shape=(count, len(self.idf)))

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
