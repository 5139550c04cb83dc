"""Words of buttons and cards: particles by how a word is read."""

from datetime import date

import pytest

from actions.languages import dates_in
from actions.reviews import score_in
from actions.words import label, with_particles


@pytest.mark.parametrize(
    ("word", "with_particle"),
    [
        ("냉장고", "냉장고가 냉장고를 냉장고로"),
        ("제습기", "제습기가 제습기를 제습기로"),
        ("에어컨", "에어컨이 에어컨을 에어컨으로"),
        ("물", "물이 물을 물로"),
        ("드럼세탁기 21kg", "드럼세탁기 21kg이 드럼세탁기 21kg을 드럼세탁기 21kg으로"),
        ("냉장고 800L", "냉장고 800L가 냉장고 800L를 냉장고 800L로"),
        ("SR-2026-000001", "SR-2026-000001이 SR-2026-000001을 SR-2026-000001로"),
        ("SR-2026-000002", "SR-2026-000002가 SR-2026-000002를 SR-2026-000002로"),
        ("010-1111-2222", "010-1111-2222가 010-1111-2222를 010-1111-2222로"),
        ("오후 3:00", "오후 3:00이 오후 3:00을 오후 3:00으로"),
    ],
)
def test_a_particle_follows_the_sound_of_the_word(word: str, with_particle: str) -> None:
    filled = with_particles({"x": word})
    assert " ".join(filled[f"x_{key}"] for key in ("i", "eul", "ro")) == with_particle


def test_a_language_without_words_of_its_own_is_spoken_to_in_english() -> None:
    english = {"condition": [{"type": "slot", "name": "language", "value": "en"}], "text": "Visit {day}"}
    domain = {"responses": {"label_visit": [{"text": "{day} 방문"}, english]}}
    on = dates_in("ja").day(date(2026, 11, 24), today=date(2026, 11, 23))
    assert label(domain, "ja", "label_visit", day=on) == "Visit Tue 24 Nov"
    assert label(domain, "ko", "label_visit", day="화요일") == "화요일 방문"


@pytest.mark.parametrize(("count", "text"), [(1, "1 request, 1 person is"), (2, "2 requests, 2 people are")])
def test_english_counts_agree(count: int, text: str) -> None:
    domain = {"responses": {"x": [{"text": "{count} request{count_s}, {count_people}"}]}}
    assert label(domain, "en", "x", count=count) == text


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("4점이요", 4),
        ("별 다섯 개", 5),
        ("5점 만점에 3점", 3),
        ("3 out of 5", 3),
        ("4/5", 4),
        ("5 stars", 5),
        ("10점", None),
        ("좋았어요", None),
    ],
)
def test_a_score_is_read_from_words(text: str, score: int | None) -> None:
    assert score_in(text) == score
