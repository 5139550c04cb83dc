"""Rasa component: other words for the same thing, from the training data's synonyms.

An entity keeps its exact text as `value`; the word it stands for is put beside it as `canonical`.
"""

from __future__ import annotations

import json
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components.catalogue import KINDS, key_of, look_up


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class EntitySynonyms(GraphComponent):
    """Looks each entity up among the synonyms, spaces and case aside."""

    def __init__(
        self, storage: ModelStorage, resource: Resource, words: dict[str, str] | None = None
    ) -> None:
        self._storage = storage
        self._resource = resource
        self.words = words or {}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EntitySynonyms:
        """Without synonyms."""
        return cls(model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Keep the synonyms."""
        self.words = {key_of(word): str(meant) for word, meant in training_data.entity_synonyms.items()}
        with self._storage.write_to(self._resource) as folder:
            content = json.dumps(self.words, ensure_ascii=False, sort_keys=True)
            (folder / "synonyms.json").write_text(content, encoding="utf-8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> EntitySynonyms:
        """With the synonyms of training."""
        try:
            with model_storage.read_from(resource) as folder:
                words = json.loads((folder / "synonyms.json").read_text(encoding="utf-8"))
        except ValueError:
            words = {}
        return cls(model_storage, resource, words)

    def process(self, messages: list[Message]) -> list[Message]:
        """Add `canonical`, and with it the catalogue's id where the text itself had none."""
        for message in messages:
            for entity in message.get(ENTITIES, []):
                meant = self.words.get(key_of(entity["value"]))
                if meant is None:
                    continue
                entity["canonical"] = meant
                pair = look_up(entity["entity"], meant) if entity["entity"] in KINDS else None
                if pair and "resolved" not in entity:
                    entity["resolved"] = {"id": pair[0], "name": pair[1]}
        return messages
