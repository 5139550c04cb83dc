"""Rasa component: the value of an entity beside its words (`resolved`), and addresses to their door."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components import values
from nlu.components.addresses import to_the_door
from nlu.dates import When, resolve
from nlu.dates_spans import settle

_NEAR = 25
"""Characters between a date and the time that belongs to it ('내일 오실 수 있으면 오후 3시')."""

_TO = re.compile(r"\s?(?:부터|에서|~|-|–|to|and|until|till)\s?", re.IGNORECASE)
_HALF = re.compile(
    r"오전|오후|아침|점심|저녁|밤|새벽|낮|정오|자정|noon|[ap]\.?m|^\s*(?:1[3-9]|2[0-4])(?!\d)", re.IGNORECASE
)
"""What tells the half of the day: its name, or an hour beyond twelve (not the minutes behind it)."""
_HALF_DAY = timedelta(hours=12)

_zone = ZoneInfo("Asia/Seoul")


def use_zone(zone: ZoneInfo) -> None:
    """Make a zone the one in which this process understands days; Asia/Seoul until then."""
    global _zone
    _zone = zone


def sent_at(message: Message) -> datetime:
    """The message's own time from its metadata; the clock's where none is given."""
    metadata = message.get("metadata")
    at = metadata.get("at") if isinstance(metadata, Mapping) else None
    if not at:
        return datetime.now(UTC)
    when = datetime.fromisoformat(at)
    if when.tzinfo is None:
        raise ValueError("the time of a message must be aware of its zone")
    return when


def resolve_entities(
    text: str, entities: Sequence[dict[str, Any]], *, at: datetime, language: str | None
) -> None:
    """Set `resolved` on each entity whose value can be told; the others are left as they are.

    A time counts from the date said near it; a date alone is its whole days.
    """
    for entity in entities:
        value = _value(entity)
        if value is not None:
            entity.setdefault("resolved", value)
    dates = [one for one in entities if one["entity"] == "date"]
    for entity in entities:
        if entity["entity"] == "date":
            _set_range(entity, resolve(entity["value"], now=at, tz=_zone, language=language))
        elif entity["entity"] == "time":
            _set_range(entity, _time(text, entity, dates, at, language))
    _in_order(text, [one for one in entities if one["entity"] == "time" and one.get("resolved")])


def _value(entity: Mapping[str, Any]) -> Any:
    kind, said = entity["entity"], entity["value"]
    if kind == "phone":
        return values.phone(said)
    if kind == "amount":
        return values.amount(said)
    return values.quantity(said) if kind == "quantity" else None


def _time(
    text: str,
    entity: Mapping[str, Any],
    dates: Sequence[Mapping[str, Any]],
    at: datetime,
    language: str | None,
) -> When | None:
    for date in sorted(dates, key=lambda one: abs(one["start"] - entity["start"])):
        start, end = min(date["start"], entity["start"]), max(date["end"], entity["end"])
        if end - start - len(date["value"]) - len(entity["value"]) > _NEAR:
            continue
        # Side by side in reading order, so that words between cannot be taken for a time.
        when = resolve(f"{date['value']} {_clock(entity['value'])}", now=at, tz=_zone, language=language)
        if when is not None and when.has_date and when.has_time:
            return when
    return resolve(_clock(entity["value"]), now=at, tz=_zone, language=language)


def _clock(words: str) -> str:
    """Words of a time that are read as one by themselves: '2' of 'between 2 and 4 pm' is a mere number."""
    return f"at {words}" if words.isdigit() else words


def _in_order(text: str, times: Sequence[dict[str, Any]]) -> None:
    """'오후 8시부터 9시', '9 to 11 pm': the half of the day that one of both names is meant with both."""
    for one, other in pairwise(times):
        if not _TO.fullmatch(text, one["end"], other["start"]):
            continue
        start, end = (datetime.fromisoformat(each["resolved"]["from"]) for each in (one, other))
        if end < start < end + _HALF_DAY and not _HALF.search(other["value"]):
            _later(other)
        elif start + _HALF_DAY < end and _HALF.search(other["value"]) and not _HALF.search(one["value"]):
            _later(one)


def _later(entity: dict[str, Any]) -> None:
    moments = {edge: datetime.fromisoformat(at) + _HALF_DAY for edge, at in entity["resolved"].items()}
    entity["resolved"] = {edge: at.isoformat() for edge, at in moments.items()}


def _set_range(entity: dict[str, Any], when: When | None) -> None:
    if when is not None:
        entity["resolved"] = {"from": when.start.isoformat(), "to": when.end.isoformat()}


def _when(text: str, at: datetime, language: str | None) -> dict[str, Any] | None:
    """The date and time of the whole text, for forms that ask for one."""
    found = resolve(text, now=at, tz=_zone, language=language)
    if found is None:
        return None
    return {
        "from": found.start.isoformat(),
        "to": found.end.isoformat(),
        "has_date": found.has_date,
        "has_time": found.has_time,
        "start": found.span[0],
        "end": found.span[1],
    }


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class EntityResolver(GraphComponent):
    """Dates and times to ranges, phones to E.164, amounts to minor units, quantities to numbers."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EntityResolver:
        """Nothing to configure."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Resolve the entities of each message relative to the message's own time."""
        for message in messages:
            text, at, language = message.get(TEXT) or "", sent_at(message), message.get("language")
            entities = settle(text, to_the_door(text, message.get(ENTITIES, [])))
            message.set(ENTITIES, entities, add_to_output=True)
            resolve_entities(text, entities, at=at, language=language)
            message.set("when", _when(text, at, language), add_to_output=True)
        return messages
