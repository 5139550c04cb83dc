"""The intent model learns in a moment, knows its audience, and says when it does not know."""

import json
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from nlu.components import corpus, encoder, kernel
from nlu.components.classifier import audiences_of
from nlu.components.features import features
from nlu.components.intent_model import OUT_OF_SCOPE, Decision, IntentModel
from nlu.components.intent_training import HeldOut, decisions_of, fit, judged, named
from nlu.components.linear import Judge
from nlu.components.noise import KINDS, gibberish
from nlu.components.scope import ACT, ASK, HANDOVER, Gate
from nlu.components.spelling import Speller, spaced
from tests.nlu.small import examples

ENCODERS = [pytest.param(True, id="with encoder"), pytest.param(False, id="without encoder")]


STRANGE = ["null", "NaN", "undefined", "[object Object]"]
"""What broken clients send."""


@lru_cache
def trained(encoded: bool) -> tuple[IntentModel, list[HeldOut]]:
    pairs = examples()
    return fit([t for t, _ in pairs], [n for _, n in pairs], encoder.load() if encoded else None)


def first(text: str, encoded: bool) -> str:
    model, _ = trained(encoded)
    return model.decide(text, encoder.load() if encoded else None).ranking[0][0]


@pytest.mark.parametrize("encoded", ENCODERS)
@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("안녕하세요~", "greet"),
        ("세탁기 고장", "request_service"),
        ("냉장고에서물이새요ㅠㅠ", "request_service"),
        ("배송 언제 와요??", "check_order"),
        ("my washr is broken", "request_service"),
        ("방문 예약이요", "book_visit"),
        ("asdfasdf", OUT_OF_SCOPE),
    ],
)
def test_what_was_meant(text: str, intent: str, encoded: bool) -> None:
    assert first(text, encoded) == intent


@pytest.mark.parametrize("encoded", ENCODERS)
def test_a_model_is_the_same_after_it_was_kept(encoded: bool) -> None:
    model, _ = trained(encoded)
    again = IntentModel.restore(json.loads(json.dumps(model.facts())), model.arrays())
    reader = encoder.load() if encoded else None
    for text in ("세탁기에서 소리가 나요", "where is my parcel", "ㅋㅋ", ""):
        one, other = model.decide(text, reader), again.decide(text, reader)
        assert one.ranking[0][0] == other.ranking[0][0]
        assert dict(other.ranking) == pytest.approx(dict(one.ranking), abs=0.02)


def test_training_twice_gives_the_same_model() -> None:
    model, _ = trained(False)
    trained.cache_clear()
    again, _ = trained(False)
    assert again.facts() == model.facts()


def test_a_single_intent_cannot_be_told_apart() -> None:
    with pytest.raises(ValueError, match="two intents"):
        fit(["안녕", "하이"], ["greet", "greet"], None)


def test_the_gate_acts_asks_or_hands_over() -> None:
    model, held = trained(True)
    shares = {"act_precision": 0.9, "ask_precision": 0.5, "outside_recall": 0.9, "outside_unacted": 0.95}
    gate = Gate.fit([one.noted() for one in held], **shares)
    reader = encoder.load()
    bands = {
        text: gate.band(model.decide(text, reader))[0] for text in ("안녕하세요", "주식 추천해줘", "qwerqwer")
    }
    assert bands["안녕하세요"] == ACT
    assert bands["주식 추천해줘"] == HANDOVER
    assert bands["qwerqwer"] == HANDOVER
    assert {gate.band(one.decision)[0] for one in held} <= {ACT, ASK, HANDOVER}


