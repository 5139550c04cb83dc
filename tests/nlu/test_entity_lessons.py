"""What the random field learns from: spans finer than tokens, and values that nobody knows."""

import json
from pathlib import Path

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components.crf import KiwiCRFEntityExtractor
from nlu.components.crf_features import entities_of, labels_of, parted, token_features
from nlu.components.crf_lessons import Lesson, cut_kinds, invented, renamed
from nlu.components.tokenizer import tokens


def lesson(text: str, value: str, entity: str = "sum") -> Lesson:
    start = text.index(value)
    return Lesson(text, tokens(text), [{"entity": entity, "start": start, "end": start + len(value)}], "ask")


def test_a_whole_amount_is_cut_only_where_the_examples_cut_it() -> None:
    cutting = [lesson("refund $160", "160"), lesson("pay 350 dollars back", "350")]
    whole = [lesson("refund $160", "$160"), lesson("pay 350 dollars back", "350 dollars")]
    assert cut_kinds(cutting) == ["W_AMOUNT"]
    assert cut_kinds(whole) == []
    assert [token.text for token in parted(cutting[0].tokens, ["W_AMOUNT"])] == ["refund", "$", "160"]
    assert parted(cutting[0].tokens, []) is cutting[0].tokens


def test_labels_of_cut_tokens_give_the_span_back() -> None:
    one = lesson("refund $160 now", "160")
    found = parted(one.tokens, cut_kinds([one]))
    assert all(one.text[token.start : token.end] == token.text for token in found)
    spans = [(e["entity"], e["value"]) for e in entities_of(found, labels_of(found, one.entities), one.text)]
    assert spans == [("sum", "160")]


def test_made_up_values_stand_where_the_real_ones_stood() -> None:
    lessons = [
        lesson("delete my Gold account", "Gold", "kind"),
        lesson("정수기 필터 주문", "정수기", "product"),
    ]
    copies = list(invented([*lessons, Lesson("hello", tokens("hello"), [])]))
    assert len(copies) == 2
    for one, copy in zip(lessons, copies, strict=True):
        (span,), (other,) = one.entities, copy.entities
        assert (span["start"], span["end"]) == (other["start"], other["end"])
        assert one.text[: span["start"]] == copy.text[: span["start"]]
        assert one.text[span["end"] :] == copy.text[span["end"] :]
        assert copy.intent == one.intent
    assert copies[0].text != lessons[0].text
    assert copies[0].text[10:14].istitle()
    assert next(invented(lessons)).text == copies[0].text


def test_now_and_then_a_name_comes_once_more_as_one_that_nobody_knows() -> None:
    things = [lesson(f"세탁기가 고장났어요 {n}번째", "세탁기", "product") for n in range(24)]
    firms = [lesson(f"(주)한빛상사 견적 {n}건", "(주)한빛상사", "company") for n in range(8)]
    people = [lesson(f"assign {n} to Minji", "Minji", "person") for n in range(12)]
    two = [
        Lesson(
            "세탁기랑 건조기",
            tokens("세탁기랑 건조기"),
            [*lesson("세탁기", "세탁기", "product").entities] * 2,
        )
    ]
    copies = list(renamed([*things, *firms, *people, *two * 24]))
    said = [copy.text[copy.entities[0]["start"] : copy.entities[0]["end"]] for copy in copies]
    assert len(copies) == 6
    assert all(name.endswith(" 세탁기") and len(name.split()) == 2 for name in said[:2])
    assert all(
        name.startswith("(주)") and name.endswith("상사") and name != "(주)한빛상사" for name in said[2:4]
    )
    assert all(name.istitle() and name != "Minji" for name in said[4:])
    assert copies[0].text.endswith("가 고장났어요 11번째")
    assert [copy.text for copy in renamed(things)] == [copy.text for copy in copies[:2]]


def test_what_stands_behind_a_renamed_thing_moves_with_it() -> None:
    one = lesson("정수기 내일 봐주세요", "정수기", "product")
    one.entities.append({"entity": "date", "start": 4, "end": 6})
    (copy,) = renamed([one] * 12)
    assert [copy.text[e["start"] : e["end"]] for e in copy.entities][1] == "내일"


def test_the_intent_is_seen_only_where_it_is_given() -> None:
    found = tokens("refund 160 dollars")
    assert not [
        name for row in token_features(found, "refund 160 dollars") for name in row if name[:2] == "i="
    ]
    assert all("i=ask" in row for row in token_features(found, "refund 160 dollars", "ask"))


@pytest.mark.rasa
@pytest.mark.parametrize(("sentences", "kinds", "knows"), [(60, 2, True), (2600, 2, False), (2600, 30, True)])
def test_the_intent_is_known_where_sentences_are_few_or_kinds_many(
    tmp_path: Path, sentences: int, kinds: int, knows: bool
) -> None:
    learnt = [
        Message({
            "text": f"set n{at} to seven", "intent": "set",
            "entities": [{"entity": f"kind_{at % kinds}", "start": 4, "end": 5 + len(str(at)), "value": ""}],
        })
        for at in range(sentences)
    ]  # fmt: skip
    storage, resource = LocalModelStorage(tmp_path), Resource("alone")
    config, context = {"max_iterations": 1}, ExecutionContext(GraphSchema({}))
    field = KiwiCRFEntityExtractor.create(config, storage, resource, context)
    field.train(TrainingData(learnt))
    with storage.read_from(resource) as folder:
        assert json.loads((folder / "taught.json").read_text())["by_intent"] is knows
