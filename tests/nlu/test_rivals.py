"""The second look: a model of one intent and those most like it, honest about what it has not seen."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from nlu.components import kernel, rivals

CLASSES, OUTSIDE, RIDGE, SHARE = 9, 8, 0.3, 0.5
RNG = np.random.default_rng(4)
LABELS = np.sort(RNG.integers(0, CLASSES, 120))[RNG.permutation(120)]
DENSE = (RNG.standard_normal((CLASSES, 12))[LABELS] + RNG.standard_normal((120, 12)) / 2).astype(np.float32)
DENSE /= np.linalg.norm(DENSE, axis=1)[:, None]
SPARSE = sparse.random(120, 40, 0.3, "csr", np.float32, random_state=5)
PARTS = RNG.integers(0, 5, 50)
"""Of the last fifty."""


def full() -> np.ndarray[Any, Any]:
    near = kernel.radial(DENSE @ DENSE.T, 2.0)
    return (near + SHARE * (SPARSE @ SPARSE.T).toarray()).astype(np.float32)


def looks() -> dict[int, tuple[rivals.Look, rivals.LeftOut]]:
    matrix = kernel.gram(SPARSE, DENSE, gamma=2.0, share=SHARE)
    return rivals.fit(matrix, SPARSE, DENSE, LABELS, PARTS, outside=OUTSIDE, ridge=RIDGE, share=SHARE)


def alone(rows: np.ndarray[Any, Any], members: np.ndarray[Any, Any], asked: int, means: Any) -> Any:
    """Scores of an example by a model of `rows` alone."""
    wanted = (LABELS[rows, None] == members) - means
    weights = np.linalg.solve(full()[np.ix_(rows, rows)] + RIDGE * np.eye(len(rows)), wanted)
    return full()[asked, rows] @ weights + means


def test_a_look_is_a_model_of_its_examples_alone() -> None:
    for intent, (look, _) in looks().items():
        rows = np.flatnonzero(np.isin(LABELS, look.members))
        row = SPARSE[7]
        near = kernel.radial(DENSE @ DENSE[7], 2.0)
        scores = look.scores(near, row.indices, row.data)
        assert np.allclose(scores, alone(rows, look.members, 7, look.means), atol=5e-3), intent


def test_what_was_left_out_is_scored_by_a_look_without_its_part() -> None:
    for look, left in looks().values():
        for place, judged in enumerate(left.judged):
            rows = np.flatnonzero(np.isin(LABELS, look.members))
            same = np.append(np.full(70, -1), PARTS) == PARTS[judged]
            rows = rows[~same[rows]]
            expected = alone(rows, look.members, 70 + int(judged), look.means)
            assert np.allclose(left.scores[place], expected, atol=1e-3)


def test_each_intent_within_scope_is_looked_at_with_those_most_like_it() -> None:
    found = looks()
    assert sorted(found) == list(range(OUTSIDE))
    for intent, (look, _) in found.items():
        assert look.members[0] == intent
        assert len(set(look.members)) == rivals.RIVALS + 1
        assert OUTSIDE not in look.members


def test_of_few_intents_nothing_is_looked_at_twice() -> None:
    some = np.flatnonzero(LABELS <= rivals.RIVALS)
    matrix = kernel.gram(SPARSE[some], DENSE[some], gamma=2.0, share=SHARE)
    parts = np.zeros(10, np.int64)
    found = rivals.fit(
        matrix, SPARSE[some], DENSE[some], LABELS[some], parts, outside=None, ridge=RIDGE, share=SHARE
    )
    assert found == {}


def test_a_second_look_orders_the_rivals_and_leaves_the_values() -> None:
    scores = np.array([0.5, 0.1, 0.6, 0.3], np.float32)
    rivals.settled(scores, np.array([2, 0]), np.array([0.1, 0.9], np.float32))
    assert scores == pytest.approx([0.6, 0.1, 0.5, 0.3])
    rivals.settled(scores, np.array([0, 3]), np.array([0.9, 0.1], np.float32))
    assert scores == pytest.approx([0.6, 0.1, 0.5, 0.3])


def test_looks_are_the_same_after_they_were_kept() -> None:
    found = {intent: look for intent, (look, _) in looks().items()}
    again = rivals.restore(rivals.arrays(found))
    row, near = SPARSE[3], kernel.radial(DENSE @ DENSE[3], 2.0)
    for intent, look in found.items():
        scores = again[intent].scores(near, row.indices, row.data)
        assert np.allclose(scores, look.scores(near, row.indices, row.data), atol=2e-3)
    assert rivals.restore({}) == rivals.restore(rivals.arrays({})) == {}
