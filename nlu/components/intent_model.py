"""The intent model of one audience: a cheap sparse head, a sentence-encoder head, and their blend.

It also knows how sure it may be: decisions on held-out folds, taken while training, are its only
teacher of confidence.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.components.encoder import Encoder
from nlu.components.features import Vectorizer
from nlu.components.linear import fit_blend, fit_logistic, fit_margin, fit_sigmoid, softmax
from nlu.components.noise import any_of

Floats = npt.NDArray[np.float32]

OUT_OF_SCOPE = "out_of_scope"
_FOLDS = 3
_SEED = 20261123


@dataclass(frozen=True)
class Options:
    """What may be tuned; the defaults are the ones the assistant ships with."""

    sparse_strength: float = 0.5
    dense_strength: float = 20.0
    noise: int = 1
    cheap_precision: float = 0.99


@dataclass(frozen=True)
class Decision:
    """Intents from likely to unlikely, and the evidence that the scope gate judges."""

    ranking: list[tuple[str, float]]
    evidence: list[float]
    encoded: bool


@dataclass(frozen=True)
class HeldOut:
    """A decision on an example that the model had not seen."""

    text: str
    intent: str
    decision: Decision


@dataclass
class IntentModel:
    """See the module; `arrays` is what `save` writes and `from_arrays` reads, besides the vocabulary."""

    intents: list[str]
    vectorizer: Vectorizer
    sparse: tuple[Floats, Floats]
    dense: tuple[Floats, Floats] | None
    blend: dict[str, list[float]]
    examples: Floats | None
    owners: npt.NDArray[np.int32]
    cheap: dict[str, Any] = field(default_factory=dict)

    # -- deciding ---------------------------------------------------------------------------------

    def decide(self, text: str, encoder: Encoder | None, *, thrifty: bool = True) -> Decision:
        """Decide one message; the encoder is asked only where the cheap head is not sure enough."""
        ids, values = self.vectorizer.vector(text)
        cheap = values @ self.sparse[0][ids] + self.sparse[1]
        if encoder is None or self.dense is None:
            return self._decision(cheap, None, len(ids))
        if thrifty and self._is_sure(cheap):
            return self._decision(cheap, None, len(ids))
        vector = encoder.encode([text])[0]
        return self._decision(cheap, vector, len(ids))

    def _is_sure(self, cheap: Floats) -> bool:
        if not self.cheap:
            return False
        return bool(self._sureness(cheap[None, :])[0] >= self.cheap["threshold"])

    def _sureness(self, cheap: Floats) -> Floats:
        rows = np.stack([_shape(row) for row in cheap])
        mean, scale, weights, bias = (np.asarray(self.cheap[k]) for k in ("mean", "scale", "weights", "bias"))
        result: Floats = 1 / (1 + np.exp(-((rows - mean) / scale @ weights + bias)))
        return result

    def _decision(self, cheap: Floats, vector: Floats | None, known: int) -> Decision:
        if vector is None or self.dense is None:
            scores = self.blend["cheap"][0] * cheap
        else:
            dense = vector @ self.dense[0] + self.dense[1]
            scores = self.blend["full"][0] * cheap + self.blend["full"][1] * dense
        chances = softmax(scores)
        order = np.argsort(-chances)
        ranking = [(self.intents[i], float(chances[i])) for i in order]
        return Decision(ranking, self._evidence(scores, cheap, order, vector, known), vector is not None)

    def _evidence(
        self, scores: Floats, cheap: Floats, order: npt.NDArray[Any], vector: Floats | None, known: int
    ) -> list[float]:
        """Margins of the scores, nearness of the nearest examples, how much is known."""
        inside = [i for i in order if self.intents[i] != OUT_OF_SCOPE]
        top = inside[0]
        margin = scores[top] - scores[inside[1]] if len(inside) > 1 else scores[top]
        outside = self._outside(scores, top)
        raised = float(np.log(np.exp(scores - scores[top]).sum()))
        near, near_out = self._nearness(vector, top)
        return [
            float(margin), outside, float(cheap.max()), float(np.sort(cheap)[-2:].sum()),
            raised, near, near_out, float(np.log1p(known)), float(vector is not None),
        ]  # fmt: skip

    def _outside(self, scores: Floats, top: int) -> float:
        if OUT_OF_SCOPE not in self.intents:
            return 0.0
        return float(scores[top] - scores[self.intents.index(OUT_OF_SCOPE)])

    def _nearness(self, vector: Floats | None, top: int) -> tuple[float, float]:
        """Cosine to the nearest example of the likeliest intent, and to the nearest out of scope."""
        if vector is None or self.examples is None:
            return 1.0, 0.0
        near = self.examples[self.owners == top] @ vector
        outside = np.empty(0)
        if OUT_OF_SCOPE in self.intents:
            outside = self.examples[self.owners == self.intents.index(OUT_OF_SCOPE)] @ vector
        return float(near.max(initial=0)), float(outside.max(initial=0))

    # -- keeping ----------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Numbers of the model, half precision where it costs nothing."""
        kept: dict[str, npt.NDArray[Any]] = {
            "idf": self.vectorizer.idf,
            "sparse": self.sparse[0].astype(np.float16),
            "sparse_bias": self.sparse[1],
        }
        if self.dense is not None and self.examples is not None:
            kept |= {"dense": self.dense[0].astype(np.float16), "dense_bias": self.dense[1]}
            kept |= {"examples": self.examples.astype(np.float16), "owners": self.owners}
        return kept

    def facts(self) -> dict[str, Any]:
        """The rest of the model, fit for JSON."""
        return {
            "intents": self.intents, "vocabulary": list(self.vectorizer.vocabulary),
            "blend": self.blend, "cheap": self.cheap,
        }  # fmt: skip

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> IntentModel:
        """The model that gave `facts` and `arrays`."""
        vocabulary = {name: index for index, name in enumerate(facts["vocabulary"])}
        dense = None
        if "dense" in arrays:
            dense = (arrays["dense"].astype(np.float32), arrays["dense_bias"])
        return cls(
            intents=list(facts["intents"]),
            vectorizer=Vectorizer(vocabulary, arrays["idf"]),
            sparse=(arrays["sparse"].astype(np.float32), arrays["sparse_bias"]),
            dense=dense,
            blend=dict(facts["blend"]),
            examples=arrays["examples"].astype(np.float32) if "examples" in arrays else None,
            owners=arrays.get("owners", np.empty(0, np.int32)),
            cheap=dict(facts["cheap"]),
        )


