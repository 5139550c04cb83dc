"""Least-squares classification with kernels, and its exact leave-one-out scores.

Nearness of sentence vectors (radial) plus nearness of sparse features (linear). One decomposition
gives the weights, and with its inverse the score of every example by the model without it, so that
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


def radial(cosines: Floats, gamma: float) -> Floats:
    """Nearness in (0, 1] of unit vectors by their cosines."""
    result: Floats = np.exp(gamma * (cosines - 1)).astype(np.float32)
    return result


def gram(sparse: Any, dense: Floats, *, gamma: float, share: float) -> Floats:
    """The kernel of every example with every other."""
    kernel: Floats = radial(dense @ dense.T, gamma)
    for start in range(0, len(kernel), _BLOCK):
        rows = slice(start, start + _BLOCK)
        kernel[rows] += np.float32(share) * (sparse[rows] @ sparse.T).toarray()
    return kernel


def targets(labels: npt.NDArray[np.int64], classes: int) -> Floats:
    """One column a class: 1 for its examples, 0 for the others."""
    result: Floats = np.eye(classes, dtype=np.float32)[labels]
    return result


def fit(kernel: Floats, wanted: Floats, ridge: float) -> Floats:
    """Weights of the examples (examples x classes)."""
    from scipy.linalg import cho_factor, cho_solve

    damped = kernel.copy()
    damped[np.diag_indices_from(damped)] += np.float32(ridge)
    weights: Floats = cho_solve(cho_factor(damped, lower=True, overwrite_a=True, check_finite=False), wanted)
    return weights


def leave_one_out(kernel: Floats, wanted: Floats, ridge: float) -> Floats:
    """Scores of each example by the model trained on all the others."""
    from scipy.linalg import lapack

    damped = kernel.copy()
    damped[np.diag_indices_from(damped)] += np.float32(ridge)
    factor, failed = lapack.spotrf(damped, lower=1, overwrite_a=1)
    if failed:
        raise ValueError("the kernel is not positive definite; raise the ridge")
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse)
    weights = lower @ wanted + np.tril(inverse, -1).T @ wanted
    result: Floats = wanted - weights / np.diag(inverse)[:, None]
    return result
