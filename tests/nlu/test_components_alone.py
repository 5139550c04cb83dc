"""Each component of the pipeline is an ordinary Rasa component that works without the others."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components import catalogue
from tests.nlu.small import ROOT, examples

pytestmark = pytest.mark.rasa

PIPELINE = [
    one["name"] for one in yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))["pipeline"]
]
TEXT = "세탁기에서 물이 새요, 010-1234-5678로 내일 오후 3시에"
SAID: dict[str, Any] = {"metadata": {"at": "2026-11-23T15:30:00+09:00"}}


class Shop:
    """A catalogue of one product."""

    def version(self) -> str:
        return "1"

    def names(self, kind: str) -> Sequence[tuple[str, str]]:
        return [("p1", "세탁기")] if kind == "product" else []


@pytest.fixture
def shop() -> Iterator[None]:
    catalogue.use(Shop())
    yield
    catalogue.use(None)


def lessons() -> TrainingData:
    learnt = [Message({"text": text, "intent": intent}) for text, intent in examples()]
    for one in learnt:
        start = one.get("text").find("세탁기")
        if start >= 0:
            span = {"entity": "product", "value": "세탁기", "start": start, "end": start + 3}
            one.set("entities", [span])
    return TrainingData(learnt, entity_synonyms={"세탁기": "드럼세탁기"})


def understood(name: str, folder: Path, **known: Any) -> Message:
    """What a component of this name makes of `TEXT` when no other has seen it."""
    kind = DefaultV1Recipe._from_registry(name).clazz
    storage, resource = LocalModelStorage(folder), Resource("alone")
    given: tuple[Any, ...] = (
        kind.get_default_config(), storage, resource, ExecutionContext(GraphSchema({})),
    )  # fmt: skip
    component = kind.create(*given)
    if name.endswith("Tokenizer"):
        component.process_training_data(lessons())
    elif hasattr(component, "train"):
        component.train(lessons())
        component = kind.load(*given)
    message = Message({"text": TEXT, **SAID, **known})
    component.process([message])
    return message


def spans(message: Message) -> set[tuple[str, str]]:
    return {(one["entity"], TEXT[one["start"] : one["end"]]) for one in message.get("entities")}


def span(name: str, said: str) -> dict[str, Any]:
    start = TEXT.index(said)
    return {"entity": name, "value": said, "start": start, "end": start + len(said)}


def test_the_tokenizer(tmp_path: Path) -> None:
    tokens = understood(PIPELINE[0], tmp_path).get("text_tokens")
    assert {"세탁기", "에서", "010-1234-5678"} <= {token.text for token in tokens}


def test_the_intent_classifier(tmp_path: Path) -> None:
    assert understood(PIPELINE[1], tmp_path).get("intent")["name"] == "request_service"


def test_the_scope_gate_lets_nothing_through_that_nobody_has_judged(tmp_path: Path) -> None:
    message = understood(PIPELINE[2], tmp_path)
    assert (message.get("band"), message.get("language")) == ("handover", "ko")


def test_the_patterns(tmp_path: Path) -> None:
    assert ("phone", "010-1234-5678") in spans(understood(PIPELINE[3], tmp_path))


def test_the_random_field(tmp_path: Path) -> None:
    assert spans(understood(PIPELINE[4], tmp_path)) == {("product", "세탁기")}


@pytest.mark.usefixtures("shop")
def test_the_catalogue(tmp_path: Path) -> None:
    assert spans(understood(PIPELINE[5], tmp_path)) == {("product", "세탁기")}


def test_the_synonyms(tmp_path: Path) -> None:
    message = understood(PIPELINE[6], tmp_path, entities=[span("product", "세탁기")])
    assert message.get("entities")[0]["canonical"] == "드럼세탁기"


def test_the_resolver(tmp_path: Path) -> None:
    message = understood(PIPELINE[7], tmp_path, entities=[span("phone", "010-1234-5678")])
    assert message.get("entities")[0]["resolved"] == "+821012345678"
    assert message.get("when")["from"] == "2026-11-24T15:00:00+09:00"
