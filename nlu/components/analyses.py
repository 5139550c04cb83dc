"""What texts were found to be made of, kept between trainings: most sentences stay, and Kiwi takes its time.

Within `remembering` no text is analysed twice, by whoever asks: the tokenizer, the features, the speller, the
random field. Outside it nothing is kept here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from nlu.components.source import digest_of

Result = TypeVar("Result")

_CODE = ("components/kiwi.py", "components/patterns.py", "components/text.py", "dates*.py", "times_en.py")
_LIBRARIES = ("kiwipiepy", "kiwipiepy_model")


class Piece(NamedTuple):
    """A token: its text span, part of speech (Sejong tags, `W_…` for protected spans) and lemma.

    Where Kiwi finds two morphemes in one syllable ('왔' = 오 + 았) the first carries both: its tag
    is 'VV+EP', so that pieces never overlap and entity spans can be cut between any two.
    """

    text: str
    start: int
    end: int
    tag: str
    lemma: str


class _Memory:
    """Results by kind and text: what was known, and what was asked for."""

    def __init__(self, known: dict[str, dict[str, Any]]) -> None:
        self.known = known
        self.asked: dict[str, dict[str, Any]] = {}


_memory: _Memory | None = None


def recalled(kind: str, text: str, work: Callable[[str], Result]) -> Result:
    """The result of `work` on the text, or the one that is remembered."""
    if _memory is None:
        return work(text)
    asked = _memory.asked.setdefault(kind, {})
    if text not in asked:
        known = _memory.known.get(kind, {})
        asked[text] = known[text] if text in known else work(text)
    result: Result = asked[text]
    return result


@contextmanager
def remembering(path: Path | None = None) -> Iterator[None]:
    """Within, no text is analysed twice; `path` holds what is known, and in the end what was asked for."""
    global _memory
    _memory = _Memory(_read(path) if path else {})
    try:
        yield
        if path:
            _write(path, _memory.asked)
    finally:
        _memory = None


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """What the file holds; nothing where it is absent, broken or of other code."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        if kept.pop("code") != _code():
            return {}
        pieces = _unpacked(**kept.pop("pieces"))
        spans = {text: [(start, end) for start, end in found] for text, found in kept.pop("mentions").items()}
        return {"pieces": pieces, "mentions": spans, "spaced": kept["spaced"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(path: Path, asked: dict[str, dict[str, Any]]) -> None:
    kept = {kind: asked.get(kind, {}) for kind in ("mentions", "spaced")}
    content = {"code": _code(), **kept, "pieces": _packed(asked.get("pieces", {}))}
    partial = path.with_suffix(f".{os.getpid()}.json")
    partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")
    os.replace(partial, path)


def _packed(pieces: dict[str, list[Piece]]) -> dict[str, list[Any]]:
    """Pieces as columns, which JSON reads ten times as fast as rows."""
    every = [piece for found in pieces.values() for piece in found]
    return {
        "texts": list(pieces),
        "counts": [len(found) for found in pieces.values()],
        "starts": [piece.start for piece in every],
        "ends": [piece.end for piece in every],
        "tags": [piece.tag for piece in every],
        "lemmas": [piece.lemma for piece in every],
    }


def _unpacked(
    texts: list[str],
    counts: list[int],
    starts: list[int],
    ends: list[int],
    tags: list[str],
    lemmas: list[str],
) -> dict[str, list[Piece]]:
    columns = zip(starts, ends, tags, lemmas, strict=True)
    return {
        text: [
            Piece(text[start:end], start, end, tag, lemma) for start, end, tag, lemma in islice(columns, n)
        ]
        for text, n in zip(texts, counts, strict=True)
    }


def _code() -> str:
    versions = [f"{name}={metadata.version(name)}" for name in _LIBRARIES]
    return " ".join([digest_of(*_CODE), *versions])
