"""What the words of an entity come to."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nlu.components.pattern_entities import pattern_entities
from nlu.components.patterns import protected
from nlu.components.resolver import resolve_entities
from nlu.components.values import amount, phone, quantity

SENT = datetime(2026, 11, 23, 15, 30, tzinfo=ZoneInfo("Asia/Seoul"))


@pytest.mark.parametrize(
    ("said", "minor", "currency"),
    [
        ("3만 5천원", 35_000, "KRW"),
        ("12만원", 120_000, "KRW"),
        ("₩12,000", 12_000, "KRW"),
        ("삼만오천원", 35_000, "KRW"),
        ("만원", 10_000, "KRW"),
        ("1억 2천만원", 120_000_000, "KRW"),
        ("$30.50", 3050, "USD"),
    ],
)
def test_money_is_whole_minor_units(said: str, minor: int, currency: str) -> None:
    assert amount(said) == {"minor": minor, "currency": currency}


@pytest.mark.parametrize(
    ("said", "n", "unit"), [("3대", 3, "대"), ("두 대", 2, "대"), ("2", 2, ""), ("three units", 3, "units")]
)
def test_counts_and_their_units(said: str, n: int, unit: str) -> None:
    assert quantity(said) == {"n": n, "unit": unit}


@pytest.mark.parametrize(
    ("said", "number"), [("010-1234-5678", "+821012345678"), ("02-123-4567", "+8221234567"), ("123", None)]
)
def test_telephone_numbers(said: str, number: str | None) -> None:
    assert phone(said) == number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SR-2026-000123 취소요", [("request_no", "SR-2026-000123")]),
        ("주문번호 A1234 배송 언제 오나요?", [("order_no", "A1234")]),
        ("접수번호 123번 상태 좀요", [("request_no", "123")]),
        ("order number is 4711", [("order_no", "4711")]),
        ("Q-2026-000007 할인되나요", [("quote_no", "Q-2026-000007")]),
        (
            "kim@example.co.kr로 보내고 010-1234-5678로 전화",
            [("email", "kim@example.co.kr"), ("phone", "010-1234-5678")],
        ),
        ("12만원 맞나요", [("amount", "12만원")]),
        ("세탁기에서 물이 새요", []),
    ],
)
def test_patterns_find_what_is_certain(text: str, found: list[tuple[str, str]]) -> None:
    assert [(one["entity"], one["value"]) for one in pattern_entities(text)] == found


def entity(text: str, name: str, value: str) -> dict[str, Any]:
    start = text.index(value)
    return {"entity": name, "value": value, "start": start, "end": start + len(value)}


def test_a_time_belongs_to_the_date_said_near_it() -> None:
    text = "다음주 화요일에 오실 수 있으면 오후 3시가 좋아요"
    found = [entity(text, "date", "다음주 화요일"), entity(text, "time", "오후 3시")]
    resolve_entities(text, found, at=SENT, language="ko")
    assert found[0]["resolved"] == {"from": "2026-12-01T00:00:00+09:00", "to": "2026-12-02T00:00:00+09:00"}
    assert found[1]["resolved"] == {"from": "2026-12-01T15:00:00+09:00", "to": "2026-12-01T16:00:00+09:00"}


def test_what_cannot_be_told_is_left_alone() -> None:
    found = [entity("언젠가 보죠", "date", "언젠가")]
    resolve_entities("언젠가 보죠", found, at=SENT, language="ko")
    assert "resolved" not in found[0]


@pytest.mark.parametrize("digits", [16, 400])
def test_a_number_that_nobody_means_is_no_value(digits: int) -> None:
    text = "9" * digits
    assert amount(f"{text}원") is None
    assert quantity(f"{text}개") is None
    assert amount("9" * 14 + "원") == {"minor": int("9" * 14), "currency": "KRW"}


@pytest.mark.parametrize(
    "text",
    ["1" * 20_000, "1 " * 10_000, "1," * 10_000, "1." * 10_000, "일 " * 10_000 + "1", "1" + "a" * 20_000],
    ids=["digits", "spaced", "commas", "points", "words", "letters"],
)
def test_numbers_without_end_are_read_through_once(text: str) -> None:
    # Tried over and over, even forty digits would not be done in a life.
    assert list(protected(text)) == []


@pytest.mark.parametrize("text", ["1억 2천 3백만 5천원", "12,000원", "3만원", "$1,200.50", "1.5만원"])
def test_an_amount_stays_whole(text: str) -> None:
    said = f"총 {text} 맞나요"
    assert [said[one.start : one.end] for one in protected(said)] == [text]
