"""Meanings that no model gives, and how much of a model's a turn believes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu import parsing
from nlu.parsing import BadCommand, NotForAudience, Question


def guessed(*names: str, band: str = "ask") -> dict[str, Any]:
    guesses = [{"name": name, "confidence": 0.9 / (place + 1)} for place, name in enumerate(names)]
    return {"text": "x", "intent": guesses[0], "intent_ranking": guesses, "entities": [], "band": band}


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=50))
def test_harmless_text_is_no_command_and_keeps_every_place(text: str) -> None:
    harmless = parsing.harmless(text)
    assert not harmless.strip().startswith("/")
    assert len(harmless) == len(text)
    harmless.encode()


def test_harmless_text_is_bounded() -> None:
    assert len(parsing.harmless("가" * 10_000)) == parsing.LONGEST


def test_a_slash_inside_stays_as_it_is() -> None:
    assert parsing.harmless("에어컨/제습기") == "에어컨/제습기"
    assert parsing.harmless(" //x/y") == " ／／x/y"


@pytest.mark.parametrize(
    ("text", "intent", "entity"),
    [
        ("SR-2026-000123", "check_request", "request_no"),
        ("  sr-2026-000123 ", "check_request", "request_no"),
        ("Q-2026-000001", "check_quote", "quote_no"),
        ("O - 2026 - 12", "check_order", "order_no"),
        ("C_2026_000009", "check_contract", "contract_no"),
    ],
)
def test_a_service_number_alone_asks_for_its_matter(text: str, intent: str, entity: str) -> None:
    parsed = parsing.number(text)
    assert parsed is not None
    assert parsed["intent"] == {"name": intent, "confidence": 1.0}
    assert parsed["band"] == "act"
    span = parsed["entities"][0]
    assert span["entity"] == entity
    assert text[span["start"] : span["end"]] == span["value"] == text.strip()


def test_a_number_of_the_staff_shows_their_list() -> None:
    parsed = parsing.number("SR-2026-000123", "staff")
    assert parsed is not None
    assert parsed["intent"]["name"] == "staff_show_requests"


@pytest.mark.parametrize("text", ["SR-2026", "SR-2026-000123 취소", "123", "A1234", "", "X-2026-000001"])
def test_other_texts_are_no_service_number(text: str) -> None:
    assert parsing.number(text) is None


def test_a_payload_is_read_as_stock_rasa_reads_it() -> None:
    parsed = parsing.command('/request_service{"product": "드럼세탁기"}', text="이 제품이에요")
    assert parsed["text"] == "이 제품이에요"
    assert parsed["intent"] == {"name": "request_service", "confidence": 1.0}
    assert [(entity["entity"], entity["value"]) for entity in parsed["entities"]] == [
        ("product", "드럼세탁기")
    ]


@pytest.mark.parametrize(
    "payload", ["affirm", "/", "/a b", "/a{", '/a["x"]', '/choose{"slot": "x"}', "/a{1}", "//"]
)
def test_a_payload_that_is_no_command_is_refused(payload: str) -> None:
    with pytest.raises(BadCommand):
        parsing.command(payload)


def test_a_command_of_the_other_audience_is_refused() -> None:
    with pytest.raises(NotForAudience):
        parsing.command("/staff_create_quote")
    with pytest.raises(NotForAudience):
        parsing.command("/request_service", audience="staff")
    assert parsing.command("/staff_create_quote", audience="staff")["intent"]["name"] == "staff_create_quote"
    assert parsing.command("/affirm", audience="staff")["intent"]["name"] == "affirm"


def test_only_a_sure_intent_of_the_own_audience_is_believed() -> None:
    def intent(parsed: dict[str, Any], audience: str = "customer", asked: Question | None = None) -> str:
        return str(parsing.heard(parsed, audience, asked)["intent"]["name"])

    confirm = Question("confirm", frozenset({"affirm", "deny"}))
    assert intent(guessed("ask_hours", band="act")) == "ask_hours"
    assert intent(guessed("ask_hours", band="ask")) == "nlu_fallback"
    assert intent(guessed("ask_hours", band="handover")) == "nlu_fallback"
    assert intent(guessed("staff_note", band="act")) == "nlu_fallback"
    assert intent(guessed("ask_hours", band="act"), "staff") == "nlu_fallback"
    assert intent(guessed("affirm", "greet"), asked=confirm) == "affirm"
    assert intent(guessed("affirm", "deny"), asked=confirm) == "nlu_fallback"
    assert intent(guessed("affirm", "greet", band="handover"), asked=confirm) == "nlu_fallback"
    assert intent(guessed("greet", "affirm"), asked=confirm) == "nlu_fallback"


def test_words_of_an_entity_are_those_that_were_typed() -> None:
    parsed = {"text": "／세탁기", "entities": [{"entity": "product", "start": 0, "end": 2, "value": "／세"}]}
    assert parsing.spoken(parsed, "/세탁기")["entities"][0]["value"] == "/세"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("냉장고", "냉장고"),
        ("공기청정기요", "공기청정기"),
        ("정수기입니다!", "정수기"),
        ("the dryer", "dryer"),
        ("my TV ㅎㅎ", "TV"),
    ],
)
@pytest.mark.parametrize("band", ["act", "handover"])
def test_a_bare_name_of_a_thing_is_no_wish(text: str, name: str, band: str) -> None:
    start = text.index(name)
    entity = {"entity": "product", "start": start, "end": start + len(name)}
    guesses = [{"name": "out_of_scope", "confidence": 0.5}, {"name": "ask_price", "confidence": 0.4}]
    model = {
        "text": text,
        "intent": guesses[0],
        "intent_ranking": guesses,
        "entities": [entity],
        "band": band,
    }
    parsed = parsing.spoken(model, text)
    assert (parsed["band"], parsed["intent"]["name"]) == ("ask", "ask_price")


def test_a_name_with_a_wish_stays_what_it_is_and_so_do_names_that_staff_say() -> None:
    entity = {"entity": "product", "start": 0, "end": 3}
    wish = {"text": "냉장고 얼마", "intent": {"name": "ask_price"}, "entities": [entity], "band": "act"}
    staff = {"text": "냉장고", "intent": {"name": "staff_show_products"}, "entities": [entity], "band": "act"}
    assert parsing.spoken(wish, "냉장고 얼마요")["band"] == "act"
    assert parsing.spoken(staff, "냉장고")["band"] == "act"
