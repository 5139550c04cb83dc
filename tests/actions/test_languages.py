"""Days and times as each language writes them, by the catalogue."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from actions.languages import CATALOGUE, FALLBACK, dates_in, read
from tests.actions.company import MONDAY, SEOUL

JAPANESE = """
ja:
  weekdays: [月, 火, 水, 木, 金, 土, 日]
  months: [1月, 2月, 3月, 4月, 5月, 6月, 7月, 8月, 9月, 10月, 11月, 12月]
  am: "{hour24}:{minute}"
  pm: "{hour24}:{minute}"
  day: "{month}{day}日({weekday})"
  tomorrow: "明日{time}"
  moment: "{day}{time}"
"""


@pytest.mark.parametrize(
    ("at", "ko", "en"),
    [
        (datetime(2026, 11, 23, 14, 0, tzinfo=SEOUL), "오늘 오후 2:00", "2:00 pm today"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=SEOUL), "내일 오전 9:00", "9:00 am tomorrow"),
        (datetime(2026, 11, 26, 9, 0, tzinfo=SEOUL), "11월 26일(목) 오전 9:00", "Thu 26 Nov, 9:00 am"),
    ],
)
def test_the_next_opening_is_said_as_people_say_it(at: datetime, ko: str, en: str) -> None:
    at = at.astimezone(UTC)
    assert (
        dates_in("ko").opening(at, now=MONDAY, tz=SEOUL),
        dates_in("en").opening(at, now=MONDAY, tz=SEOUL),
    ) == (ko, en)


def test_a_day_of_another_year_names_the_year() -> None:
    on = date(2027, 1, 4)
    assert tuple(dates_in(language).day(on, today=date(2026, 11, 23)) for language in ("ko", "en")) == (
        "2027년 1월 4일(월)",
        "Mon 4 Jan 2027",
    )


def test_a_longer_visit_is_a_span_and_a_whole_day_just_the_day() -> None:
    start = datetime(2026, 11, 24, 13, 0, tzinfo=SEOUL)
    spans = {1: "11월 24일(화) 오후 1:00", 3: "11월 24일(화) 오후 1:00–오후 4:00", 24: "11월 24일(화)"}
    for hours, said in spans.items():
        assert dates_in("ko").moment(start, start + timedelta(hours=hours), now=MONDAY, tz=SEOUL) == said


@pytest.mark.parametrize(
    ("since", "ko", "en"),
    [
        (date(2026, 3, 1), "올해 3월", "March 2026"),
        (date(2025, 12, 31), "작년 12월", "December 2025"),
        (date(2023, 5, 9), "2023년 5월", "May 2023"),
    ],
)
def test_since_when_a_product_is_owned_is_said_by_its_month(since: date, ko: str, en: str) -> None:
    today = date(2026, 11, 23)
    assert (dates_in("ko").month(since, today=today), dates_in("en").month(since, today=today)) == (ko, en)


def test_a_language_is_added_by_data_alone(tmp_path: Path) -> None:
    catalogue = tmp_path / "languages.yml"
    catalogue.write_text(CATALOGUE.read_text(encoding="utf-8") + JAPANESE, encoding="utf-8")
    dates, at = read(catalogue)["ja"], datetime(2026, 11, 24, 15, 30, tzinfo=SEOUL)
    assert dates.day(at.date(), today=at.date()) == "11月24日(火)"
    assert dates.moment(at, at, now=MONDAY, tz=SEOUL) == "11月24日(火)15:30"
    assert dates.opening(at, now=MONDAY, tz=SEOUL) == "明日15:30"
    # What it leaves out is English.
    assert dates.day(date(2027, 1, 4), today=at.date()) == "月 4 1月 2027"
    assert dates.month(date(2026, 3, 1), today=at.date()) == "March 2026"


def test_a_language_that_the_catalogue_has_not_writes_days_as_english_does() -> None:
    on = date(2026, 11, 24)
    assert dates_in("xx").day(on, today=on) == dates_in(FALLBACK).day(on, today=on) == "Tue 24 Nov"


def test_every_shipped_language_says_everything_for_itself() -> None:
    shipped = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    for language, words in shipped.items():
        assert set(words) == set(shipped[FALLBACK]), language
        assert [len(words[name]) for name in ("weekdays", "months", "long_months")] == [7, 12, 12], language
