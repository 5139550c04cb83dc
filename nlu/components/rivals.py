"""A second look at the intents most like the likeliest one.

A model of all intents spends itself on telling each from everything else; which of a few alike is meant, a
model of their examples alone tells better. It has the same kernel: a second look costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from nlu.components import kernel

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

RIVALS = 4
"""Intents looked at beside the likeliest. With 3 to 8 of five fifths of HWU64's training sentences left out
as many are right, within 0.1 points."""


@dataclass(frozen=True)
class Look:
    """The model of one intent and its rivals: weights of their examples, and of the features these have.

    The latter are kept in steps of a 127th of a member's greatest.
    """

    members: Order
    means: Floats
    rows: npt.NDArray[np.integer[Any]]
    weights: Floats
    ids: npt.NDArray[np.integer[Any]]
    features: npt.NDArray[np.int8]
    steps: Floats

    def scores(self, near: Floats, ids: npt.NDArray[np.int32], values: Floats) -> Floats:
        """One score a member, from the nearness to every example and from the sparse features."""
        places = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        known = self.ids[places] == ids
        said = values[known] @ self.features[places[known]].astype(np.float32) * self.steps
        result: Floats = near[self.rows] @ self.weights + said + self.means
        return result


@dataclass(frozen=True)
class LeftOut:
    """Scores of judged examples (by their place among these) by a look that had not seen them."""

    judged: Order
    scores: Floats


def fit(
    matrix: Floats,
    sparse: Any,
    dense: Floats,
    labels: Order,
    parts: Order,
    *,
    outside: int | None,
    ridge: float,
    share: float,
) -> dict[int, tuple[Look, LeftOut]]:
    """A look for each intent within scope; none where there are no more intents than a look has.

    `matrix` is what `kernel.gram` gave, `parts` those of the last examples, as for `kernel.solve`.
    """
    inside = np.setdiff1d(np.unique(labels), [] if outside is None else [outside])
    if len(inside) <= RIVALS + 1:
        return {}
    alike = _alike(sparse, dense, labels, inside)
    return {
        int(intent): _look(matrix, sparse, labels, parts, inside[near], ridge, share)
        for intent, near in zip(inside, alike, strict=True)
    }


def _alike(sparse: Any, dense: Floats, labels: Order, inside: Order) -> Order:
    """Of each intent the place of itself and of those whose mean example is likest."""
    mine = (inside[:, None] == labels).astype(np.float32)
    mine /= mine.sum(axis=1, keepdims=True)
    vectors, features = mine @ dense, (csr_matrix(mine) @ sparse).toarray()
    products = 2 * vectors @ vectors.T + features @ features.T
    lengths = np.sqrt(np.diag(products))
    cosines = products / lengths / lengths[:, None]
    np.fill_diagonal(cosines, np.inf)
    order: Order = np.argsort(-cosines, axis=1, kind="stable")[:, : RIVALS + 1]
    return order


def _look(
    matrix: Floats, sparse: Any, labels: Order, parts: Order, members: Order, ridge: float, share: float
) -> tuple[Look, LeftOut]:
    rows = np.flatnonzero(np.isin(labels, members))
    judged = rows[rows >= len(labels) - len(parts)] - (len(labels) - len(parts))
    wanted = (labels[rows, None] == members).astype(np.float32)
    means = wanted.mean(axis=0)
    last = max(len(judged), 1)
    weights, scores = kernel.solve(
        matrix[np.ix_(rows, rows)], wanted - means, ridge, last, parts[judged] if len(judged) else None
    )
    ours = sparse[rows]
    ids = np.flatnonzero(np.bincount(ours.indices, minlength=ours.shape[1]))
    features = kernel.primal(ours, weights, share)[ids]
    steps = np.maximum(np.abs(features).max(axis=0, initial=0), 1e-9) / 127
    look = Look(members, means, rows, weights, ids, np.rint(features / steps).astype(np.int8), steps)
    return look, LeftOut(judged, scores[: len(judged)] + means)


def settled(scores: Floats, members: Order, again: Floats) -> None:
    """Put the members' scores in the order of both looks, in place: which values there are does not change.

    How sure one may be is learnt from these values, whoever of the rivals has them.
    """
    order = np.argsort(-(scores[members] + again), kind="stable")
    scores[members[order]] = np.sort(scores[members])[::-1]


def settle_all(scores: Floats, looks: Mapping[int, tuple[Look, LeftOut]], outside: int | None) -> None:
    """The same for judged examples, by the looks that had not seen them.

    Where the right intent is not among the rivals, any order of them is wrong, and nothing is done.
    """
    inside = scores.copy()
    if outside is not None:
        inside[:, outside] = -np.inf
    for intent, (look, left) in looks.items():
        for place in np.flatnonzero(inside[left.judged].argmax(axis=1) == intent):
            settled(scores[left.judged[place]], look.members, left.scores[place])


def arrays(looks: Mapping[int, Look]) -> dict[str, npt.NDArray[Any]]:
    """The numbers of looks, one after the other: weights in half precision, of places what lies between."""
    if not looks:
        return {}
    every = [looks[intent] for intent in sorted(looks)]
    gaps = np.concatenate([np.diff(one.ids, prepend=0) for one in every])
    return {
        "look_intents": np.array(sorted(looks), np.int64),
        "look_members": np.stack([one.members for one in every]),
        "look_means": np.stack([one.means for one in every]),
        "look_steps": np.stack([one.steps for one in every]),
        "look_sizes": np.array([[len(one.rows), len(one.ids)] for one in every], np.int64),
        "look_rows": np.concatenate([one.rows for one in every]).astype(np.int32),
        "look_weights": np.concatenate([one.weights for one in every]).astype(np.float16),
        "look_gaps": gaps.astype(np.min_scalar_type(gaps.max(initial=0))),
        "look_features": np.concatenate([one.features for one in every]),
    }


def restore(kept: Mapping[str, npt.NDArray[Any]]) -> dict[int, Look]:
    """The looks that gave `arrays`."""
    if "look_intents" not in kept:
        return {}
    sizes = kept["look_sizes"]
    rows, weights = (np.split(kept[name], sizes[:-1, 0].cumsum()) for name in ("look_rows", "look_weights"))
    gaps, features = (np.split(kept[name], sizes[:-1, 1].cumsum()) for name in ("look_gaps", "look_features"))
    return {
        int(intent): Look(
            kept["look_members"][place],
            kept["look_means"][place],
            rows[place],
            weights[place].astype(np.float32),
            gaps[place].cumsum(dtype=np.int32),
            features[place],
            kept["look_steps"][place],
        )
        for place, intent in enumerate(kept["look_intents"])
    }
