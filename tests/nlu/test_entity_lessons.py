"""What the random field learns from: spans finer than tokens, and values that nobody knows."""

from nlu.components.crf_features import entities_of, labels_of, parted, token_features
from nlu.components.crf_lessons import Lesson, cut_kinds, invented
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


def test_the_intent_is_seen_only_where_it_is_given() -> None:
    found = tokens("refund 160 dollars")
    assert not [
        name for row in token_features(found, "refund 160 dollars") for name in row if name[:2] == "i="
    ]
    assert all("i=ask" in row for row in token_features(found, "refund 160 dollars", "ask"))
