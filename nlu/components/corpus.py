"""Learning the features of a corpus: its vocabulary, and one row of weights a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy import sparse

from nlu.components.features import UNSEEN, WEIGHTS, Vectorizer, views, words
from nlu.components.grams import Corpus

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def fit(texts: Sequence[str], *, rarest: int = 2) -> tuple[Vectorizer, sparse.csr_matrix]:
    """Learn the vocabulary of normalised texts, the features of at least `rarest` of them; and a row a text.

    A row is what `Vectorizer.vector` gives for the features of its text.
    """
    seen = {group: _Seen.all_of(parts) for group, parts in _groups(texts, rarest).items()}
    names = sorted(group + name for group, one in seen.items() for name in one.names)
    vocabulary = {name: index for index, name in enumerate(names)}
    counts = np.zeros(len(names), np.float32)
    places = {group: one.places(group, vocabulary) for group, one in seen.items()}
    for group, one in seen.items():
        counts[places[group][one.often]] = one.counts[one.often]
    idf = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
    return Vectorizer(vocabulary, idf), _rows(seen, places, idf, len(texts))


@dataclass(frozen=True)
class _Seen:
    """Features of a group: the text `owners[i]` has the feature `ids[i]`; `counts` texts have each.

    `often` says which ids are kept, and `names` theirs, in order.
    """

    ids: Ints
    owners: Ints
    counts: Floats
    often: npt.NDArray[np.bool_]
    names: list[str]

    @classmethod
    def all_of(cls, parts: Iterable[_Seen]) -> _Seen:
        """The parts of a group as one."""
        found = list(parts)
        shifts = np.cumsum([0, *(len(part.counts) for part in found)], dtype=np.int32)
        return cls(
            np.concatenate([part.ids + shift for part, shift in zip(found, shifts, strict=False)]),
            np.concatenate([part.owners for part in found]),
            np.concatenate([part.counts for part in found]),
            np.concatenate([part.often for part in found]),
            list(chain.from_iterable(part.names for part in found)),
        )

    def places(self, group: str, vocabulary: Mapping[str, int]) -> Ints:
        """Where each kept one stands in the vocabulary."""
        found = np.zeros(len(self.counts), np.int32)
        found[self.often] = [vocabulary[group + name] for name in self.names]
        return found


def _groups(texts: Sequence[str], rarest: int) -> dict[str, Iterable[_Seen]]:
    seen = [views(text) for text in texts]
    plain = np.array([view.plain for view in seen], bool)
    spelt = [place for place, view in enumerate(seen) if not view.plain]
    english = [
        (place, f" {word} ") for place, view in enumerate(seen) if view.plain for word in view.padded.split()
    ]
    count = len(texts)
    padded = Corpus.of([view.padded for view in seen], None, count)
    within = Corpus.of([word for _, word in english], [i for i, _ in english], count)
    jamo = Corpus.of([seen[place].jamo for place in spelt], spelt, count)
    bare = Corpus.of([seen[place].bare for place in spelt], spelt, count)
    return {
        "c": chain(
            _grams(padded, 2, 3, rarest), _grams(padded, 4, 4, rarest, plain), _grams(within, 5, 6, rarest)
        ),
        "j": _grams(jamo, 3, 5, rarest),
        "s": _grams(bare, 2, 4, rarest),
        "m": [_words(texts, rarest)],
    }


def _grams(
    corpus: Corpus, shortest: int, longest: int, rarest: int, only: npt.NDArray[np.bool_] | None = None
) -> Iterator[_Seen]:
    """N-grams of a corpus, of all its texts or some only."""
    for found in corpus.grams(shortest, longest):
        ids, owners = found.ids, found.owners
        if only is not None:
            ids, owners = ids[only[owners]], owners[only[owners]]
        counts = np.bincount(ids, minlength=found.count).astype(np.float32)
        often = counts >= rarest
        yield _Seen(ids, owners, counts, often, corpus.names(found, np.flatnonzero(often)))


class _Numbers(dict[str, int]):
    """A number for each word, in the order in which they are asked for."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def _words(texts: Sequence[str], rarest: int) -> _Seen:
    """Morphemes and their pairs."""
    numbers = _Numbers()
    found = [words(text) for text in texts]
    ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(found)), np.int32)
    owners = np.repeat(np.arange(len(found), dtype=np.int32), [len(one) for one in found])
    counts = np.bincount(ids, minlength=len(numbers)).astype(np.float32)
    often, known = counts >= rarest, list(numbers)
    return _Seen(ids, owners, counts, often, [known[number] for number in np.flatnonzero(often)])


def _rows(
    seen: Mapping[str, _Seen], places: Mapping[str, Ints], idf: Floats, count: int
) -> sparse.csr_matrix:
    unseen = np.float32(UNSEEN) * idf.max(initial=1) ** 2
    rows, columns, data = [], [], []
    for group, one in seen.items():
        known = one.often[one.ids]
        owners, column = one.owners[known], places[group][one.ids[known]]
        values = idf[column]
        lacking = np.bincount(one.owners[~known], minlength=count)
        length = np.bincount(owners, values * values, minlength=count) + unseen * lacking
        rows.append(owners)
        columns.append(column)
        data.append(values * np.float32(WEIGHTS[group]) / np.sqrt(length[owners]).astype(np.float32))
    places_of_all = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix((np.concatenate(data), places_of_all), shape=(count, len(idf)))
