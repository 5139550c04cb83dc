"""How an `IntentModel` is trained, and how it learns when it may be trusted.

Confidence is learnt from decisions on examples that were held out: a part of them for the cheap head, fifths
in turn for the kernel head, which gives that in closed form.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nlu.components import corpus, kernel, rivals
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
from nlu.components.linear import Judge, fit_margin, fit_temperature, precise_from, softmax
from nlu.components.noise import any_of, gibberish
from nlu.components.spelling import Speller
from nlu.components.text import normalise

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

_HELD = 3
"""One example in so many is held out for the cheap head, of many examples one in twice as many."""
_SEED = 20261123
_GIBBERISH = 40
_FEW = 2500
"""Examples up to which the kernel is tried in several forms, which costs little there."""
_IN_TWO_HUNDRED = 2.58
"""Standard deviations above the mean that one in two hundred exceeds."""
_TRIED = 1500
"""Examples on which the kernel is tried where there are many."""
_WORD = re.compile(r"[^\W_]+")
_JUDGED = 2500
"""Decisions to learn confidence from; more would cost more than they teach."""
_FIFTHS = 5
"""Parts that are left out in turn: what lies outside comes in families ('cancel my flight', 'cancel my
train'), and left out one by one each would be known by its kin, as a stranger's is not."""


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
    """A decision on an example that the model had not seen, and how many examples it stands for."""

    text: str
    intent: str
    decision: Decision
    count: float = 1.0

    def noted(self) -> list[Any]:
        """What the scope gate learns from, fit for JSON: intent, ranking, evidence, count."""
        return [self.intent, self.decision.ranking[:3], self.decision.evidence, self.count]


@dataclass
class _Rows:
    """Training rows, originals first, then noisy copies; `origin` says whose copy a row is."""

    clean: list[str]
    labels: Order
    origin: Order
    originals: int
    sparse: Any
    dense: Floats | None = None

    @property
    def known(self) -> Order:
        """How many features of each row are known."""
        found: Order = np.diff(self.sparse.indptr)
        return found


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
    given = len(texts)
    texts, labels = _with_names(*_with_gibberish(texts, labels))
    rows, vectorizer = _prepare(texts, np.array([intents.index(label) for label in labels]), speller, options)
    model = IntentModel(intents, speller, vectorizer, Sparse.untrained())
    left, scores = _cheap_head(model, rows, options, alone=encoder is None)
    if encoder is None:
        cheap = decisions_of(model, scores * model.sparse.temperature, None, rows.known[left])
        return model, named(texts[:given], labels, left, cheap)
    rows.dense = encoder.encode(rows.clean[: rows.originals])
    chosen, decisions = _kernel_head(model, rows, options)
    return model, named(texts[:given], labels, chosen, decisions)


def _with_gibberish(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Typing without sense is out of scope, where there is such a thing."""
    if OUT_OF_SCOPE not in labels:
        return list(texts), list(labels)
    typed = sorted(set(gibberish(_GIBBERISH, random.Random(_SEED))))
    return [*texts, *typed], [*labels, *[OUT_OF_SCOPE] * len(typed)]


def _with_names(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """The name of an intent says what it is about: of few examples it makes one more ('card_arrival')."""
    named = sorted(set(labels) - {OUT_OF_SCOPE}) if len(texts) <= _FEW else []
    return [*texts, *(" ".join(_WORD.findall(name)).lower() for name in named)], [*labels, *named]


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


def _cheap_head(model: IntentModel, rows: _Rows, options: Options, *, alone: bool) -> tuple[Order, Floats]:
    """Train the cheap head and teach it how sure it may be; examples it had not seen, its scores of them.

    Of many examples a sixth is held out, and what learnt from the rest stays: its sureness is learnt from
    its own decisions, and one training is enough. Of few each third is held out in turn, and in the end it
    learns from all; so it does from many where it decides `alone`, after one third.
    """
    gold, every = rows.labels[: rows.originals], rows.originals <= _FEW
    parts = _parts(gold, _HELD if every or alone else 2 * _HELD)
    scores = np.zeros((rows.originals, len(model.intents)), np.float32)
    turns = range(_HELD) if every else range(1)
    for turn in turns:
        left = np.flatnonzero(parts == turn)
        weights, biases = _margin(rows, parts[rows.origin] != turn, options)
        scores[left] = rows.sparse[left] @ weights + biases
    left = np.flatnonzero(np.isin(parts, turns))
    if every or alone:
        weights, biases = _margin(rows, np.ones(len(rows.labels), bool), options)
    model.sparse = Sparse(weights, biases)
    _learn_sureness(model, rows.sparse[left], scores[left], gold[left], options.cheap_precision)
    return left, scores[left]


def _learn_sureness(model: IntentModel, sparse: Any, scores: Floats, gold: Order, precision: float) -> None:
    hits = scores.argmax(axis=1) == gold
    shapes = np.stack([shape(row) for row in scores])
    model.sparse.temperature = fit_temperature(scores, gold)
    model.sparse.judge = Judge.fit(shapes, hits)
    model.sparse.threshold = precise_from(model.sparse.judge.chances(shapes), hits, precision)
    if OUT_OF_SCOPE in model.intents:
        _learn_scope(model, sparse, scores, gold)


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


def _parts(labels: Order, count: int) -> Order:
    """The part, of `count`, that each example belongs to: of every intent alike, the same at every run."""
    dice = np.random.default_rng(_SEED)
    parts = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        mine = dice.permutation(np.flatnonzero(labels == label))
        parts[mine] = (np.arange(len(mine)) - int(label)) % count
    return parts


def _kernel_head(model: IntentModel, rows: _Rows, options: Options) -> tuple[Order, list[Decision]]:
    """Fit the kernel head on the originals; return examples left out in parts, and decisions on them."""
    assert rows.dense is not None
    # Those to be left out come last: their honest scores then cost next to nothing.
    chosen = judged(rows.labels[: rows.originals], model.outside)
    parts = _parts(rows.labels[chosen], _FIFTHS)
    order = np.concatenate([np.setdiff1d(np.arange(rows.originals), chosen), chosen])
    labels, sparse, dense = rows.labels[order], rows.sparse[order], rows.dense[order]
    wanted = kernel.targets(labels, len(model.intents))
    share = _share(sparse, dense, wanted, options)
    matrix = kernel.gram(sparse, dense, gamma=options.gamma, share=share)
    ridge = options.ridge if len(wanted) <= _FEW else 2 * options.ridge
    # Before the kernel is overwritten.
    looks = rivals.fit(matrix, sparse, dense, labels, parts, outside=model.outside, ridge=ridge, share=share)
    weights, scores = kernel.solve(matrix, wanted, ridge, len(chosen), parts)
    rivals.settle_all(scores, looks, model.outside)
    part = kernel.primal(sparse, weights, share)
    model.dense = Dense(dense, labels.astype(np.int32), weights, part, options.gamma)
    model.dense.looks = {intent: look for intent, (look, _) in looks.items()}
    model.dense.temperature = fit_temperature(scores, labels[-len(chosen) :])
    cosines = dense[-len(chosen) :] @ dense.T
    # What is left out together is nobody's neighbour.
    cosines[:, -len(chosen) :][parts[:, None] == parts] = -1
    return chosen, decisions_of(model, scores * model.dense.temperature, cosines, rows.known[chosen])


def decisions_of(model: IntentModel, scores: Floats, cosines: Floats | None, known: Order) -> list[Decision]:
    """What `IntentModel.judged` says of each row, all rows at once; of the ranking the first three."""
    count, outside = np.arange(len(scores)), model.outside
    inside = scores.copy()
    if outside is not None:
        inside[:, outside] = -np.inf
    top = inside.argmax(axis=1)
    first = scores[count, top]
    second = np.partition(inside, -2, axis=1)[:, -2] if inside.shape[1] > 2 else np.zeros_like(first)
    other = scores[:, outside] if outside is not None else np.zeros_like(first)
    near = np.zeros((3, len(scores)), np.float32)
    if cosines is not None and model.dense is not None:
        closest = np.zeros_like(scores)
        for intent in range(len(model.intents)):
            mine = cosines[:, model.dense.owners == intent]
            closest[:, intent] = mine.max(axis=1, initial=0)
        near[0], near[2] = closest[count, top], closest.max(axis=1)
        near[1] = closest[:, outside] if outside is not None else 0
    columns = [first, first - second, first - other, other, *near, np.log1p(known)]
    evidence = np.stack(columns, axis=1).tolist()
    ranked, chances = np.argsort(-scores, axis=1)[:, :3], softmax(scores)
    return [
        Decision([(model.intents[i], float(chance[i])) for i in order], row)
        for order, chance, row in zip(ranked, chances, evidence, strict=True)
    ]


def _share(sparse: Any, dense: Floats, wanted: Floats, options: Options) -> float:
    """The part of the sparse features, chosen by leaving out: of few examples, or where wordings say little,
    they count for less. Of many examples some decide for all."""
    some = np.arange(len(wanted))
    if len(wanted) > _FEW:
        some = np.sort(np.random.default_rng(_SEED).choice(some, _TRIED, replace=False))
    sparse, dense, wanted = sparse[some], dense[some], wanted[some]
    meant, near = wanted.argmax(axis=1), kernel.radial(dense @ dense.T, options.gamma)
    shared = kernel.gram(sparse, dense, gamma=options.gamma, share=1.0) - near

    def right(share: float) -> int:
        _, scores = kernel.solve(near + share * shared, wanted, options.ridge, len(wanted))
        return int((scores.argmax(axis=1) == meant).sum())

    share, best = options.share, right(options.share)
    for less in (options.share / 2, options.share / 4):
        # Where less is no better, still less is not tried.
        if (found := right(less)) <= best:
            break
        share, best = less, found
    return share


def judged(labels: Order, outside: int | None) -> Order:
    """Examples to judge: all that lie outside, as far as they are the fewer, and of the others by lot."""
    dice = np.random.default_rng(_SEED)
    strangers, ours = np.flatnonzero(labels == outside), np.flatnonzero(labels != outside)
    if len(labels) <= _JUDGED:
        return np.arange(len(labels))
    strangers = dice.permutation(strangers)[: _JUDGED // 2]
    return np.sort(np.concatenate([strangers, dice.permutation(ours)[: _JUDGED - len(strangers)]]))


def named(
    texts: Sequence[str], labels: Sequence[str], chosen: Order, decisions: Sequence[Decision]
) -> list[HeldOut]:
    """The decisions on given texts by name: what was made up for training is easier than what people say."""
    gold = np.array(labels)
    outside = gold == OUT_OF_SCOPE
    counts = np.zeros(len(gold))
    for group in (outside, ~outside):
        counts[group] = group.sum() / max(1, group[chosen].sum())
    return [
        HeldOut(texts[i], labels[i], decision, float(counts[i]))
        for i, decision in zip(chosen, decisions, strict=True)
        if i < len(texts)
    ]
