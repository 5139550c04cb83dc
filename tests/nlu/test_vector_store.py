"""Sentence vectors outlive a training, and only as long as they are of use."""

from pathlib import Path

import numpy as np
import pytest

from nlu.components.vector_store import VectorStore


def counted(asked: list[str]) -> np.ndarray:
    return np.array([[len(text), 1.0] for text in asked], np.float32)


def test_what_was_encoded_once_is_not_encoded_again(tmp_path: Path) -> None:
    kept = tmp_path / "vectors.npz"
    store = VectorStore.read(kept)
    first = store.look_up(["물이 새요", "고장"], counted)
    store.write(kept)
    asked: list[str] = []

    def watched(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return counted(texts)

    again = VectorStore.read(kept).look_up(["고장", "견적", "물이 새요"], watched)
    assert asked == ["견적"]
    assert np.array_equal(again[[2, 0]], first)


def test_what_nobody_asked_for_is_forgotten(tmp_path: Path) -> None:
    kept = tmp_path / "vectors.npz"
    for texts in (["하나", "둘"], ["둘"]):
        store = VectorStore.read(kept)
        store.look_up(texts, counted)
        store.write(kept)
    with np.load(kept) as stored:
        assert len(stored["keys"]) == 1


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "vectors.npz"
    kept.write_bytes(content)
    assert VectorStore.read(kept).look_up(["물"], counted).shape == (1, 2)
