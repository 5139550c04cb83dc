"""Linear heads: weights, their training, and scores turned into probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def softmax(scores: Floats) -> Floats:
    """Row-wise probabilities."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return result


def fit_margin(
    rows: Any, labels: npt.NDArray[np.int64], classes: int, *, strength: float
) -> tuple[Floats, Floats]:
    """One-against-rest maximum-margin weights (features x classes) and biases for sparse rows."""
    from sklearn.svm import LinearSVC

    head = LinearSVC(C=strength, tol=0.02, max_iter=300, random_state=7)
    head.fit(rows, labels)
    return _spread(head, rows.shape[1], classes)


def fit_logistic(
    rows: Any, labels: npt.NDArray[np.int64], classes: int, *, strength: float
) -> tuple[Floats, Floats]:
    """Multinomial logistic weights (features x classes) and biases for dense rows."""
    from sklearn.linear_model import LogisticRegression

    head = LogisticRegression(C=strength, tol=0.01, max_iter=60)
    head.fit(rows, labels)
    return _spread(head, rows.shape[1], classes)


def _spread(head: Any, width: int, classes: int) -> tuple[Floats, Floats]:
    """Weights for all classes, also those absent from a fold (never chosen: bias -9)."""
    weights = np.zeros((width, classes), np.float32)
    biases = np.full(classes, -9, np.float32)
    if len(head.classes_) == 2:
        first, second = head.classes_
        for label, sign in ((first, -1), (second, 1)):
            weights[:, label] = sign * head.coef_[0]
            biases[label] = sign * head.intercept_[0]
    else:
        weights[:, head.classes_] = head.coef_.T
        biases[head.classes_] = head.intercept_
    return weights, biases


def fit_blend(heads: Sequence[Floats], labels: npt.NDArray[np.int64]) -> list[float]:
    """Factors, one a head, whose weighted sum of scores gives the likeliest probabilities."""
    from scipy.optimize import minimize

    picked = np.arange(len(labels))

    def loss(logs: npt.NDArray[np.float64]) -> float:
        scores = sum(np.exp(log) * head for log, head in zip(logs, heads, strict=True))
        scores = np.asarray(scores, np.float64)
        raised = scores - scores.max(axis=1, keepdims=True)
        return float((np.log(np.exp(raised).sum(axis=1)) - raised[picked, labels]).mean())

    found = minimize(loss, np.ones(len(heads)), method="Nelder-Mead", options={"maxiter": 120, "xatol": 0.02})
    return [float(value) for value in np.exp(found.x)]


def fit_sigmoid(rows: Floats, hits: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, float]:
    """Mean, scale, weights and bias of a logistic that says how likely each row is a hit.

    With only one outcome seen there is nothing to learn: weights are zero and the bias is firm.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    if hits.all() or not hits.any():
        return mean, scale, np.zeros(rows.shape[1], np.float32), 4.0 if hits.all() else -4.0
    head = LogisticRegression(C=1.0, max_iter=200).fit((rows - mean) / scale, hits)
    return mean, scale, head.coef_[0].astype(np.float32), float(head.intercept_[0])
