"""Rasa component: entities that a regular expression knows for certain."""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.patterns import number_entity, protected
from nlu.components.text import Composed

_KINDS = {"email": "email", "phone": "phone", "amount": "amount", "day": "date", "clock": "time"}

# "접수번호 123번", "order no. 4711": which number it is stands before it.
_NAMED = re.compile(
    r"(?P<request_no>(?:접수|요청|수리|a/?s)\s?(?:번호|넘버)|(?:request|ticket|repair|service)\s?(?:number|no\.?|#))"
    r"|(?P<quote_no>견적\s?(?:번호|넘버)|(?:quote|estimate|quotation)\s?(?:number|no\.?|#))"
    r"|(?P<order_no>주문\s?(?:번호|넘버)|order\s?(?:number|no\.?|#))"
    r"|(?P<contract_no>계약\s?(?:번호|넘버)|contract\s?(?:number|no\.?|#))",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(
    r"\s?(?:은|는|이|가|is|:|#)?\s?(?P<no>[A-Za-z]{0,4}-?\d[\dA-Za-z]*(?:-\d+)*)", re.IGNORECASE
)


def pattern_entities(text: str) -> list[dict[str, Any]]:
    """Entities of one text; offsets count its code points."""
    composed = Composed(text)
    found: dict[tuple[int, int], str] = {}
    for kind, start, end in protected(composed.text):
        entity = number_entity(composed.text[start:end]) if kind == "number" else _KINDS.get(kind)
        if entity:
            found[start, end] = entity
    for match in _NAMED.finditer(composed.text):
        number = _FOLLOWS.match(composed.text, match.end())
        if number and not any(start < number.end("no") and number.start("no") < end for start, end in found):
            found[number.span("no")] = match.lastgroup or ""
    return [_entity(text, *composed.span(start, end), name) for (start, end), name in sorted(found.items())]


def _entity(text: str, start: int, end: int, name: str) -> dict[str, Any]:
    return {
        "entity": name, "value": text[start:end], "start": start, "end": end,
        "confidence_entity": 1.0, "extractor": "PatternEntityExtractor",
    }  # fmt: skip


def overlaps(one: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """Whether an entity shares a character with any of the others."""
    return any(one["start"] < other["end"] and other["start"] < one["end"] for other in others)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class PatternEntityExtractor(GraphComponent):
    """Numbers of requests, quotes, orders, contracts; phones, e-mails, amounts; written dates and times."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> PatternEntityExtractor:
        """Nothing to configure."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the entities to each message."""
        for message in messages:
            known = message.get(ENTITIES, [])
            fresh = [one for one in pattern_entities(message.get(TEXT) or "") if not overlaps(one, known)]
            message.set(ENTITIES, known + fresh, add_to_output=True)
        return messages