def _shape(cheap: Floats) -> Floats:
    """What the cheap head's own scores say about their trustworthiness."""
    ordered = np.sort(cheap)
    top = ordered[-1]
    second = ordered[-2] if len(ordered) > 1 else top - 1
    third = ordered[-3] if len(ordered) > 2 else second
    return np.array([top, top - second, second - third, second], np.float32)


# -- training -------------------------------------------------------------------------------------


@dataclass
class _Rows:
    """Training rows: originals first, then their noisy copies (`origin` says whose)."""

    texts: list[str]
    labels: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int64]
    sparse: Any
    dense: Floats | None


def _rows(
    texts: Sequence[str],
    labels: Sequence[int],
    vectorizer: Vectorizer,
    noisy: list[tuple[int, str]],
    dense: Any,
) -> _Rows:
    everything = [*texts, *(text for _, text in noisy)]
    origin = np.array([*range(len(texts)), *(index for index, _ in noisy)])
    return _Rows(everything, np.asarray(labels)[origin], origin, vectorizer.matrix(everything), dense)


def fit(
    texts: Sequence[str], labels: Sequence[str], encoder: Encoder | None, options: Options | None = None
) -> tuple[IntentModel, list[HeldOut]]:
    """Train on texts and their intents; also return the decisions on held-out folds.

    The same input gives the same model. Raises ValueError with fewer than two intents.
    """
    options = options or Options()
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise ValueError("an intent model needs at least two intents")
    gold = [intents.index(label) for label in labels]
    dice = random.Random(_SEED)
    noisy = [(i, any_of(text, dice)) for _ in range(options.noise) for i, text in enumerate(texts)]
    vectorizer = Vectorizer.fit([*texts, *(text for _, text in noisy)])
    dense = encoder.encode(texts) if encoder is not None else None
    rows = _rows(texts, gold, vectorizer, noisy, dense)
    held = _cross_validate(rows, len(texts), len(intents), options)
    model = _train(rows, np.arange(len(texts)), intents, vectorizer, options)
    _calibrate(model, held, rows, options)
    return model, _held_out(model, held, rows, texts, labels)


