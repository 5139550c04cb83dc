"""The intent model of one audience: a cheap sparse head, and a kernel head that reads sentence vectors.

The cheap head decides what it is sure of; the rest goes to the sentence encoder. How sure either may be
is learnt from decisions on examples held out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.components import kernel
from nlu.components.encoder import Encoder
from nlu.components.features import Vectorizer, features
from nlu.components.linear import Judge, fit_margin, fit_temperature, precise_from, softmax
from nlu.components.noise import any_of, gibberish
from nlu.components.spelling import Speller
from nlu.components.text import normalise

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

OUT_OF_SCOPE = "out_of_scope"
_FOLDS = 3
_SEED = 20261123
_GIBBERISH = 40
_BLOCK = 500
_JUDGED = 4000
"""Examples left out one by one to learn confidence; more would cost more than they teach."""


@dataclass(frozen=True)
class Options:
    """What may be tuned; the defaults are the ones the assistant ships with.

    `gamma`, `share` and `ridge` belong to the kernel: width, part of the sparse features, damping.
    `noise` is the share of examples that the cheap head sees a second time as thumbs would have typed
    them; the encoder's vectors move too far under noise to teach anything.
    """

    strength: float = 1.0
    gamma: float = 2.0
    share: float = 0.25
    ridge: float = 0.15
    noise: float = 0.33
    cheap_precision: float = 0.99


@dataclass(frozen=True)
class Decision:
    """Intents from likely to unlikely, the evidence for the scope gate, and how sure a cheap decision is."""

    ranking: list[tuple[str, float]]
    evidence: list[float]
    sure: float | None = None


@dataclass(frozen=True)
class Pending:
    """A message the cheap head is not sure of: its prepared text and sparse features."""

    clean: str
    ids: npt.NDArray[np.int32]
    values: Floats


@dataclass(frozen=True)
class HeldOut:
    """A decision on an example that the model had not seen."""

    text: str
    intent: str
    decision: Decision


@dataclass
class Sparse:
    """The cheap head: weights (features x classes), biases, temperature, and its judge of sureness."""

    weights: Floats
    biases: Floats
    temperature: float = 1.0
    judge: Judge | None = None
    threshold: float = 1.01

    def scores(self, ids: npt.NDArray[np.int32], values: Floats) -> Floats:
        """One score a class."""
        result: Floats = values @ self.weights[ids] + self.biases
        return result

    def sureness(self, scores: Floats) -> float:
        """How likely the first class is right."""
        return float(self.judge.chances(_shape(scores)[None, :])[0]) if self.judge else 0.0


@dataclass
class Dense:
    """The kernel head: sentence vectors of the examples, their weights, and the part of the features."""

    examples: Floats
    owners: npt.NDArray[np.int32]
    weights: Floats
    features: Floats
    gamma: float
    temperature: float = 1.0

    def scores(self, cosines: Floats, ids: npt.NDArray[np.int32], values: Floats) -> Floats:
        """One score a class, from the cosines with the examples and the sparse features."""
        near = kernel.radial(cosines, self.gamma)
        result: Floats = near @ self.weights + values @ self.features[ids]
        return result


@dataclass
class IntentModel:
    """See the module. `facts` and `arrays` are what is kept of it, `restore` brings it back."""

    intents: list[str]
    speller: Speller
    vectorizer: Vectorizer
    sparse: Sparse
    dense: Dense | None = None
    _outside: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if OUT_OF_SCOPE in self.intents:
            self._outside = self.intents.index(OUT_OF_SCOPE)

    def prepare(self, text: str) -> str:
        """The text as the heads see it."""
        return self.speller.correct(normalise(text))

    def decide(self, text: str, encoder: Encoder | None, *, thrifty: bool = True) -> Decision:
        """Decide one message; the encoder is asked only where the cheap head is not sure enough."""
        begun = self.begin(text, use_encoder=encoder is not None, thrifty=thrifty)
        if isinstance(begun, Decision):
            return begun
        assert encoder is not None
        return self.finish(begun, encoder.encode([begun.clean])[0])

    def begin(self, text: str, *, use_encoder: bool, thrifty: bool) -> Decision | Pending:
        """The cheap head's decision if it is sure, or all there is; else what `finish` needs."""
        clean = self.prepare(text)
        ids, values = self.vectorizer.vector(features(clean))
        cheap = self.sparse.scores(ids, values)
        if self.dense is None:
            return self.judged(cheap * self.sparse.temperature, None, len(ids))
        sure = self.sparse.sureness(cheap)
        if not use_encoder or (thrifty and sure >= self.sparse.threshold):
            return Decision(self._ranking(cheap * self.sparse.temperature), [], sure)
        return Pending(clean, ids, values)

    def finish(self, pending: Pending, vector: Floats) -> Decision:
        """The kernel head's decision, given the sentence vector of `pending.clean`."""
        assert self.dense is not None
        cosines = self.dense.examples @ vector
        scores = self.dense.scores(cosines, pending.ids, pending.values) * self.dense.temperature
        return self.judged(scores, cosines, len(pending.ids))

    def judged(self, scores: Floats, cosines: Floats | None, known: int) -> Decision:
        """A decision with its evidence: scores and margins, the nearest examples, how much is known."""
        inside = scores.copy()
        if self._outside is not None:
            inside[self._outside] = -np.inf
        top = int(inside.argmax())
        second = float(np.partition(inside, -2)[-2]) if len(inside) > 2 else 0.0
        outside = float(scores[self._outside]) if self._outside is not None else 0.0
        near, near_outside, nearest = self._nearness(cosines, top)
        evidence = [
            float(scores[top]), float(scores[top]) - second, float(scores[top]) - outside, outside,
            near, near_outside, nearest, float(np.log1p(known)),
        ]  # fmt: skip
        return Decision(self._ranking(scores), evidence)

    def _ranking(self, scores: Floats) -> list[tuple[str, float]]:
        chances = softmax(scores)
        return [(self.intents[i], float(chances[i])) for i in np.argsort(-chances)]

    def _nearness(self, cosines: Floats | None, top: int) -> tuple[float, float, float]:
        """Cosine of the nearest example: of the likeliest intent, out of scope, of all."""
        if cosines is None or self.dense is None:
            return 0.0, 0.0, 0.0
        mine = cosines[self.dense.owners == top]
        outside = cosines[self.dense.owners == self._outside] if self._outside is not None else mine[:0]
        return float(mine.max(initial=0)), float(outside.max(initial=0)), float(cosines.max(initial=0))

    # -- keeping ----------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The numbers of the model, in half precision where it costs nothing."""
        kept: dict[str, npt.NDArray[Any]] = {
            "idf": self.vectorizer.idf,
            "sparse": _half(self.sparse.weights),
            "biases": self.sparse.biases,
        }
        if self.dense is not None:
            kept |= {"examples": _half(self.dense.examples), "owners": self.dense.owners}
            kept |= {"weights": _half(self.dense.weights), "features": _half(self.dense.features)}
        return kept

    def facts(self) -> dict[str, Any]:
        """The rest of the model, fit for JSON."""
        return {
            "intents": self.intents,
            "vocabulary": list(self.vectorizer.vocabulary),
            "words": list(self.speller.counts.items()),
            "temperature": self.sparse.temperature,
            "threshold": self.sparse.threshold,
            "judge": self.sparse.judge.facts() if self.sparse.judge else None,
            "dense": {"gamma": self.dense.gamma, "temperature": self.dense.temperature}
            if self.dense
            else None,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> IntentModel:
        """The model that gave `facts` and `arrays`."""
        vocabulary = {name: index for index, name in enumerate(facts["vocabulary"])}
        judge = Judge(**facts["judge"]) if facts["judge"] else None
        sparse = Sparse(
            _full(arrays["sparse"]), arrays["biases"], facts["temperature"], judge, facts["threshold"]
        )
        dense = None
        if facts["dense"]:
            examples, owners = _full(arrays["examples"]), arrays["owners"]
            weights, features = _full(arrays["weights"]), _full(arrays["features"])
            dense = Dense(examples, owners, weights, features, **facts["dense"])
        words = [(word, count) for word, count in facts["words"]]
        return cls(
            list(facts["intents"]), Speller(words), Vectorizer(vocabulary, arrays["idf"]), sparse, dense
        )


def _half(numbers: Floats) -> npt.NDArray[np.float16]:
    return numbers.astype(np.float16)


def _full(numbers: npt.NDArray[Any]) -> Floats:
    return numbers.astype(np.float32)


def _shape(scores: Floats) -> Floats:
    """What the cheap head's own scores say about their trustworthiness."""
    first, second, third = [*np.sort(scores)[::-1][:3], -1, -1][:3]
    return np.array([first, first - second, second - third, second], np.float32)


# -- training -------------------------------------------------------------------------------------


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
    held = _hold_out(rows, model, options)
    if encoder is None:
        judged = [
            model.judged(held[i] * model.sparse.temperature, None, _known(rows, i))
            for i in range(rows.originals)
        ]
        return model, _named(texts, labels, range(rows.originals), judged)
    rows.dense = encoder.encode(rows.clean[: rows.originals])
    chosen, scores = _kernel_head(model, rows, options)
    return model, _named(texts, labels, chosen, _kernel_decisions(model, rows, chosen, scores))


def _with_gibberish(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Typing without sense is out of scope, where there is such a thing."""
    if OUT_OF_SCOPE not in labels:
        return list(texts), list(labels)
    typed = sorted(set(gibberish(_GIBBERISH, random.Random(_SEED))))
    return [*texts, *typed], [*labels, *[OUT_OF_SCOPE] * len(typed)]


def _prepare(
    texts: Sequence[str], gold: Order, speller: Speller, options: Options
) -> tuple[_Rows, Vectorizer]:
    dice = random.Random(_SEED)
    copied = [index for index in range(len(texts)) if dice.random() < options.noise]
    typed = [*texts, *(any_of(texts[index], dice) for index in copied)]
    clean = [speller.correct(normalise(text)) for text in typed]
    found = [features(text) for text in clean]
    vectorizer = Vectorizer.fit(found)
    origin = np.array([*range(len(texts)), *copied], np.int64)
    return _Rows(clean, gold[origin], origin, len(texts), vectorizer.matrix(found)), vectorizer


def _margin(rows: _Rows, chosen: npt.NDArray[np.bool_], options: Options) -> tuple[Floats, Floats]:
    classes = int(rows.labels.max()) + 1
    return fit_margin(rows.sparse[chosen], rows.labels[chosen], classes, strength=options.strength)


def _hold_out(rows: _Rows, model: IntentModel, options: Options) -> Floats:
    """Scores of the cheap head on folds it had not seen; sets its temperature and its judge."""
    gold = rows.labels[: rows.originals]
    fold = _folds(gold)
    scores = np.zeros((rows.originals, len(model.intents)), np.float32)
    for number in range(_FOLDS):
        left = np.flatnonzero(fold == number)
        weights, biases = _margin(rows, fold[rows.origin] != number, options)
        scores[left] = rows.sparse[left] @ weights + biases
    hits = scores.argmax(axis=1) == gold
    shapes = np.stack([_shape(row) for row in scores])
    model.sparse.temperature = fit_temperature(scores, gold)
    model.sparse.judge = Judge.fit(shapes, hits)
    model.sparse.threshold = precise_from(model.sparse.judge.chances(shapes), hits, options.cheap_precision)
    return scores


def _folds(labels: Order) -> Order:
    """A fold for each example, every intent spread evenly, the same at every run."""
    dice = np.random.default_rng(_SEED)
    fold = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        mine = dice.permutation(np.flatnonzero(labels == label))
        fold[mine] = (np.arange(len(mine)) + label) % _FOLDS
    return fold


def _kernel_head(model: IntentModel, rows: _Rows, options: Options) -> tuple[Order, Floats]:
    """Fit the kernel head on the originals; return those left out one by one and their scores."""
    assert rows.dense is not None
    labels, sparse = rows.labels[: rows.originals], rows.sparse[: rows.originals]
    wanted = kernel.targets(labels, len(model.intents))
    matrix = kernel.gram(sparse, rows.dense, gamma=options.gamma, share=options.share)
    weights = kernel.fit(matrix, wanted, options.ridge)
    chosen = np.arange(rows.originals)
    if rows.originals > _JUDGED:
        chosen = np.sort(np.random.default_rng(_SEED).choice(rows.originals, _JUDGED, replace=False))
        matrix, wanted = matrix[np.ix_(chosen, chosen)], wanted[chosen]
    scores = kernel.leave_one_out(matrix, wanted, options.ridge)
    part = np.asarray(sparse.T @ weights * np.float32(options.share), np.float32)
    model.dense = Dense(rows.dense, labels.astype(np.int32), weights, part, options.gamma)
    model.dense.temperature = fit_temperature(scores, labels[chosen])
    return chosen, scores


def _kernel_decisions(model: IntentModel, rows: _Rows, chosen: Order, scores: Floats) -> list[Decision]:
    """Decisions on left-out examples; an example is no neighbour of itself."""
    assert rows.dense is not None
    assert model.dense is not None
    decisions = []
    for start in range(0, len(chosen), _BLOCK):
        block = chosen[start : start + _BLOCK]
        cosines = rows.dense[block] @ rows.dense.T
        cosines[np.arange(len(block)), block] = -1
        for index, near, score in zip(block, cosines, scores[start : start + _BLOCK], strict=True):
            decisions.append(model.judged(score * model.dense.temperature, near, _known(rows, int(index))))
    return decisions


def _known(rows: _Rows, index: int) -> int:
    return int(rows.sparse.indptr[index + 1] - rows.sparse.indptr[index])


def _named(
    texts: Sequence[str], labels: Sequence[str], chosen: Any, decisions: Sequence[Decision]
) -> list[HeldOut]:
    return [HeldOut(texts[i], labels[i], decision) for i, decision in zip(chosen, decisions, strict=True)]
