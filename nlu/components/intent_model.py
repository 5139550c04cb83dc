"""The intent model of one audience: a cheap sparse head, and a kernel head that reads sentence vectors.

The cheap head decides what it is sure of; the rest goes to the sentence encoder. How sure either may be
is learnt from decisions on examples held out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.components import kernel, rivals
from nlu.components.encoder import Encoder
from nlu.components.features import Vectorizer, features
from nlu.components.linear import Judge, softmax
from nlu.components.spelling import Speller
from nlu.components.text import PAIRED, normalise

Floats = npt.NDArray[np.float32]

OUT_OF_SCOPE = "out_of_scope"
KNOWN = -1
"""The place in the evidence of how much of a message is known (the logarithm of one more)."""
_PARTED = re.compile(r"[a-z\u00df-\u024f\u1e00-\u1eff가-힣]")
"""Letters of writing with spaces, Latin and Hangul: elsewhere a whole sentence may seem one word."""
_SHORT = re.compile("[a-z]{1,3}")
_LITERAL = re.compile(r"\W*(?:true|false|none|null|nil|nan|undefined)\W*", re.I)
"""What programs write for a value, and broken clients send; no person's words by themselves."""
_RANKED = 20
"""Intents that a decision names at most."""


@dataclass(frozen=True)
class Decision:
    """Intents from likely to unlikely and the evidence for the scope gate.

    Of a cheap decision how sure it is instead, and how likely the message is within scope (None where nothing
    is known to lie outside). `strange` says that none of the message's words was ever learnt: what it is
    taken for hangs on bits of words and on the vector alone.
    """

    ranking: list[tuple[str, float]]
    evidence: list[float]
    sure: float | None = None
    scope: float | None = None
    strange: bool = False


@dataclass(frozen=True)
class Pending:
    """A message the cheap head is not sure of: its prepared text and sparse features."""

    clean: str
    ids: npt.NDArray[np.int32]
    values: Floats
    strange: bool = False


@dataclass
class Sparse:
    """The cheap head: weights (features x classes), biases, temperature, its judges of sureness and scope.

    It decides alone from `threshold` of sureness and `inside` of scope on.
    """

    weights: Floats
    biases: Floats
    temperature: float = 1.0
    judge: Judge | None = None
    threshold: float = 1.01
    scope: Judge | None = None
    inside: float = 0.0

    @classmethod
    def untrained(cls) -> Sparse:
        """A head that knows nothing yet."""
        return cls(np.zeros((0, 0), np.float32), np.zeros(0, np.float32))

    def scores(self, ids: npt.NDArray[np.int32], values: Floats) -> Floats:
        """One score a class."""
        result: Floats = values @ self.weights[ids] + self.biases
        return result

    def sureness(self, scores: Floats) -> float:
        """How likely the first class is right."""
        return float(self.judge.chances(shape(scores)[None, :])[0]) if self.judge else 0.0

    def within(self, scores: Floats, outside: int | None, length: float) -> float | None:
        """How likely the message is within scope; `length`, its row's squared, tells what is known."""
        if self.scope is None or outside is None:
            return None
        return float(self.scope.chances(scope_shape(scores, outside, length)[None, :])[0])


@dataclass
class Dense:
    """The kernel head: sentence vectors of the examples, their weights, and the part of the features."""

    examples: Floats
    owners: npt.NDArray[np.int32]
    weights: Floats
    features: Floats
    gamma: float
    temperature: float = 1.0
    looks: dict[int, rivals.Look] = field(default_factory=dict)

    def scores(
        self, cosines: Floats, ids: npt.NDArray[np.int32], values: Floats, outside: int | None = None
    ) -> Floats:
        """One score a class, from the cosines with the examples and the sparse features.

        The likeliest class that is not `outside` and its rivals stand in the order of a second look.
        """
        near = kernel.radial(cosines, self.gamma)
        result: Floats = near @ self.weights + values @ self.features[ids]
        look = self.looks.get(inside_first(result, outside)) if self.looks else None
        if look is not None:
            rivals.settled(result, look.members, look.scores(near, ids, values))
        return result


