"""How an `IntentModel` is trained, and how it learns when it may be trusted.

Confidence is learnt from decisions on examples that were held out: a third of them for the cheap head, each
one by itself for the kernel head, which gives that in closed form.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nlu.components import corpus, kernel
from nlu.components.encoder import Encoder
from nlu.components.features import Vectorizer
from nlu.components.intent_model import (
    OUT_OF_SCOPE,
    Decision,
    Dense,
    IntentModel,
    Sparse,
    scope_shape,
    shape,
)
from nlu.components.linear import Judge, fit_margin, fit_temperature, precise_from
from nlu.components.noise import any_of, gibberish
from nlu.components.spelling import Speller
from nlu.components.text import normalise

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

_HELD = 3
"""One example in so many is held out for the cheap head."""
_SEED = 20261123
_GIBBERISH = 40
_FEW = 2500
"""Examples up to which the kernel is tried in several forms, which costs little there."""
_IN_TWO_HUNDRED = 2.58
"""Standard deviations above the mean that one in two hundred exceeds."""
_JUDGED = 2500
"""Decisions to learn confidence from; more would cost more than they teach."""


@dataclass(frozen=True)
class Options:
    """What may be tuned; the defaults are the ones the assistant ships with.

    `gamma`, `share` and `ridge` belong to the kernel: width, part of the sparse features, damping (twice that
    for many examples: one by one left out, of 9,960 sentences 0.921 are right, not 0.918, of ours as many).
    `noise` is the share of examples that the cheap head sees a second time as thumbs would have typed
    them; the encoder's vectors move too far under noise to teach anything.
    """

    strength: float = 1.0
    gamma: float = 2.0
    share: float = 1.0
    ridge: float = 0.15
    noise: float = 0.33
    cheap_precision: float = 0.99


@dataclass(frozen=True)
class HeldOut:
    """A decision on an example that the model had not seen."""

    text: str
    intent: str
    decision: Decision


@dataclass
class _Rows:
    """Training rows, originals first, then noisy copies; `origin` says whose copy a row is."""

    clean: list[str]
    labels: Order
    origin: Order
    originals: int
    sparse: Any
    dense: Floats | None = None


def fit(
    texts: Sequence[str], labels: Sequence[str], encoder: Encoder | None, options: Options | None = None
) -> tuple[IntentModel, list[HeldOut]]:
    """Train on texts and their intents; also return decisions on examples that were held out.

    The same input gives the same model. Raises ValueError with fewer than two intents.
    """
    options = options or Options()
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise ValueError("an intent model needs at least two intents")
    speller = Speller.fit(texts)
    texts, labels = _with_gibberish(texts, labels)
    rows, vectorizer = _prepare(texts, np.array([intents.index(label) for label in labels]), speller, options)
    model = IntentModel(
        intents, speller, vectorizer, Sparse(*_margin(rows, np.ones(len(rows.labels), bool), options))
    )
    left, scores = _hold_out(rows, model, options)
    if encoder is None:
        cheap = [
            model.judged(row * model.sparse.temperature, None, _known(rows, int(i)))
            for i, row in zip(left, scores, strict=True)
        ]
        return model, _named(texts, labels, left, cheap)
    rows.dense = encoder.encode(rows.clean[: rows.originals])
    chosen, decisions = _kernel_head(model, rows, options)
    return model, _named(texts, labels, chosen, decisions)


def _with_gibberish(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Typing without sense is out of scope, where there is such a thing."""
    if OUT_OF_SCOPE not in labels:
        return list(texts), list(labels)
    typed = sorted(set(gibberish(_GIBBERISH, random.Random(_SEED))))
    return [*texts, *typed], [*labels, *[OUT_OF_SCOPE] * len(typed)]


def _prepare(
    texts: Sequence[str], gold: Order, speller: Speller, options: Options
) -> tuple[_Rows, Vectorizer]:
    # Each text has its own lot, so that another text's coming or going changes no copy but its own.
    lots = [crc32(text.encode("utf-8", "replace")) for text in texts]
    copied = [index for index, lot in enumerate(lots) if lot < options.noise * 2**32]
    typed = [*texts, *(any_of(texts[index], random.Random(lots[index])) for index in copied)]
    clean = [speller.correct(normalise(text)) for text in typed]
    vectorizer, sparse = corpus.fit(clean)
    origin = np.array([*range(len(texts)), *copied], np.int64)
    return _Rows(clean, gold[origin], origin, len(texts), sparse), vectorizer


def _margin(rows: _Rows, chosen: npt.NDArray[np.bool_], options: Options) -> tuple[Floats, Floats]:
    classes = int(rows.labels.max()) + 1
    return fit_margin(rows.sparse[chosen], rows.labels[chosen], classes, strength=options.strength)


