"""Tokens are whole where they must be, and their offsets are exact."""

import unicodedata
from itertools import pairwise

import pytest

from nlu.components.kiwi import LONGEST, pieces

SENTENCES = [
    "주문번호 A1234 배송 언제 오나요?",
    "SR-2026-000123 취소요, 메일은 kim@example.co.kr입니다",
    "번호는 010-1234-5678이고 3만 5천원에 해주세요ㅠㅠ",
    "https://example.com/a?b=1 봐주세요 됐어요",
    "my washer isn't working, order #A1234 on 2026-11-24 at 3pm",
    "👍🏽 안녕하세요 ㅋㅋㅋ",
]


def texts(sentence: str) -> list[str]:
    return [piece.text for piece in pieces(sentence)]


def test_hangul_next_to_a_latin_number_survives() -> None:
    found = texts("주문번호 A1234 배송 언제 오나요?")
    assert "A1234" in found
    assert "".join(found) == "주문번호A1234배송언제오나요?"


@pytest.mark.parametrize(
    "whole",
    [
        "A1234",
        "SR-2026-000123",
        "kim@example.co.kr",
        "010-1234-5678",
        "https://example.com/x",
        "3만 5천원",
        "₩12,000",
    ],
)
def test_what_must_stay_whole_is_one_token(whole: str) -> None:
    assert whole in texts(f"저기요 {whole} 맞나요")
    assert whole in texts(f"is it {whole} please")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_offsets_are_those_of_the_text_as_received(sentence: str, form: str) -> None:
    given = unicodedata.normalize(form, sentence)
    found = pieces(given)
    assert all(given[piece.start : piece.end] == piece.text for piece in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert [unicodedata.normalize("NFC", piece.text) for piece in found] == texts(sentence)


def test_a_particle_behind_a_number_is_a_particle() -> None:
    tags = {piece.text: piece.tag for piece in pieces("A1234로 보내주세요")}
    assert tags["A1234"] == "W_ID"
    assert tags["로"] == "JKB"


def test_an_endless_message_is_read_at_its_head_only() -> None:
    assert pieces("세탁기 " * 100_000)[-1].end <= LONGEST
