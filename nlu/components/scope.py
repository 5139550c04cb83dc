"""The scope gate: does the assistant know what it was told, and well enough to act?

Two logistic judges, trained on decisions about examples that were held out: one says how likely the
message is within scope at all, one how likely the first intent is right if it is. Their thresholds are set on
the same decisions, so they fit the assistant they are trained with.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components.classifier import CUSTOMER, DECISION, STAFF, audience_of
from nlu.components.intent_model import KNOWN, OUT_OF_SCOPE, Decision
from nlu.components.linear import Judge, precise_from
from nlu.components.source import digest
from nlu.language import Others

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

_NO_GUESS = 0.1
"""Below one in ten the likeliest intent is not worth offering."""
_SURE_ENOUGH = 0.7
"""Below seven in ten nothing is done unasked, however well the examples left out went: they are more like
the rest of the data than what strangers write."""

_RATHER = 0.5
"""Above it a message is likelier within scope than outside."""

ACT, ASK, HANDOVER = "act", "ask", "handover"

LANGUAGE = "language"
"""Of a message its language; of an example, where the importer knows it, the name of its folder."""


@dataclass
class Gate:
    """The two judges of one audience and the thresholds between the three bands.

    `inside` judges whether a message is ours, `right` whether the first intent is right if it is. Nothing is
    done below `act` of confidence (both chances together) or `safe` of scope; below `ask` or `leave` it is
    handed over.
    """

    inside: Judge
    right: Judge
    act: float
    ask: float
    leave: float
    safe: float

    @classmethod
    def fit(
        cls,
        held: list[Any],
        *,
        act_precision: float,
        ask_precision: float,
        outside_recall: float,
        outside_unacted: float,
    ) -> Gate:
        """Learn from held-out decisions `[intent, ranking, evidence, count]`."""
        rows, counts = (np.array([one[place] for one in held], np.float32) for place in (2, 3))
        within = np.array([intent != OUT_OF_SCOPE for intent, *_ in held])
        right = np.array([intent == _first_inside(ranking)[0] for intent, ranking, *_ in held])
        offered = np.array([intent in [name for name, _ in ranking[:3]] for intent, ranking, *_ in held])
        inside = Judge.fit(rows, within, counts)
        correct = Judge.fit(rows[within], right[within], counts[within])
        scope = inside.chances(rows)
        sure = scope * correct.chances(rows)
        leave = max(_leaving(scope, within, outside_recall), _RATHER)
        safe = max(_leaving(scope, within, outside_unacted), leave)
        known = scope >= safe
        act = precise_from(sure[known], right[known], act_precision, counts[known])
        ask = precise_from(sure, offered & within, ask_precision, counts)
        return cls(
            inside, correct,
            act=min(max(act, _SURE_ENOUGH), 0.97),
            ask=min(max(ask, _NO_GUESS), 0.5),
            leave=leave,
            safe=safe,
        )  # fmt: skip

    def band(self, decision: Decision) -> tuple[str, float, float]:
        """The band, how likely the message is within scope, how likely its first intent is right.

        A cheap decision brings no evidence but its own sureness and chance of scope.
        """
        band, within, sure = self._judged(decision)
        # No word of what is written was ever learnt: bits of words and a vector make a guess.
        return (ASK if band == ACT and decision.strange else band), within, sure

    def _judged(self, decision: Decision) -> tuple[str, float, float]:
        if decision.sure is not None:
            return self._cheap_band(decision, decision.sure)
        row = np.array([decision.evidence], np.float32)
        within = float(self.inside.chances(row)[0])
        band, within, sure = self._band(within, within * float(self.right.chances(row)[0]))
        return (ASK if band == ACT and decision.evidence[KNOWN] == 0 else band), within, sure

    def _band(self, within: float, sure: float) -> tuple[str, float, float]:
        if within < self.leave or sure < self.ask:
            return HANDOVER, within, sure
        return (ACT if within >= self.safe and sure >= self.act else ASK), within, sure

    def verdict(self, decision: Decision) -> tuple[str, float, str]:
        """The intent, how likely it is right, and the band.

        What is likelier within scope than outside keeps its intent, though it may be handed over to be safe.
        """
        band, within, right = self.band(decision)
        if band == HANDOVER and within < _RATHER:
            return OUT_OF_SCOPE, 1 - within, band
        return _first_inside(decision.ranking)[0], right, band

    def _cheap_band(self, decision: Decision, sure: float) -> tuple[str, float, float]:
        within = 1.0 if decision.scope is None else decision.scope
        if decision.ranking[0][0] == OUT_OF_SCOPE:
            return HANDOVER, min(within, 1 - sure), sure
        return self._band(within, sure)


def _first_inside(ranking: Iterable[Iterable[Any]]) -> tuple[str, float]:
    pairs = [(name, chance) for name, chance in ranking]
    return next((pair for pair in pairs if pair[0] != OUT_OF_SCOPE), pairs[0])


def _leaving(chances: Floats, within: npt.NDArray[np.bool_], recall: float) -> float:
    """The chance of scope below which `recall` of the outsiders fall; 0 where there are none."""
    outside = chances[~within]
    return float(np.quantile(outside, recall)) if len(outside) and within.any() else 0.0


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ScopeGate(GraphComponent):
    """Sets `band` ("act", "ask" or "handover"), `scope` and `language` on a message; see the module.

    `scope` is how likely the message is within scope at all.

    What is likelier outside gets the intent out_of_scope and the band "handover", whichever intent was first.
    """

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.config = {**self.get_default_config(), **config}
        self._storage = storage
        self._resource = resource
        self.gates: dict[str, Gate] = {}
        self.languages = Others({})

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Shares of held-out decisions: right where we act, helped by a question; of outsiders those that are
        handed over, and those that are not acted on.

        They are the kernel head's; with those that the cheap head takes alone 97 % are right where we act.
        """
        return {
            "act_precision": 0.96,
            "ask_precision": 0.8,
            "outside_recall": 0.945,
            "outside_unacted": 0.97,
        }

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Trained anew by Rasa whenever any code of the components changes."""
        return digest()

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ScopeGate:
        """An untrained gate: everything is a question."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn the judges and their thresholds of each audience."""
        for audience in (CUSTOMER, STAFF):
            held = [
                decisions[audience]
                for example in training_data.intent_examples
                if audience in (decisions := example.get(DECISION) or {})
            ]
            if held:
                self.gates[audience] = Gate.fit(held, **self.config_for_fit())
        facts = {audience: asdict(gate) for audience, gate in self.gates.items()}
        self.languages = Others.learn(
            (language, example.get(TEXT) or "")
            for example in training_data.intent_examples
            if (language := example.get(LANGUAGE))
        )
        with self._storage.write_to(self._resource) as folder:
            (folder / "gates.json").write_text(json.dumps(facts), encoding="utf-8")
            spoken = json.dumps(self.languages.shares, ensure_ascii=False)
            (folder / "languages.json").write_text(spoken, encoding="utf-8")
        return self._resource

    def config_for_fit(self) -> dict[str, float]:
        """The part of the configuration that training looks at."""
        return {name: float(self.config[name]) for name in self.get_default_config()}

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ScopeGate:
        """The trained gate; an untrained one where nothing was trained."""
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as folder:
                facts = json.loads((folder / "gates.json").read_text(encoding="utf-8"))
                component.languages = Others(
                    json.loads((folder / "languages.json").read_text(encoding="utf-8"))
                )
        except ValueError:
            logger.warning("no trained scope gate in storage")
            return component
        for audience, gate in facts.items():
            inside, right = Judge(**gate.pop("inside")), Judge(**gate.pop("right"))
            component.gates[audience] = Gate(inside, right, **gate)
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        """Judge each message's decision."""
        for message in messages:
            language = self.languages.detect(message.get(TEXT) or "")
            message.set(LANGUAGE, language, add_to_output=True)
            decision = message.get(DECISION)
            if isinstance(decision, Decision):
                self._judge(message, decision)
            else:
                message.set("band", HANDOVER, add_to_output=True)
        return messages

    def _judge(self, message: Message, decision: Decision) -> None:
        gate = self.gates.get(audience_of(message))
        if gate is None:
            message.set("band", ASK, add_to_output=True)
            return
        name, chance, band = gate.verdict(decision)
        message.set("scope", gate.band(decision)[1], add_to_output=True)
        message.set(INTENT, {"name": name, "confidence": chance}, add_to_output=True)
        message.set("band", band, add_to_output=True)
