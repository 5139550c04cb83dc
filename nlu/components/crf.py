"""Rasa component: entities by a conditional random field on Kiwi tokens with their parts of speech."""

from __future__ import annotations

import ctypes
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components.crf_features import entities_of, labels_of, parted, token_features
from nlu.components.crf_lessons import cut_kinds, invented, lessons, renamed
from nlu.components.pattern_entities import overlaps
from nlu.components.source import digest
from nlu.components.tokenizer import tokens_of

logger = logging.getLogger(__name__)

_MODEL, _FACTS = "entities.crfsuite", "taught.json"
_SEED = 20261123
_FEW = 2500
"""Sentences below which L-BFGS costs little, and by cross-validation learns more (of 324: 0.94, not 0.91)."""
_MANY_KINDS = 30
"""Kinds of entities from which on the intent tells which is meant: with HWU64's 54, exact-span F1 of a fifth
of its training sentences is 0.786 instead of 0.761, though 8 % of the intents were wrong. With our 16 it
would gain 0.3 points, and what a form hears ('서울 마포구') would hang on an intent that is chance."""


@dataclass(frozen=True)
class _Facts:
    """How the field was taught: kinds of tokens it sees in parts, and whether it knows the intent.

    Of few sentences, and of many kinds of entities, it does: what is marked then hangs on what is wanted (the
    sum that shall be paid back is, the one that was is not).
    """

    parted: list[str]
    by_intent: bool


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class KiwiCRFEntityExtractor(GraphComponent):
    """BIO tagger of crfsuite; stays out of the way of what patterns have found."""

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.config = {**self.get_default_config(), **config}
        self._storage = storage
        self._resource = resource
        self.tagger: Any = None
        self._model = b""
        self._facts = _Facts([], by_intent=False)

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Passive-aggressive learning: how strongly a mistake is corrected, and passes over the data.

        By cross-validation as exact as L-BFGS with 30 passes, in half the time; a mistake counts once however
        many words it has.
        """
        return {"c": 1.0, "max_iterations": 12}

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Trained anew by Rasa whenever any code of the components changes."""
        return digest()

    @staticmethod
    def required_packages() -> list[str]:
        """Packages without which the component cannot work (sklearn_crfsuite brings pycrfsuite)."""
        return ["sklearn_crfsuite"]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> KiwiCRFEntityExtractor:
        """An untrained extractor, which finds nothing."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Train on every example within scope (others are not annotated), with entities or without."""
        found = list(lessons(training_data))
        few = len(found) < _FEW
        kinds = {entity["entity"] for lesson in found for entity in lesson.entities}
        self._facts = _Facts(cut_kinds(found), by_intent=few or len(kinds) >= _MANY_KINDS)
        trainer = self._trainer(few=few)
        for lesson in chain(found, invented(found) if few else renamed(found)):
            tokens = parted(lesson.tokens, self._facts.parted)
            intent = lesson.intent if self._facts.by_intent else None
            trainer.append(token_features(tokens, lesson.text, intent), labels_of(tokens, lesson.entities))
        with self._storage.write_to(self._resource) as folder:
            trainer.train(str(folder / _MODEL))
            (folder / _FACTS).write_text(json.dumps(asdict(self._facts)), encoding="utf-8")
        return self._resource

    def _trainer(self, *, few: bool) -> Any:
        import pycrfsuite

        if few:
            trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
            trainer.set_params({"c1": 0.05, "c2": 0.02, "max_iterations": 30})
            return trainer
        trainer = pycrfsuite.Trainer(algorithm="pa", verbose=False)
        trainer.set_params({name: self.config[name] for name in self.get_default_config()})
        trainer.set("error_sensitive", False)
        # It shuffles by the C library's dice: the same data shall give the same model.
        ctypes.CDLL(None).srand(_SEED)
        return trainer

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> KiwiCRFEntityExtractor:
        """The trained extractor; an untrained one where nothing was trained."""
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as folder:
                component._open(folder / _MODEL)
        except ValueError:
            logger.warning("no trained entity model in storage")
        return component

    def _open(self, model: Path) -> None:
        import pycrfsuite

        if model.exists():
            self.tagger = pycrfsuite.Tagger()
            # From memory: the storage folder may be gone while the model is still in use. The tagger only
            # points to the bytes: without a reference of ours they are freed, and reading them crashes.
            self._model = model.read_bytes()
            self.tagger.open_inmemory(self._model)
            self._facts = _Facts(**json.loads(model.with_name(_FACTS).read_text(encoding="utf-8")))

    def process(self, messages: list[Message]) -> list[Message]:
        """Add what the field finds beside the entities already known."""
        for message in messages:
            known = message.get(ENTITIES, [])
            intent = (message.get(INTENT) or {}).get("name")
            found = self.extract(message.get(TEXT) or "", tokens_of(message), intent)
            fresh = [one for one in found if not overlaps(one, known)]
            entities = sorted(known + fresh, key=lambda one: (one["start"], one["end"]))
            message.set(ENTITIES, entities, add_to_output=True)
        return messages

    def extract(self, text: str, tokens: Sequence[Token], intent: str | None) -> list[dict[str, Any]]:
        """Entities among the tokens of a text."""
        if self.tagger is None or not tokens:
            return []
        tokens = parted(tokens, self._facts.parted)
        seen = token_features(tokens, text, intent if self._facts.by_intent else None)
        return entities_of(tokens, self.tagger.tag(seen), text)