@dataclass
class IntentModel:
    """See the module. `facts` and `arrays` are what is kept of it, `restore` brings it back."""

    intents: list[str]
    speller: Speller
    vectorizer: Vectorizer
    sparse: Sparse
    dense: Dense | None = None
    outside: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if OUT_OF_SCOPE in self.intents:
            self.outside = self.intents.index(OUT_OF_SCOPE)

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
            scores = cheap * self.sparse.temperature
            return self.judged(scores, None, len(ids), strange=self._is_strange(text, clean))
        sure = self.sparse.sureness(cheap)
        within = self.sparse.within(cheap, self.outside, float(values @ values))
        strange = self._is_strange(text, clean)
        # Where it knows nothing of what is written, its sureness is that of its biases.
        if not use_encoder or (thrifty and not strange and len(ids) and self._is_sure(cheap, sure, within)):
            return Decision(self._ranking(cheap * self.sparse.temperature), [], sure, within, strange)
        return Pending(clean, ids, values, strange)

    def _is_strange(self, text: str, clean: str) -> bool:
        """Whether there are words and none is known ('foobar'); not so of a heart, or of words not parted.

        A lone word of three letters that had to be read as another ('nam' as 'can') is none that is known;
        nor is a literal of programs, whatever was learnt ('none of these').
        """
        if _LITERAL.fullmatch(text):
            return True
        if _SHORT.fullmatch(typed := normalise(text)) and typed != clean:
            return True
        words = [word for word in features(clean)["m"] if PAIRED not in word and _PARTED.search(word)]
        known, counts = self.vectorizer.vocabulary, self.speller.counts
        return bool(words) and not any(f"m{word}" in known or word in counts for word in words)

    def _is_sure(self, cheap: Floats, sure: float, within: float | None) -> bool:
        """Whether the cheap head may decide alone: it is sure, also of the scope unless it says outside."""
        ours = within is None or within >= self.sparse.inside or int(cheap.argmax()) == self.outside
        return ours and sure >= self.sparse.threshold

    def finish(self, pending: Pending, vector: Floats) -> Decision:
        """The kernel head's decision, given the sentence vector of `pending.clean`."""
        assert self.dense is not None
        cosines = self.dense.examples @ vector
        scores = (
            self.dense.scores(cosines, pending.ids, pending.values, self.outside) * self.dense.temperature
        )
        return self.judged(scores, cosines, len(pending.ids), strange=pending.strange)

    def judged(
        self, scores: Floats, cosines: Floats | None, known: int, *, strange: bool = False
    ) -> Decision:
        """A decision with its evidence: scores and margins, the nearest examples, how much is known."""
        inside = scores.copy()
        if self.outside is not None:
            inside[self.outside] = -np.inf
        top = int(inside.argmax())
        second = float(np.partition(inside, -2)[-2]) if len(inside) > 2 else 0.0
        outside = float(scores[self.outside]) if self.outside is not None else 0.0
        near, near_outside, nearest = self._nearness(cosines, top)
        evidence = [
            float(scores[top]), float(scores[top]) - second, float(scores[top]) - outside, outside,
            near, near_outside, nearest, float(np.log1p(known)),
        ]  # fmt: skip
        return Decision(self._ranking(scores), evidence, strange=strange)

    def _ranking(self, scores: Floats) -> list[tuple[str, float]]:
        chances = softmax(scores)
        return [(self.intents[i], float(chances[i])) for i in np.argsort(-chances)[:_RANKED]]

    def _nearness(self, cosines: Floats | None, top: int) -> tuple[float, float, float]:
        """Cosine of the nearest example: of the likeliest intent, out of scope, of all."""
        if cosines is None or self.dense is None:
            return 0.0, 0.0, 0.0
        mine = cosines[self.dense.owners == top]
        outside = cosines[self.dense.owners == self.outside] if self.outside is not None else mine[:0]
        return float(mine.max(initial=0)), float(outside.max(initial=0)), float(cosines.max(initial=0))

    # -- keeping ----------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The numbers of the model, in half precision or in bytes where it costs nothing."""
        kept: dict[str, npt.NDArray[Any]] = {"idf": self.vectorizer.idf, "biases": self.sparse.biases}
        kept |= _in_bytes("sparse", self.sparse.weights)
        if self.dense is not None:
            kept |= {"examples": _half(self.dense.examples), "owners": self.dense.owners}
            kept |= {"weights": _half(self.dense.weights), **_in_bytes("features", self.dense.features)}
            kept |= rivals.arrays(self.dense.looks)
        return kept

    def facts(self) -> dict[str, Any]:
        """The rest of the model, fit for JSON."""
        return {
            "intents": self.intents,
            "vocabulary": list(self.vectorizer.vocabulary),
            "words": list(self.speller.counts.items()),
            "temperature": self.sparse.temperature,
            "threshold": self.sparse.threshold,
            "inside": self.sparse.inside,
            "judge": self.sparse.judge.facts() if self.sparse.judge else None,
            "scope": self.sparse.scope.facts() if self.sparse.scope else None,
            "dense": {"gamma": self.dense.gamma, "temperature": self.dense.temperature}
            if self.dense
            else None,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> IntentModel:
        """The model that gave `facts` and `arrays`."""
        vocabulary = {name: index for index, name in enumerate(facts["vocabulary"])}
        judge, scope = (Judge(**facts[name]) if facts[name] else None for name in ("judge", "scope"))
        sparse = Sparse(
            _from_bytes("sparse", arrays),
            arrays["biases"],
            facts["temperature"],
            judge,
            facts["threshold"],
            scope,
            facts["inside"],
        )
        dense = None
        if facts["dense"]:
            examples, owners = _full(arrays["examples"]), arrays["owners"]
            weights, features = _full(arrays["weights"]), _from_bytes("features", arrays)
            looks = rivals.restore(arrays)
            dense = Dense(examples, owners, weights, features, **facts["dense"], looks=looks)
        words = [(word, count) for word, count in facts["words"]]
        return cls(
            list(facts["intents"]), Speller(words), Vectorizer(vocabulary, arrays["idf"]), sparse, dense
        )


def inside_first(scores: Floats, outside: int | None) -> int:
    """The likeliest class within scope."""
    order = np.argsort(-scores, kind="stable")[:2]
    return int(order[1] if order[0] == outside and len(order) > 1 else order[0])


def shape(scores: Floats) -> Floats:
    """What the cheap head's own scores say about their trustworthiness."""
    first, second, third = [*np.sort(scores)[::-1][:3], -1, -1][:3]
    return np.array([first, first - second, second - third, second], np.float32)


def scope_shape(scores: Floats, outside: int, length: float) -> Floats:
    """What the cheap head's scores say about the scope: the first intent, its lead, and what lies outside."""
    inside = np.sort(np.delete(scores, outside))[::-1]
    first, second = [*inside[:2], -1][:2]
    other = scores[outside]
    return np.array([first, first - second, first - other, other, length], np.float32)


def _in_bytes(name: str, weights: Floats) -> dict[str, npt.NDArray[Any]]:
    """Weights (features x classes) in 255 steps a class: a sum of a hundred of them moves by thousandths."""
    steps = np.maximum(np.abs(weights).max(axis=0, initial=0), 1e-9) / 127
    return {name: np.rint(weights / steps).astype(np.int8), f"{name}_step": steps.astype(np.float32)}


def _from_bytes(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Floats:
    result: Floats = arrays[name] * arrays[f"{name}_step"]
    return result


def _half(numbers: Floats) -> npt.NDArray[np.float16]:
    return numbers.astype(np.float16)


def _full(numbers: npt.NDArray[Any]) -> Floats:
    return numbers.astype(np.float32)
