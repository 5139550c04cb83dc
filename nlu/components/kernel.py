"""Least-squares classification with kernels, and its exact leave-one-out scores.

Nearness of sentence vectors (radial) plus nearness of sparse features (linear). One decomposition
gives the weights, and a corner of its inverse the scores of examples by the model without each, so that
confidence is learnt from honest decisions at no extra training. (Rifkin & Lippert 2007, "Notes on
regularized least squares".)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_BLOCK = 1000
"""Rows of sparse products held at once; short texts share so many letters that these are dense."""


def cosines(dense: Floats) -> Floats:
    """The cosine of every unit vector with every other."""
    result: Floats = dense @ dense.T
    return result


def radial(cosines: Floats, gamma: float) -> Floats:
    """Nearness in (0, 1] of unit vectors by their cosines."""
    result: Floats = np.exp(gamma * (cosines - 1)).astype(np.float32)
    return result


def gram(sparse: Any, cosines: Floats, *, gamma: float, share: float) -> Floats:
    """The kernel of every example with every other, from the cosines of their vectors."""
    kernel: Floats = radial(cosines, gamma)
    for start in range(0, len(kernel), _BLOCK):
        # The lower half and the diagonal's blocks; the rest is its mirror.
        rows, before = slice(start, start + _BLOCK), sparse[: start + _BLOCK]
        part = np.float32(share) * (sparse[rows] @ before.T).toarray()
        kernel[rows, : part.shape[1]] += part
        kernel[:start, rows] += part[:, :start].T
    return kernel


def targets(labels: npt.NDArray[np.int64], classes: int) -> Floats:
    """One column a class: 1 for its examples, 0 for the others."""
    result: Floats = np.eye(classes, dtype=np.float32)[labels]
    return result


def primal(sparse: Any, weights: Floats, share: float) -> Floats:
    """What the examples' weights say about each sparse feature (features x classes)."""
    result: Floats = np.asarray(sparse.T @ weights * np.float32(share), np.float32)
    return result


def _factor(kernel: Floats, ridge: float) -> Floats:
    """The lower triangle L of the damped kernel's decomposition L Lᵀ."""
    from scipy.linalg import lapack

    damped = np.array(kernel, order="F")
    damped[np.diag_indices_from(damped)] += np.float32(ridge)
    factor, failed = lapack.spotrf(damped, lower=1, overwrite_a=1)
    if failed:
        raise ValueError("the kernel is not positive definite; raise the ridge")
    lower: Floats = factor
    return lower


def _weights(factor: Floats, wanted: Floats) -> Floats:
    from scipy.linalg import lapack

    weights, _ = lapack.spotrs(factor, wanted, lower=1)
    found: Floats = np.ascontiguousarray(weights)
    return found


def solve(kernel: Floats, wanted: Floats, ridge: float, last: int) -> tuple[Floats, Floats]:
    """Weights of the examples, and scores of each of the `last` ones by the model without it.

    The corner of the inverse that belongs to the last rows needs but the factor's own corner, so a few
    thousand honest decisions cost next to nothing. Raises ValueError when the ridge is too low.
    """
    from scipy.linalg import lapack

    factor = _factor(kernel, ridge)
    weights = _weights(factor, wanted)
    corner = np.array(factor[-last:, -last:], order="F")
    inverse, _ = lapack.strtri(corner, lower=1, overwrite_c=1)
    lower = np.tril(inverse)
    diagonal = np.einsum("ij,ij->j", lower, lower)
    scores: Floats = wanted[-last:] - weights[-last:] / diagonal[:, None]
    return weights, scores
