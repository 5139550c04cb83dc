"""Addresses end at the door, and nowhere behind it."""

import pytest

from nlu.components.addresses import to_the_door


def grown(text: str, marked: str) -> str:
    start = text.index(marked)
    (found,) = to_the_door(
        text, [{"entity": "address", "start": start, "end": start + len(marked), "value": marked}]
    )
    assert text[found["start"] : found["end"]] == found["value"]
    return str(found["value"])


@pytest.mark.parametrize(
    ("text", "marked", "whole"),
    [
        (
            "서울 마포구 월드컵로 12, 3층이고 번호는",
            "서울 마포구 월드컵로 12",
            "서울 마포구 월드컵로 12, 3층",
        ),
        ("테헤란로 152 3층 301호요", "테헤란로 152", "테헤란로 152 3층 301호"),
        ("테헤란로 152 301호", "테헤란로 152 301", "테헤란로 152 301호"),
        ("월드컵로 12번길 5로 와 주세요", "월드컵로", "월드컵로 12번길 5"),
        ("래미안 104동 1203호입니다", "래미안", "래미안 104동 1203호"),
        ("역삼동 123-4번지", "역삼동", "역삼동 123-4번지"),
        ("12 World Cup-ro, Apt 301 please", "12 World Cup-ro", "12 World Cup-ro, Apt 301"),
    ],
)
def test_lot_building_floor_and_door_are_part_of_an_address(text: str, marked: str, whole: str) -> None:
    assert grown(text, marked) == whole


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("강남역 3번 출구", "강남역"), ("역삼동 3시에 와요", "역삼동"), ("테헤란로 5월 3일", "테헤란로"),
        ("해운대로 2명 보내", "해운대로"), ("partners in Busan 3 people", "Busan"),
        ("강남 2호점 몇 시까지 해요", "강남"), ("teheran-ro 3 pm", "teheran-ro"),
    ],
)  # fmt: skip
def test_times_counts_and_shops_are_not(text: str, marked: str) -> None:
    assert grown(text, marked) == marked


def test_what_was_found_within_an_address_is_part_of_it() -> None:
    text = "주소는 테헤란로 152 3층"
    number = {"entity": "quantity", "start": 13, "end": 15, "value": "3층"}
    address = {"entity": "address", "start": 4, "end": 12, "value": "테헤란로 152"}
    assert [one["entity"] for one in to_the_door(text, [address, number])] == ["address"]
    assert address["value"] == "테헤란로 152"  # what was given stays as it was