def test_decisions_on_many_are_those_on_each() -> None:
    model, _ = trained(True)
    reader = encoder.load()
    assert reader is not None
    assert model.dense is not None
    texts = ["안녕하세요", "세탁기 고장", "where is my parcel", "qwerqwer"]
    vectors = reader.encode(texts)
    cosines = vectors @ model.dense.examples.T
    scores, known = np.sin(np.arange(4 * len(model.intents))).reshape(4, -1).astype(np.float32), np.arange(4)
    for one, row, near, count in zip(
        decisions_of(model, scores, cosines, known), scores, cosines, known, strict=True
    ):
        single = model.judged(row, near, int(count))
        assert [name for name, _ in one.ranking] == [name for name, _ in single.ranking[:3]]
        assert np.allclose(one.evidence, single.evidence, atol=1e-6)


def test_nobody_means_the_others_intents() -> None:
    assert audiences_of("staff_note") == ("staff",)
    assert audiences_of("greet") == ("customer",)
    assert audiences_of("out_of_scope") == ("customer", "staff")


@pytest.mark.parametrize("last", [1, 5, 12])
def test_leaving_one_out_is_training_without_it(last: int) -> None:
    dice = np.random.default_rng(1)
    points = dice.normal(size=(12, 3)).astype(np.float32)
    matrix = (points @ points.T).astype(np.float32)
    wanted = kernel.targets(np.arange(12) % 3, 3)
    _, quick = kernel.solve(matrix.copy(), wanted, 0.5, last)
    for place, left in enumerate(range(12 - last, 12)):
        kept = np.arange(12) != left
        slow, _ = kernel.solve(matrix[np.ix_(kept, kept)], wanted[kept], 0.5, 1)
        assert np.allclose(quick[place], matrix[left, kept] @ slow, atol=1e-4)


def test_leaving_a_part_out_is_training_without_it() -> None:
    dice = np.random.default_rng(1)
    points = dice.normal(size=(12, 3)).astype(np.float32)
    matrix = (points @ points.T).astype(np.float32)
    wanted, parts = kernel.targets(np.arange(12) % 3, 3), np.array([0, 1, 2, 0, 1, 2, 0, 1])
    _, quick = kernel.solve(matrix.copy(), wanted, 0.5, len(parts), parts)
    for part in range(3):
        left = 4 + np.flatnonzero(parts == part)
        kept = np.setdiff1d(np.arange(12), left)
        slow, _ = kernel.solve(matrix[np.ix_(kept, kept)], wanted[kept], 0.5, 1)
        assert np.allclose(quick[left - 4], matrix[np.ix_(left, kept)] @ slow, atol=1e-4)


def test_all_that_lies_outside_is_judged_and_counts_for_what_it_is() -> None:
    labels = np.array([0] * 300 + [1] * 4000)
    chosen = judged(labels, 0)
    assert (chosen < 300).sum() == 300
    assert len(set(chosen)) == len(chosen) == 2500
    names = ["out_of_scope" if label == 0 else "greet" for label in labels]
    held = named([str(place) for place in range(4290)], names, chosen, [Decision([], [])] * len(chosen))
    counts = {intent: sum(one.count for one in held if one.intent == intent) for intent in set(names)}
    assert counts["out_of_scope"] == 300
    assert 3900 < counts["greet"] <= 4000
    assert max(int(one.text) for one in held) < 4290


def test_nothing_is_done_where_what_lies_outside_was_as_near() -> None:
    judges = Judge([0.0], [1.0], [1.0], 0.0), Judge([0.0], [1.0], [0.0], 9.0)
    gate = Gate(*judges, act=0.6, ask=0.1, leave=0.5, safe=0.9)
    bands = [gate.band(Decision([("greet", 1.0)], [score]))[0] for score in (3.0, 1.0, -1.0)]
    assert bands == [ACT, ASK, HANDOVER]


def test_nothing_is_done_where_nothing_of_what_is_written_is_known() -> None:
    model, _ = trained(True)
    decision = model.decide("Ω", encoder.load())
    assert decision.sure is None
    sure = Gate(Judge([0.0], [1.0], [0.0], 9.0), Judge([0.0], [1.0], [0.0], 9.0), 0.6, 0.1, 0.5, 0.9)
    assert sure.band(Decision([("greet", 1.0)], [9.0]))[0] == ACT
    assert sure.band(Decision([("greet", 1.0)], [0.0]))[0] == ASK


