"""Rasa component: names of products, people and companies that the house knows, typos allowed.

The names come through the port `nlu.ports.Catalogue`, which the composition root gives to `use`;
without one the component does nothing. An entity found by others gets the id of what it names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.text import jamo
from nlu.components.tokenizer import tokens_of
from nlu.ports import Catalogue

KINDS = ("product", "person", "company")
_SHORTEST_FOR_TYPOS = 9
"""Jamo; below that (three syllables) one slip makes another name: 김민수 and 김민서 are two people."""
_WIDEST = 8
_NOT_SAID = re.compile(r"[\s\-_.,·/()\[\]]+")
_MODEL = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9]{3,}")


def key_of(name: str) -> str:
    """A name as it is compared: composed, lower case, without spaces, hyphens and dots."""
    return _NOT_SAID.sub("", unicodedata.normalize("NFKC", name).lower())


def within_one(one: str, other: str) -> bool:
    """Whether one slip (a letter more, less, changed, or two swapped) leads from one to the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and len(b) > 1 and a[2:] == b[2:])


def _shortened(key: str) -> Iterator[str]:
    yield key
    for index in range(len(key)):
        yield key[:index] + key[index + 1 :]


@dataclass
class Names:
    """An index of the names of one kind."""

    exact: dict[str, tuple[str, str]] = field(default_factory=dict)
    near: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], *, typos: bool = True) -> Names:
        """Index (id, name) pairs; a model number stands for its product if only one has it."""
        index = cls()
        models: dict[str, list[tuple[str, str]]] = {}
        for pair in pairs:
            key = key_of(pair[1])
            if len(key) < 2:
                continue
            index.exact.setdefault(key, pair)
            spelled = jamo(key)
            if typos and len(spelled) >= _SHORTEST_FOR_TYPOS:
                for short in _shortened(spelled):
                    index.near.setdefault(short, []).append(key)
            for word in pair[1].split():
                if _MODEL.fullmatch(key_of(word)):
                    models.setdefault(key_of(word), []).append(pair)
        index.models = {word: pairs[0] for word, pairs in models.items() if len(pairs) == 1}
        return index

    def find(self, text: str) -> tuple[str, str] | None:
        """The (id, name) that a text names in full, by its model, or with one slip."""
        key = key_of(text)
        if len(key) < 2:
            return None
        return self.exact.get(key) or self.models.get(key) or self._nearly(key)

    def _nearly(self, key: str) -> tuple[str, str] | None:
        spelled = jamo(key)
        if len(spelled) < _SHORTEST_FOR_TYPOS:
            return None
        found = {
            name
            for short in _shortened(spelled)
            for name in self.near.get(short, ())
            if within_one(spelled, jamo(name))
        }
        return self.exact[found.pop()] if len(found) == 1 else None

    def part(self, text: str) -> tuple[str, str] | None:
        """The only name that holds a text in itself ('에어솔' of '공기청정기 에어솔 300')."""
        key = key_of(text)
        if len(key) < 2:
            return None
        found = [pair for name, pair in self.exact.items() if key in name]
        return found[0] if len(found) == 1 else None


class _Shelf:
    """The catalogue in use and its indexes, rebuilt when its version changes."""

    def __init__(self) -> None:
        self.catalogue: Catalogue | None = None
        self._version: str | None = None
        self._names: dict[str, Names] = {}

    def names(self) -> dict[str, Names]:
        if self.catalogue is None:
            return {}
        version = self.catalogue.version()
        if version != self._version:
            self._names = {
                kind: Names.of(self.catalogue.names(kind), typos=kind != "person") for kind in KINDS
            }
            self._version = version
        return self._names


_SHELF = _Shelf()


def use(catalogue: Catalogue | None) -> None:
    """Make a catalogue the one of this process; None takes it away."""
    _SHELF.catalogue = catalogue
    _SHELF._version = None


def look_up(kind: str, text: str) -> tuple[str, str] | None:
    """(id, name) of what a text names; None if nothing, or if several might be meant."""
    names = _SHELF.names().get(kind)
    if names is None:
        return None
    return names.find(text) or (names.part(text) if kind != "person" else None)


def named_spans(text: str, tokens: Sequence[Token]) -> list[dict[str, Any]]:
    """Entities for full names and model numbers in a text, the longest first where they overlap."""
    found = []
    names = _SHELF.names()
    if not names:
        return []
    for first in range(len(tokens)):
        for last in range(min(len(tokens), first + _WIDEST) - 1, first - 1, -1):
            start, end = tokens[first].start, tokens[last].end
            hit = next(((k, pair) for k in KINDS if (pair := names[k].find(text[start:end]))), None)
            if hit and _is_whole(text, tokens, first, last):
                found.append(_entity(text, start, end, hit[0], hit[1]))
                break
    return _longest(found)


def _is_whole(text: str, tokens: Sequence[Token], first: int, last: int) -> bool:
    """A name does not begin inside a word; behind it a particle may follow."""
    return (
        first == 0
        or tokens[first - 1].end < tokens[first].start
        or not text[tokens[first].start - 1].isalnum()
    )


def _entity(text: str, start: int, end: int, kind: str, pair: tuple[str, str]) -> dict[str, Any]:
    return {
        "entity": kind, "value": text[start:end], "start": start, "end": end,
        "resolved": {"id": pair[0], "name": pair[1]}, "extractor": "CatalogueEntityExtractor",
    }  # fmt: skip


def _longest(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for one in sorted(found, key=lambda one: one["start"] - one["end"]):
        if all(one["end"] <= other["start"] or other["end"] <= one["start"] for other in kept):
            kept.append(one)
    return kept


def merge(known: list[dict[str, Any]], named: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities of both; a catalogue name wins over what it overlaps, unless that is longer of its kind."""
    kept = list(known)
    for name in named:
        rivals = [one for one in kept if one["start"] < name["end"] and name["start"] < one["end"]]
        wider = [o for o in rivals if o["start"] <= name["start"] and o["end"] >= name["end"]]
        if any(
            o["entity"] == name["entity"] or o.get("extractor") == "PatternEntityExtractor" for o in wider
        ):
            for one in wider:
                if one["entity"] == name["entity"]:
                    one.setdefault("resolved", name["resolved"])
            continue
        kept = [one for one in kept if one not in rivals] + [name]
    return sorted(kept, key=lambda one: (one["start"], one["end"]))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class CatalogueEntityExtractor(GraphComponent):
    """Finds the catalogue's names, and gives the entities of others the id of what they name."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CatalogueEntityExtractor:
        """Nothing to configure."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Merge the names of the catalogue into each message's entities."""
        if not _SHELF.names():
            return messages
        for message in messages:
            named = named_spans(message.get(TEXT) or "", tokens_of(message))
            entities = merge(message.get(ENTITIES, []), named)
            for one in entities:
                pair = look_up(one["entity"], one["value"]) if one["entity"] in KINDS else None
                if pair and "resolved" not in one:
                    one["resolved"] = {"id": pair[0], "name": pair[1]}
            message.set(ENTITIES, entities, add_to_output=True)
        return messages
