"""Linear heads: weights and their training, and scores turned into probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Hits = npt.NDArray[np.bool_]


def softmax(scores: Floats) -> Floats:
    """Row-wise probabilities."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return result


def fit_margin(
    rows: Any, labels: npt.NDArray[np.int64], classes: int, *, strength: float
) -> tuple[Floats, Floats]:
    """Maximum-margin weights (features x classes) and biases for sparse rows, all classes at once.

    A class absent from the labels (in a fold) is never chosen. Stopped early: by cross-validation that is as
    right as going on, and takes half as long. (Crammer & Singer 2001; by cross-validation on our sentences a
    third cheaper than one class against the rest, and 0.3 points better.)
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    head = LinearSVC(C=strength, multi_class="crammer_singer", tol=1.0, max_iter=300, random_state=7)
    with warnings.catch_warnings():
        # liblinear does not count the rounds of this kind: scikit-learn warns of a number nobody has set.
        warnings.simplefilter("ignore", ConvergenceWarning)
        head.fit(rows, labels)
    weights = np.zeros((rows.shape[1], classes), np.float32)
    biases = np.full(classes, -9, np.float32)
    if len(head.classes_) == 2:
        for label, sign in zip(head.classes_, (-1, 1), strict=True):
            weights[:, label], biases[label] = sign * head.coef_[0], sign * head.intercept_[0]
    else:
        weights[:, head.classes_], biases[head.classes_] = head.coef_.T, head.intercept_
    return weights, biases


def fit_temperature(scores: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The factor on scores that makes the probabilities of the right classes likeliest."""
    from scipy.optimize import minimize_scalar

    picked = np.arange(len(labels))

    def loss(log: float) -> float:
        scaled = np.exp(log) * scores.astype(np.float64)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[picked, labels]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))


@dataclass
class Judge:
    """A logistic on evidence: how likely it goes with a hit."""

    mean: list[float]
    scale: list[float]
    weights: list[float]
    bias: float

    @classmethod
    def fit(cls, rows: Floats, hits: Hits, counts: Floats | None = None) -> Judge:
        """Learn from rows of evidence; with one outcome only there is nothing to learn but that one.

        `counts` says how many examples each row stands for.
        """
        from sklearn.linear_model import LogisticRegression

        mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        if hits.all() or not hits.any():
            return cls(mean.tolist(), scale.tolist(), [0.0] * rows.shape[1], 4.0 if hits.all() else -4.0)
        head = LogisticRegression(C=1.0, max_iter=200).fit((rows - mean) / scale, hits, counts)
        return cls(mean.tolist(), scale.tolist(), head.coef_[0].tolist(), float(head.intercept_[0]))

    def chances(self, rows: Floats) -> Floats:
        """How likely each row of evidence is a hit."""
        scaled = (rows - np.array(self.mean)) / np.array(self.scale)
        result: Floats = 1 / (1 + np.exp(-(scaled @ np.array(self.weights) + self.bias)))
        return result

    def facts(self) -> dict[str, Any]:
        """Fit for JSON, and for making the judge again."""
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "bias": self.bias}


def precise_from(chances: Floats, hits: Hits, wanted: float, counts: Floats | None = None) -> float:
    """The lowest chance from which on at least `wanted` of the decisions were hits; 1.01 if none is.

    `counts` says how many examples each decision stands for.
    """
    order = np.argsort(-chances)
    total = np.ones(len(order)) if counts is None else counts[order]
    share = np.cumsum(hits[order] * total) / np.cumsum(total)
    good = np.flatnonzero(share >= wanted)
    return float(chances[order[good[-1]]]) if len(good) else 1.01