def _train(
    rows: _Rows, chosen: npt.NDArray[np.int64], intents: list[str], vectorizer: Vectorizer, options: Options
) -> IntentModel:
    mask = np.isin(rows.origin, chosen)
    sparse = fit_margin(rows.sparse[mask], rows.labels[mask], len(intents), strength=options.sparse_strength)
    dense = None
    if rows.dense is not None:
        dense = fit_logistic(
            rows.dense[chosen], rows.labels[chosen], len(intents), strength=options.dense_strength
        )
    examples = rows.dense[chosen] if rows.dense is not None else None
    owners = rows.labels[chosen].astype(np.int32)
    return IntentModel(intents, vectorizer, sparse, dense, {}, examples, owners)


@dataclass
class _Held:
    cheap: Floats
    dense: Floats | None
    models: list[tuple[npt.NDArray[np.int64], IntentModel]]


def _cross_validate(rows: _Rows, count: int, classes: int, options: Options) -> _Held:
    """Scores of each original by a model that saw neither it nor its noisy copies."""
    fold = _folds(rows.labels[:count])
    cheap = np.zeros((count, classes), np.float32)
    dense = np.zeros((count, classes), np.float32) if rows.dense is not None else None
    models = []
    names = [str(index) for index in range(classes)]
    empty = Vectorizer({}, np.empty(0, np.float32))
    for number in range(_FOLDS):
        chosen, left = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if len(set(rows.labels[chosen])) < 2 or not len(left):
            continue
        model = _train(rows, chosen, names, empty, options)
        cheap[left] = rows.sparse[left] @ model.sparse[0] + model.sparse[1]
        if dense is not None and rows.dense is not None and model.dense is not None:
            dense[left] = rows.dense[left] @ model.dense[0] + model.dense[1]
        models.append((left, model))
    return _Held(cheap, dense, models)


def _folds(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A fold for each example, every intent spread evenly, the same at every run."""
    dice = np.random.default_rng(_SEED)
    fold = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        mine = dice.permutation(np.flatnonzero(labels == label))
        fold[mine] = (np.arange(len(mine)) + label) % _FOLDS
    return fold


def _calibrate(model: IntentModel, held: _Held, rows: _Rows, options: Options) -> None:
    gold = rows.labels[: len(held.cheap)]
    model.blend = {"cheap": fit_blend([held.cheap], gold)}
    if held.dense is None:
        return
    model.blend["full"] = fit_blend([held.cheap, held.dense], gold)
    shapes = np.stack([_shape(row) for row in held.cheap])
    hits = held.cheap.argmax(axis=1) == gold
    mean, scale, weights, bias = fit_sigmoid(shapes, hits)
    model.cheap = {"mean": mean.tolist(), "scale": scale.tolist(), "weights": weights.tolist(), "bias": bias}
    model.cheap["threshold"] = precise_from(model._sureness(held.cheap), hits, options.cheap_precision)


def precise_from(chances: Floats, hits: npt.NDArray[np.bool_], wanted: float) -> float:
    """The lowest chance from which on at least `wanted` of the decisions were hits; 1.01 if none is."""
    order = np.argsort(-chances)
    share = np.cumsum(hits[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= wanted)
    return float(chances[order[good[-1]]]) if len(good) else 1.01


def _held_out(
    model: IntentModel, held: _Held, rows: _Rows, texts: Sequence[str], labels: Sequence[str]
) -> list[HeldOut]:
    """Decisions of the folds' models, blended and worded as the final model would."""
    known = np.diff(rows.sparse.indptr)
    found = []
    for left, judge in held.models:
        judge.intents, judge.blend, judge.cheap = model.intents, model.blend, model.cheap
        for index in left:
            vector = rows.dense[index] if rows.dense is not None else None
            thrifty = vector is not None and judge._is_sure(held.cheap[index])
            decision = judge._decision(held.cheap[index], None if thrifty else vector, int(known[index]))
            found.append(HeldOut(texts[index], labels[index], decision))
    return found
