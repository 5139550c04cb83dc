"""Rasa component: entities by a conditional random field on Kiwi tokens with their parts of speech."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator, Sequence
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

from nlu.components.intent_model import OUT_OF_SCOPE
from nlu.components.pattern_entities import overlaps
from nlu.components.source import digest
from nlu.components.text import split_syllable
from nlu.components.tokenizer import tokens as tokenized
from nlu.components.tokenizer import tokens_of
from nlu.components.values import ENGLISH_NUMBERS
from nlu.dates import mentions

logger = logging.getLogger(__name__)

OUTSIDE = "O"
BY_PATTERN = ("email", "phone")
"""Found by patterns alone; every label less makes the field faster."""
_MODEL = "entities.crfsuite"
_SEED = 20261123
_FEW = 2500
"""Sentences below which L-BFGS costs little, and by cross-validation learns more (of 324: 0.94, not 0.91)."""


def _shape(text: str) -> str:
    kinds = (
        "9"
        if c.isdigit()
        else "h"
        if "가" <= c <= "힣"
        else "A"
        if c.isupper()
        else "a"
        if c.isalpha()
        else "."
        for c in text
    )
    out: list[str] = []
    for kind in kinds:
        if not out or out[-1] != kind:
            out.append(kind)
    return "".join(out)


def _own(token: Token) -> list[str]:
    text, pos = token.lemma.lower(), token.get("pos", "")
    return [
        "number" if text in ENGLISH_NUMBERS else "word",
        f"l={text}", f"p={pos}", f"s={_shape(token.text)}", f"n={min(len(text), 6)}", f"f1={text[:1]}",
        f"x3={text[-3:]}", f"x2={text[-2:]}", f"x1={text[-1:]}", f"f2={text[:2]}", f"f3={text[:3]}",
    ]  # fmt: skip


def token_features(tokens: Sequence[Token], text: str) -> list[list[str]]:
    """CRF features: each token's own, its neighbours' two away, pairs, spaces, and what the rules of
    dates read as a time."""
    spans = mentions(text)
    own = [_own(token) for token in tokens]
    lemmas = ["^^", "^", *(token.lemma.lower() for token in tokens), "$", "$$"]
    tags = ["^", "^", *(token.get("pos", "") for token in tokens), "$", "$"]
    rows = []
    for i, token in enumerate(tokens):
        j = i + 2
        row = list(own[i])
        row += [
            f"-1l={lemmas[j - 1]}",
            f"+1l={lemmas[j + 1]}",
            f"-2l={lemmas[j - 2]}",
            f"+2l={lemmas[j + 2]}",
        ]
        row += [f"-1p={tags[j - 1]}", f"+1p={tags[j + 1]}", f"-2p={tags[j - 2]}", f"+2p={tags[j + 2]}"]
        row += [f"-1l0l={lemmas[j - 1]}|{lemmas[j]}", f"0l+1l={lemmas[j]}|{lemmas[j + 1]}"]
        row += [
            f"-1p0p+1p={tags[j - 1]}|{tags[j]}|{tags[j + 1]}",
            f"0p+1p+2p={tags[j]}|{tags[j + 1]}|{tags[j + 2]}",
        ]
        row.append("spaced" if token.start == 0 or text[token.start - 1].isspace() else "joined")
        if any(start < token.end and token.start < end for start, end in spans):
            row.append("when")
        rows.append(row)
    return rows


def labels_of(tokens: Sequence[Token], entities: Sequence[dict[str, Any]]) -> list[str]:
    """B-/I- labels of tokens; a token belongs to the entity that covers most of it."""
    labels = [OUTSIDE] * len(tokens)
    for entity in entities:
        inside = [
            i
            for i, token in enumerate(tokens)
            if 2 * (min(token.end, entity["end"]) - max(token.start, entity["start"]))
            > token.end - token.start
        ]
        for place, i in enumerate(inside):
            labels[i] = f"{'I' if place else 'B'}-{entity['entity']}"
    return labels


def _learnt(example: Message) -> list[dict[str, Any]]:
    return [one for one in example.get(ENTITIES, []) if one["entity"] not in BY_PATTERN]


_Lesson = tuple[str, Sequence[Token], list[dict[str, Any]]]


def _lessons(training_data: TrainingData) -> Iterator[_Lesson]:
    """Texts once each, their tokens and entities; then every product by its bare name, as forms hear it."""
    seen: set[str] = set()
    names: dict[str, None] = {}
    for example in training_data.nlu_examples:
        text, tokens = example.get(TEXT), tokens_of(example)
        if text and tokens and text not in seen and example.get(INTENT) != OUT_OF_SCOPE:
            seen.add(text)
            entities = _learnt(example)
            names |= dict.fromkeys(text[e["start"] : e["end"]] for e in entities if e["entity"] == "product")
            yield text, tokens, entities
    for number, name in enumerate(names):
        text, start = _bare_answer(name, number)
        if text not in seen:
            span = {"entity": "product", "start": start, "end": start + len(name)}
            yield text, tokenized(text), [span]


def _bare_answer(name: str, number: int) -> tuple[str, int]:
    """How the name of a thing is said alone, in one of some ways; and where the name begins."""
    if name.isascii():
        before = ("", "the ", "my ", "it's the ")[number % 4]
        return f"{before}{name}", len(before)
    parts = split_syllable(name[-1])
    closed = parts is not None and parts[2] > 0
    return name + ("", "이요" if closed else "요", "입니다", "이에요" if closed else "예요")[number % 4], 0


_WITHOUT_PARTICLES = frozenset(
    {"product", "company", "address", "date", "time", "quantity", "amount", "status"}
)
"""Spans that never end in a particle; a name may look as if it did ('하은')."""


def _may_end(name: str, token: Token) -> bool:
    """Whether a span of this entity may end with this token; within, a later one takes it in."""
    return not (name in _WITHOUT_PARTICLES and token.get("pos", "").startswith("J"))


def entities_of(tokens: Sequence[Token], labels: Sequence[str], text: str) -> list[dict[str, Any]]:
    """Spans of labelled tokens; an I- that continues nothing begins a span."""
    found: list[dict[str, Any]] = []
    before = OUTSIDE
    for token, label in zip(tokens, labels, strict=True):
        name = label[2:]
        if label != OUTSIDE:
            if label.startswith("I-") and before[2:] == name and found:
                if _may_end(name, token):
                    found[-1]["end"] = token.end
            else:
                found.append({"entity": name, "start": token.start, "end": token.end})
        before = label
    for entity in found:
        entity["value"] = text[entity["start"] : entity["end"]]
        entity["extractor"] = "KiwiCRFEntityExtractor"
    return [entity for entity in found if any(c.isalnum() for c in entity["value"])]  # never a lone mark


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class KiwiCRFEntityExtractor(GraphComponent):
    """BIO tagger of crfsuite; stays out of the way of what patterns have found."""

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.config = {**self.get_default_config(), **config}
        self._storage = storage
        self._resource = resource
        self.tagger: Any = None
        self._model = b""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Passive-aggressive learning: how strongly a mistake is corrected, and passes over the data.

        By cross-validation as exact as L-BFGS with 30 passes, in half the time; a mistake counts once however
        many words it has.
        """
        return {"c": 1.0, "max_iterations": 20}

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
        lessons = list(_lessons(training_data))
        trainer = self._trainer(few=len(lessons) < _FEW)
        for text, tokens, entities in lessons:
            trainer.append(token_features(tokens, text), labels_of(tokens, entities))
        with self._storage.write_to(self._resource) as folder:
            trainer.train(str(folder / _MODEL))
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

    def process(self, messages: list[Message]) -> list[Message]:
        """Add what the field finds beside the entities already known."""
        for message in messages:
            known = message.get(ENTITIES, [])
            found = self.extract(message.get(TEXT) or "", tokens_of(message))
            fresh = [one for one in found if not overlaps(one, known)]
            entities = sorted(known + fresh, key=lambda one: (one["start"], one["end"]))
            message.set(ENTITIES, entities, add_to_output=True)
        return messages

    def extract(self, text: str, tokens: Sequence[Token]) -> list[dict[str, Any]]:
        """Entities among the tokens of a text."""
        if self.tagger is None or not tokens:
            return []
        return entities_of(tokens, self.tagger.tag(token_features(tokens, text)), text)