def _hold_out(rows: _Rows, model: IntentModel, options: Options) -> tuple[Order, Floats]:
    """Examples that the cheap head had not seen, and its scores; sets its temperature and its judge."""
    gold = rows.labels[: rows.originals]
    held = _held(gold)
    weights, biases = _margin(rows, ~held[rows.origin], options)
    left = np.flatnonzero(held)
    scores = rows.sparse[left] @ weights + biases
    hits = scores.argmax(axis=1) == gold[left]
    shapes = np.stack([shape(row) for row in scores])
    model.sparse.temperature = fit_temperature(scores, gold[left])
    model.sparse.judge = Judge.fit(shapes, hits)
    model.sparse.threshold = precise_from(model.sparse.judge.chances(shapes), hits, options.cheap_precision)
    if OUT_OF_SCOPE in model.intents:
        _learn_scope(model, rows.sparse[left], scores, gold[left])
    return left, scores


def _learn_scope(model: IntentModel, sparse: Any, scores: Floats, gold: Order) -> None:
    """Teach the cheap head what lies outside, and from where on one outsider in two hundred is taken in.

    There may be few of them, so the place comes from the spread of their scores and not from counting.
    """
    outside = model.intents.index(OUT_OF_SCOPE)
    lengths = np.asarray(sparse.multiply(sparse).sum(axis=1)).ravel()
    shapes = np.stack(
        [scope_shape(row, outside, float(length)) for row, length in zip(scores, lengths, strict=True)]
    )
    model.sparse.scope = Judge.fit(shapes, gold != outside)
    chances = model.sparse.scope.chances(shapes[gold == outside]).clip(1e-9, 1 - 1e-9)
    logits = np.log(chances / (1 - chances))
    if len(logits) > 1:
        model.sparse.inside = float(1 / (1 + np.exp(-(logits.mean() + _IN_TWO_HUNDRED * logits.std()))))


def _held(labels: Order) -> npt.NDArray[np.bool_]:
    """Which examples to hold out: of every intent alike, the same at every run."""
    dice = np.random.default_rng(_SEED)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mine = dice.permutation(np.flatnonzero(labels == label))
        held[mine[int(label) % _HELD :: _HELD]] = True
    return held


def _kernel_head(model: IntentModel, rows: _Rows, options: Options) -> tuple[Order, list[Decision]]:
    """Fit the kernel head on the originals; return examples left out one by one, and decisions on them."""
    assert rows.dense is not None
    # Those to be left out come last: their honest scores then cost next to nothing.
    chosen = _judged(rows.originals)
    order = np.concatenate([np.setdiff1d(np.arange(rows.originals), chosen), chosen])
    labels, sparse, dense = rows.labels[order], rows.sparse[order], rows.dense[order]
    wanted = kernel.targets(labels, len(model.intents))
    share = _share(sparse, dense, wanted, options)
    matrix = kernel.gram(sparse, dense, gamma=options.gamma, share=share)
    ridge = options.ridge if len(wanted) <= _FEW else 2 * options.ridge
    weights, scores = kernel.solve(matrix, wanted, ridge, len(chosen))
    part = kernel.primal(sparse, weights, share)
    model.dense = Dense(dense, labels.astype(np.int32), weights, part, options.gamma)
    model.dense.temperature = fit_temperature(scores, labels[-len(chosen) :])
    cosines = dense[-len(chosen) :] @ dense.T
    cosines[np.arange(len(chosen)), np.arange(-len(chosen), 0)] = -1  # an example is no neighbour of itself
    decisions = [
        model.judged(score * model.dense.temperature, near, _known(rows, int(index)))
        for index, near, score in zip(chosen, cosines, scores, strict=True)
    ]
    return chosen, decisions


def _share(sparse: Any, dense: Floats, wanted: Floats, options: Options) -> float:
    """The part of the sparse features: of few examples they say less, so it is chosen by leaving out."""
    if len(wanted) > _FEW:
        return options.share
    meant = wanted.argmax(axis=1)

    def right(share: float) -> int:
        matrix = kernel.gram(sparse, dense, gamma=options.gamma, share=share)
        _, scores = kernel.solve(matrix, wanted, options.ridge, len(wanted))
        return int((scores.argmax(axis=1) == meant).sum())

    return max((options.share, options.share / 2, options.share / 4), key=right)


def _judged(count: int) -> Order:
    if count <= _JUDGED:
        return np.arange(count)
    return np.sort(np.random.default_rng(_SEED).choice(count, _JUDGED, replace=False))


def _known(rows: _Rows, index: int) -> int:
    return int(rows.sparse.indptr[index + 1] - rows.sparse.indptr[index])


def _named(
    texts: Sequence[str], labels: Sequence[str], chosen: Any, decisions: Sequence[Decision]
) -> list[HeldOut]:
    return [HeldOut(texts[i], labels[i], decision) for i, decision in zip(chosen, decisions, strict=True)]