@pytest.mark.parametrize("encoded", ENCODERS)
def test_nothing_is_done_for_a_word_nobody_taught(encoded: bool) -> None:
    model, _ = trained(encoded)
    reader = encoder.load() if encoded else None
    strange = [
        text
        for text in (*STRANGE, "세탁기", "hello", "helo", "👍", "A1234", "ㅋㅋ", "こんにちは")
        if model.decide(text, reader).strange
    ]
    assert strange == STRANGE
    sure = Gate(Judge([0.0], [1.0], [0.0], 9.0), Judge([0.0], [1.0], [0.0], 9.0), 0.6, 0.1, 0.5, 0.9)
    for decision in (
        Decision([("deny", 1.0)], [9.0], strange=True),
        Decision([("deny", 1.0)], [], 1.0, 1.0, strange=True),
    ):
        assert sure.band(decision)[0] == ASK


@pytest.mark.parametrize("encoded", ENCODERS)
def test_what_programs_write_is_no_answer_though_its_words_were_taught(encoded: bool) -> None:
    taught = [
        ("true", "affirm"),
        ("none of these", "deny"),
        ("is that true", "affirm"),
        ("none please", "deny"),
    ]
    pairs = [*examples(), *taught]
    reader = encoder.load() if encoded else None
    model, _ = fit([text for text, _ in pairs], [name for _, name in pairs], reader)
    literals = ["true", "TRUE", "None", '"none"', "false.", "nil", "yes, true", "none of these"]
    assert [model.decide(text, reader).strange for text in literals] == [True] * 6 + [False] * 2


@pytest.mark.parametrize(
    "texts",
    [
        ["hello there", "hello you"],
        ["물이 새요", "물이 안 나와요", "ok", ""],
        ["a", ""],
        ["A/S 접수 12번", "as 접수 34번", "접수", "\U0001f600 물", "\U0001f600 new"],
    ],
)
def test_the_rows_that_a_model_learns_from_are_those_it_reads_later(texts: list[str]) -> None:
    vectorizer, rows = corpus.fit(texts)
    found = [features(text) for text in texts]
    once = Counter(group + name for one in found for group, names in one.items() for name in names)
    assert set(vectorizer.vocabulary) == {name for name, count in once.items() if count > 1}
    for row, text in zip(rows.toarray(), texts, strict=True):
        again = np.zeros(len(vectorizer.idf), np.float32)
        ids, values = vectorizer.vector(features(text))
        again[ids] = values
        assert np.allclose(row, again, atol=1e-6)


def test_spelling_is_put_right_by_the_words_of_the_training_data() -> None:
    speller = Speller.fit(["세탁기가 고장났어요", "my washer is leaking"])
    assert speller.correct("셰탁기가 고장났어요") == "세탁기가 고장났어요"
    assert speller.correct("my washee is laeking") == "my washer is leaking"
    assert speller.correct("건조기가 고장났어요") == "건조기가 고장났어요"


def test_finals_left_out_are_put_back_where_a_known_word_has_them() -> None:
    speller = Speller.fit(["로봇청소기 접수 취소", "저녁에 접수"])
    assert speller.correct("로보처소기 저수 취소") == "로봇청소기 접수 취소"
    assert speller.correct("접식") == "접식"


def test_words_run_together_are_parted() -> None:
    assert spaced("세탁기에서물이새요언제와요") == "세탁기에서 물이 새요 언제 와요"
    assert spaced("세탁기 고장") == "세탁기 고장"


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_the_same_for_the_same_dice(kind: str) -> None:
    import random

    make = KINDS[kind]
    text = "세탁기에서 물이 새요 언제 오시나요"
    assert make(text, random.Random(4)) == make(text, random.Random(4)) != text
    assert gibberish(5, random.Random(1)) == gibberish(5, random.Random(1))
