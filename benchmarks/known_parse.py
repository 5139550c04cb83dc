"""A Rasa component that looks understanding up: what remains of a turn is all but the parse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class KnownParse(GraphComponent):
    """Gives each text the parse data that the full model gave it; `table` is the file that holds them."""

    def __init__(self, table: dict[str, dict[str, Any]]) -> None:
        self._table = table

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> KnownParse:
        path = Path(config["table"])
        return cls(json.loads(path.read_text()) if path.exists() else {})

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            for name, value in self._table.get(message.get("text"), {}).items():
                message.set(name, value, add_to_output=True)
        return messages
