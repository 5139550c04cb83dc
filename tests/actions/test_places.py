"""An address told in a sentence is kept without the sentence."""

import pytest

from actions import places

SEOUL = "서울 마포구 월드컵로 12, 104동 301호"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (SEOUL, SEOUL),
        (f"주소는 {SEOUL}예요", SEOUL),
        (f"네, 저희 집 주소는 {SEOUL}입니다.", SEOUL),
        (f"{SEOUL}요~", SEOUL),
        (f"{SEOUL}로 와 주세요", SEOUL),
        ("여기는 부산 해운대구 센텀로 9 한빛아파트이에요", "부산 해운대구 센텀로 9 한빛아파트"),
        ("제주시 애월읍 하귀로 21", "제주시 애월읍 하귀로 21"),
        ("대전 유성구 대학로 요", "대전 유성구 대학로 요"),
        ("강남구 주소길 5 집현빌라", "강남구 주소길 5 집현빌라"),
        ("my address is 12 World Cup-ro, Mapo-gu, Seoul", "12 World Cup-ro, Mapo-gu, Seoul"),
        ("I live at 5 Teheran-ro 3-gil, please", "5 Teheran-ro 3-gil"),
        ("12 Address Street, Busan", "12 Address Street, Busan"),
        ("주소는 여기요", "주소는 여기요"),
    ],
)
def test_an_address_is_kept_without_the_words_around_it(said: str, kept: str) -> None:
    assert places.bare(said) == kept
