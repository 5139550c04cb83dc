"""Letters: understood sentence by sentence, with a parser that knows a few words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu import letter

AT = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
TUESDAY = {"from": "2026-12-01T14:00:00+09:00", "to": "2026-12-01T15:00:00+09:00"}
YESTERDAY = {"from": "2026-11-27T00:00:00+09:00", "to": "2026-11-28T00:00:00+09:00"}
# words of a sentence: what it wants, whether that is sure, and a time in it
KNOWN: list[tuple[str, str, bool, Any]] = [
    ("문의", "request_service", True, None),
    ("시원하지", "request_service", False, YESTERDAY),
    ("화요일", "book_visit", True, TUESDAY),
    ("주소", "update_contact", True, None),
    ("연락처", "update_contact", True, None),
    ("상담원", "talk_to_human", True, None),
]
NAMES = {"냉장고": "product", "김치냉장고": "product", "월드컵로 12": "address", "010-1234-5678": "phone"}


async def parse(text: str) -> dict[str, Any]:
    known = next((one for one in KNOWN if one[0] in text), ("", "out_of_scope", False, None))
    found = [
        {"entity": kind, "value": name, "start": text.index(name), "end": text.index(name) + len(name)}
        for name, kind in NAMES.items()
        if name in text
    ]
    intent = {"name": known[1], "confidence": 0.9}
    return {
        "text": text,
        "intent": intent,
        "intent_ranking": [intent],
        "band": "act" if known[2] else "ask",
        "entities": found,
        "when": known[3],
        "language": "ko",
    }


LETTER = """냉장고 문의
안녕하세요.
산 지 한 달 된 냉장고가 어제부터 시원하지 않아요. 화요일 오후 2시에 와 주세요.

주소: 서울 마포구 월드컵로 12, 301호
연락처: 010-1234-5678

감사합니다.
박지아 드림"""


async def test_a_letter_knows_what_all_of_its_sentences_know() -> None:
    found = await letter.understand(LETTER, parse, at=AT)
    assert found["intent"]["name"] == "request_service"
    assert found["when"] == TUESDAY
    values = {one["entity"]: one["value"] for one in found["entities"]}
    assert values == {
        "product": "냉장고",
        "address": "서울 마포구 월드컵로 12, 301호",
        "phone": "010-1234-5678",
        "symptom": "산 지 한 달 된 냉장고가 어제부터 시원하지 않아요.",
    }
    for one in found["entities"]:
        assert LETTER[one["start"] : one["end"]] == one["value"]


async def test_a_wish_for_a_person_is_the_weightiest() -> None:
    found = await letter.understand("냉장고 문의드려요.\n상담원과 통화하고 싶어요.", parse, at=AT)
    assert found["intent"]["name"] == "talk_to_human"


async def test_the_fuller_name_of_a_product_is_meant() -> None:
    found = await letter.understand("냉장고 문의\n김치냉장고 문의드려요.", parse, at=AT)
    assert {one["value"] for one in found["entities"] if one["entity"] == "product"} == {"김치냉장고"}


async def test_a_time_behind_us_is_no_wish() -> None:
    found = await letter.understand("냉장고 문의\n어제부터 시원하지 않아요.", parse, at=AT)
    assert found["when"] is None


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("안녕하세요.\n\n1번이요\n\n감사합니다.", "1번이요"),
        ("Hello,\nMy washer leaks.\nBest regards,\nJohn", "My washer leaks.\nJohn"),
        ("네, 접수해 주세요.\n김철수 드림", "네, 접수해 주세요."),
        ("감사합니다.", "감사합니다."),
        ("Hello my washer leaks", "Hello my washer leaks"),
        ("사진 올림", "사진 올림"),
    ],
    ids=["number", "english", "signed", "only thanks", "greeting and fault", "photo"],
)
def test_the_frame_of_a_letter_says_nothing(text: str, bare: str) -> None:
    assert letter.bare(text) == bare


@given(st.text(max_size=200))
async def test_any_text_is_understood_and_offsets_hold(text: str) -> None:
    found = await letter.understand(text, parse, at=AT)
    for one in found["entities"]:
        assert text[one["start"] : one["end"]] == one["value"]
