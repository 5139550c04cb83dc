"""The n-grams of all texts of a corpus, by arithmetic on arrays instead of a loop over strings.

The number of an n-gram is made of that of its first n-1 letters and that of its last letter, and made small
again at each length, so that a table tells numbers apart. It finds what a loop would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int32]

_TABLE = 1 << 20
"""Numbers below it are told apart in a table, others by sorting: a larger table costs more than it saves."""


@dataclass(frozen=True)
class Grams:
    """N-grams of one length: the text `owners[i]` has `ids[i]`, each once; `first` shows where each is."""

    length: int
    count: int
    ids: Ints
    owners: Ints
    first: Ints


@dataclass(frozen=True)
class Corpus:
    """Pieces of text laid end to end: their letters as small numbers, the piece and the text of each."""

    joined: str
    letters: npt.NDArray[np.int64]
    alphabet: int
    pieces: Ints
    owners: Ints
    texts: int

    @classmethod
    def of(cls, pieces: Sequence[str], owners: Sequence[int] | None = None, texts: int = 0) -> Corpus:
        """Lay out pieces; `owners` says whose each is, in order, where a text has several or none."""
        joined = "".join(pieces)
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
        letters, alphabet = _numbered(codes, 0x110000)
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        numbers = np.repeat(np.arange(len(pieces), dtype=np.int32), lengths)
        whose = np.arange(len(pieces), dtype=np.int32) if owners is None else np.array(owners, np.int32)
        return cls(joined, letters.astype(np.int64), alphabet, numbers, whose[numbers], texts or len(pieces))

    def grams(self, shortest: int, longest: int) -> Iterator[Grams]:
        """The n-grams of each length, none across two pieces."""
        places, numbers, count = np.arange(len(self.letters)), self.letters, self.alphabet
        for length in range(2, longest + 1):
            kept = places + length <= len(self.letters)
            kept[kept] = self.pieces[places[kept]] == self.pieces[places[kept] + length - 1]
            places = places[kept]
            longer = numbers[kept] * self.alphabet + self.letters[places + length - 1]
            small, count = _numbered(longer, count * self.alphabet)
            if length >= shortest:
                yield self._once(length, count, small, places)
            numbers = small.astype(np.int64)

    def names(self, grams: Grams, chosen: npt.NDArray[np.int64]) -> list[str]:
        """The chosen n-grams themselves."""
        return [self.joined[place : place + grams.length] for place in grams.first[chosen].tolist()]

    def _once(self, length: int, count: int, numbers: Ints, places: npt.NDArray[np.int64]) -> Grams:
        starts = np.zeros(self.texts + 1, np.int64)
        np.cumsum(np.bincount(self.owners[places], minlength=self.texts), out=starts[1:])
        marks = np.ones(len(numbers), np.int8)
        # A copy: what is there twice is merged in place.
        found = sparse.csr_matrix((marks, numbers.copy(), starts), shape=(self.texts, max(count, 1)))
        found.sum_duplicates()
        owners = np.repeat(np.arange(self.texts, dtype=np.int32), np.diff(found.indptr))
        first = np.zeros(count, np.int32)
        first[numbers] = places
        return Grams(length, count, found.indices, owners, first)


def _numbered(values: npt.NDArray[np.int64], space: int) -> tuple[Ints, int]:
    """The values as numbers from 0 without gaps, and how many there are."""
    if space > _TABLE:
        known, numbers = np.unique(values, return_inverse=True)
        return numbers.astype(np.int32), len(known)
    seen = np.zeros(max(space, 1), np.int8)
    seen[values] = 1
    table = np.cumsum(seen, dtype=np.int32)
    return table[values] - 1, int(table[-1])
