"""Rasa component: intents by `IntentModel`, one a audience, so neither ever sees the other's intents."""

from __future__ import annotations

import json
import logging
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components import encoder as encoders
from nlu.components.intent_model import OUT_OF_SCOPE, Decision, IntentModel
from nlu.components.intent_training import Options, fit
from nlu.components.source import digest

logger = logging.getLogger(__name__)

DECISION = "decision"
CUSTOMER, STAFF = "customer", "staff"
_STAFF_PREFIX = "staff_"


def audiences_of(intent: str) -> tuple[str, ...]:
    """Who may mean this intent; what is out of scope is so for both."""
    if intent == OUT_OF_SCOPE:
        return CUSTOMER, STAFF
    return (STAFF,) if intent.startswith(_STAFF_PREFIX) else (CUSTOMER,)


def audience_of(message: Message) -> str:
    """The audience in the message's metadata; a customer where nothing is said."""
    metadata = message.get("metadata")
    audience = metadata.get("audience") if isinstance(metadata, Mapping) else None
    return STAFF if audience == STAFF else CUSTOMER


def is_blank(text: str) -> bool:
    """Whether a text is of spaces, controls and broken characters alone: nobody can mean anything by it."""
    return all(char == "\ufffd" or unicodedata.category(char)[0] in "ZC" for char in text)


@DefaultV1Recipe.register(
    # A featurizer too, so that what follows (the scope gate) trains on its held-out decisions.
    [DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER],
    is_trainable=True,
)
class LinearIntentClassifier(GraphComponent):
    """Calibrated linear intent classifier with a cascade from sparse features to a sentence encoder."""

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.config = {**self.get_default_config(), **config}
        self._storage = storage
        self._resource = resource
        self.models: dict[str, IntentModel] = {}
        self._held: dict[str, list[Any]] = {}
        self._encoder = encoders.load() if self.config["encoder"] else None

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Whether to use the sentence encoder (where installed) and to skip it when sure; and `Options`."""
        return {"encoder": True, "thrifty": True, "ranking_length": 10}

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Trained anew by Rasa whenever any code of the components changes."""
        return digest()

    @staticmethod
    def required_packages() -> list[str]:
        """Packages without which the component cannot train or parse."""
        return ["sklearn", "kiwipiepy"]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        """An untrained classifier."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Train one model an audience that has at least two intents."""
        options = Options(**{k: v for k, v in self.config.items() if k in Options.__dataclass_fields__})
        for audience, pairs in sorted(self._by_audience(training_data).items()):
            if len({intent for _, intent in pairs}) < 2:
                continue
            texts, labels = [text for text, _ in pairs], [intent for _, intent in pairs]
            self.models[audience], held = fit(texts, labels, self._encoder, options)
            self._held |= {f"{audience}\x1f{one.text}": one.noted() for one in held}
            logger.info("trained the %s model: %d examples", audience, len(texts))
        self._persist()
        return self._resource

    @staticmethod
    def _by_audience(training_data: TrainingData) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        for example in training_data.intent_examples:
            text, intent = example.get(TEXT), example.get(INTENT)
            if text and intent:
                for audience in audiences_of(intent):
                    found[audience][text, intent] = None
        return {audience: list(pairs) for audience, pairs in found.items()}

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Give each training example the decisions taken on it while it was held out."""
        # Read here, since nobody needs it at any other time.
        with self._storage.read_from(self._resource) as folder:
            held = json.loads((folder / "held_out.json").read_text(encoding="utf-8"))
        for example in training_data.intent_examples:
            decisions = {
                audience: held[key]
                for audience in (CUSTOMER, STAFF)
                if (key := f"{audience}\x1f{example.get(TEXT)}") in held
            }
            example.set(DECISION, decisions)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent, ranking and the evidence for the gate; the encoder reads all that need it at once."""
        thrifty, pending = bool(self.config["thrifty"]), []
        for message in messages:
            model, text = self.models.get(audience_of(message)), message.get(TEXT)
            if model is None or not text or is_blank(text):
                continue
            begun = model.begin(text, use_encoder=self._encoder is not None, thrifty=thrifty)
            if isinstance(begun, Decision):
                self._set(message, begun)
            else:
                pending.append((message, model, begun))
        if self._encoder is not None and pending:
            vectors = self._encoder.encode([begun.clean for _, _, begun in pending])
            for (message, model, begun), vector in zip(pending, vectors, strict=True):
                self._set(message, model.finish(begun, vector))
        return messages

    def _set(self, message: Message, decision: Decision) -> None:
        ranking = [{"name": name, "confidence": chance} for name, chance in decision.ranking]
        message.set(INTENT, ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking[: self.config["ranking_length"]], add_to_output=True)
        message.set(DECISION, decision)

    def _persist(self) -> None:
        with self._storage.write_to(self._resource) as folder:
            for audience, model in self.models.items():
                np.savez(folder / f"{audience}.npz", **model.arrays())
                facts = json.dumps(model.facts(), ensure_ascii=False)
                (folder / f"{audience}.json").write_text(facts, encoding="utf-8")
            held = json.dumps(self._held, ensure_ascii=False)
            (folder / "held_out.json").write_text(held, encoding="utf-8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearIntentClassifier:
        """The trained classifier; an untrained one where nothing was trained."""
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as folder:
                component._restore(folder)
        except ValueError:
            logger.warning("no trained intent model in storage")
        return component

    def _restore(self, folder: Path) -> None:
        for numbers in sorted(folder.glob("*.npz")):
            known = json.loads(numbers.with_suffix(".json").read_text(encoding="utf-8"))
            with np.load(numbers, allow_pickle=False) as arrays:
                self.models[numbers.stem] = IntentModel.restore(known, dict(arrays))
