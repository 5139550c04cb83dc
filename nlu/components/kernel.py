"""Least-squares classification with kernels, and its exact scores of examples left out.

Nearness of sentence vectors (radial) plus nearness of sparse features (linear). One decomposition
gives the weights, and a corner of its inverse the scores of examples by the model without each, or without
a whole part of them, so that confidence is learnt from honest decisions at no extra training. (Rifkin &
Lippert 2007, "Notes on regularized least squares".)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_BLOCK = 1000
"""Rows of sparse products held at once; short texts share so many letters that these are dense."""
_COMMON = 1 / 28
"""Features of more than this part of the examples (some hundreds) are multiplied as a dense matrix: they make
most of what a sparse product costs, and little of a dense one."""


def radial(cosines: Floats, gamma: float) -> Floats:
    """Nearness in (0, 1] of unit vectors by their cosines."""
    result: Floats = np.exp(gamma * (cosines - 1)).astype(np.float32)
    return result


def gram(sparse: Any, dense: Floats, *, gamma: float, share: float) -> Floats:
    """The kernel of every example with those before it, from their sparse features and unit vectors.

    What lies above the diagonal is of no meaning: nobody needs it, and it would cost as much again.
    """
    kernel = np.empty((len(dense), len(dense)), np.float32)
    common, rare = _parted(sparse * np.float32(np.sqrt(share)))
    near_by = dense * np.float32(np.sqrt(gamma))
    for start in range(0, len(kernel), _BLOCK):
        rows, end = slice(start, start + _BLOCK), start + _BLOCK
        near = kernel[rows, :end]
        np.matmul(near_by[rows], near_by[:end].T, out=near)
        near -= np.float32(gamma)
        np.exp(near, out=near)
        near += common[rows] @ common[:end].T
        near += (rare[rows] @ rare[:end].T).toarray()
    return kernel


def _parted(sparse: Any) -> tuple[Floats, Any]:
    """Features that many examples share, dense, and the others: a sparse product costs what is shared."""
    often = np.bincount(sparse.indices, minlength=sparse.shape[1]) > _COMMON * sparse.shape[0]
    common: Floats = sparse[:, np.flatnonzero(often)].toarray()
    rare = sparse.copy()
    rare.data[often[rare.indices]] = 0
    rare.eliminate_zeros()
    return common, rare


def targets(labels: npt.NDArray[np.int64], classes: int) -> Floats:
    """One column a class: 1 for its examples, 0 for the others."""
    result: Floats = np.eye(classes, dtype=np.float32)[labels]
    return result


def primal(sparse: Any, weights: Floats, share: float) -> Floats:
    """What the examples' weights say about each sparse feature (features x classes)."""
    result: Floats = np.asarray(sparse.T @ weights * np.float32(share), np.float32)
    return result


def solve(
    kernel: Floats, wanted: Floats, ridge: float, last: int, parts: npt.NDArray[np.int64] | None = None
) -> tuple[Floats, Floats]:
    """Weights of the examples, and scores of each of the `last` ones by the model without it.

    `parts` says the part of each of these; then each is scored by the model without any of its part. The
    kernel, of which only the lower half is looked at, is overwritten. The corner of the inverse that
    belongs to the last rows needs but the factor's own corner, so a few thousand honest decisions cost next
    to nothing. Raises ValueError when the ridge is too low.
    """
    from scipy.linalg import lapack

    kernel[np.diag_indices_from(kernel)] += np.float32(ridge)
    # LAPACK counts columns first: our lower half is its upper one, K = Uᵀ U, and nothing is copied.
    factor, failed = lapack.spotrf(kernel.T, lower=0, clean=0, overwrite_a=1)
    if failed:
        raise ValueError("the kernel is not positive definite; raise the ridge")
    found, _ = lapack.spotrs(factor, wanted, lower=0)
    weights: Floats = np.ascontiguousarray(found)
    corner = np.array(factor[-last:, -last:], order="F")
    inverse, _ = lapack.strtri(corner, lower=0, overwrite_c=1)
    missed = _missed(np.triu(inverse), weights[-last:], parts)
    scores: Floats = wanted[-last:] - missed
    return weights, scores


def _missed(upper: Floats, weights: Floats, parts: npt.NDArray[np.int64] | None) -> Floats:
    """How far the model without each example, or without its part, is from what was wanted of it."""
    if parts is None:
        result: Floats = weights / np.einsum("ij,ij->i", upper, upper)[:, None]
        return result
    missed = np.empty_like(weights)
    for part in np.unique(parts):
        mine = np.flatnonzero(parts == part)
        missed[mine] = np.linalg.solve(upper[mine] @ upper[mine].T, weights[mine])
    return missed
