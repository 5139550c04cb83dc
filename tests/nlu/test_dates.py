"""Dates and times as people write them; the message was sent on Monday 23 November 2026, 15:30 in Seoul."""

import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from korean_datetime import AmbiguousHour, ParseOptions, TemporalParser

from nlu.dates import When, expressions, resolve
from nlu.dates_common import EARLIEST

SEOUL = ZoneInfo("Asia/Seoul")
SENT = datetime(2026, 11, 23, 15, 30, tzinfo=SEOUL)


def read(text: str, now: datetime = SENT) -> When | None:
    return resolve(text, now=now, tz=SEOUL)


def shown(when: When | None) -> str:
    if when is None:
        return "-"
    if not when.has_time:
        return f"{when.start:%m-%d} .. {when.end:%m-%d}"
    return f"{when.start:%m-%d %H:%M} .. {when.end:%H:%M}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("다음주 화요일 오후 3시", "12-01 15:00 .. 16:00"),
        ("다음주화요일오후3시에 와주세요", "12-01 15:00 .. 16:00"),
        ("담주 화욜 3시", "12-01 15:00 .. 16:00"),
        ("내일 오전", "11-24 09:00 .. 12:00"),
        ("오전중으로 부탁드려요", "11-24 09:00 .. 12:00"),
        ("모레 2시쯤", "11-25 14:00 .. 15:00"),
        ("모래 오후", "11-25 12:00 .. 18:00"),
        ("이번 주 금요일", "11-27 .. 11-28"),
        ("11월 24일 3시", "11-24 15:00 .. 16:00"),
        ("11/24 15:00", "11-24 15:00 .. 16:00"),
        ("24일 오후", "11-24 12:00 .. 18:00"),
        ("내일 오실 수 있으면 오후 3시요", "11-24 15:00 .. 16:00"),
        ("화요일 말고 수요일", "11-25 .. 11-26"),
        ("금욜 저녁 7시", "11-27 19:00 .. 20:00"),
        ("내일 3시 이후", "11-24 15:00 .. 18:00"),
        ("점심시간 이후", "11-24 13:00 .. 18:00"),
        ("수요일 11시 전에", "11-25 09:00 .. 11:00"),
        ("2시에서 4시 사이", "11-24 14:00 .. 16:00"),
        ("다음 주", "11-30 .. 12-07"),
        ("한시간 뒤", "11-23 16:30 .. 17:30"),
        ("next Tuesday 3pm", "12-01 15:00 .. 16:00"),
        ("tomorrow morning", "11-24 09:00 .. 12:00"),
        ("Friday", "11-27 .. 11-28"),
        ("this Friday afternoon", "11-27 12:00 .. 18:00"),
        ("the day after tomorrow around 2", "11-25 14:00 .. 15:00"),
        ("24th of November, 2:30pm", "11-24 14:30 .. 15:30"),
        ("Nov 24 at 3", "11-24 15:00 .. 16:00"),
        ("between 2 and 4 on Wednesday", "11-25 14:00 .. 16:00"),
        ("2-4pm", "11-24 14:00 .. 16:00"),
        ("10am-12", "11-24 10:00 .. 12:00"),
        ("Thursday evening at 7", "11-26 19:00 .. 20:00"),
        ("this evening", "11-23 18:00 .. 21:00"),
        ("tonight", "11-23 20:00 .. 00:00"),
        ("half past 3", "11-24 15:30 .. 16:30"),
        ("in 3 hours", "11-23 18:30 .. 19:30"),
        ("Tuesday next week at 10", "12-01 10:00 .. 11:00"),
        ("before 11am on thursday", "11-26 09:00 .. 11:00"),
        ("my washer broke 2 days ago", "11-21 .. 11-22"),
        ("march 3", "03-03 .. 03-04"),
        ("2주 뒤 월요일", "12-07 .. 12-08"),
        ("평일 저녁에", "11-23 18:00 .. 21:00"),
        ("오늘 밤 8시", "11-23 20:00 .. 21:00"),
        ("the 5th of January", "01-05 .. 01-06"),
        ("the 3rd of next month", "12-03 .. 12-04"),
        ("next month on the 3rd", "12-03 .. 12-04"),
        ("the first Monday of January", "01-04 .. 01-05"),
        ("last Friday of this month at 10", "11-27 10:00 .. 11:00"),
        ("third wednesday in december", "12-16 .. 12-17"),
        ("a week from Friday", "12-04 .. 12-05"),
        ("two weeks from tomorrow", "12-08 .. 12-09"),
        ("last week", "11-16 .. 11-23"),
        ("last month", "10-01 .. 11-01"),
        ("next quarter", "01-01 .. 04-01"),
        ("last quarter", "07-01 .. 10-01"),
        ("this year", "11-23 .. 01-01"),
        ("previous year", "01-01 .. 01-01"),
        ("in a fortnight", "12-07 .. 12-08"),
        ("at the end of the month", "11-23 .. 12-01"),
        ("end of next month", "12-21 .. 01-01"),
        ("New Year's Eve", "12-31 .. 01-01"),
        ("the day after Christmas", "12-26 .. 12-27"),
        ("tomorrow at 8 in the evening", "11-24 20:00 .. 21:00"),
        ("tomorrow at 8 in the morning", "11-24 08:00 .. 09:00"),
        ("8 tonight", "11-23 20:00 .. 21:00"),
        ("Friday at 9 at night", "11-27 21:00 .. 22:00"),
        ("Wed 3ish", "11-25 15:00 .. 16:00"),
        ("tomorrow after lunch", "11-24 13:00 .. 18:00"),
    ],
)
def test_what_people_mean(text: str, meant: str) -> None:
    assert shown(read(text)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "세탁기 3대요",
        "아무때나",
        "빨리 와주세요",
        "2번",
        "",
        "I bought 3 fridges",
        "I sat on it",
        "May I come",
        "10 to 12",
        "the second time",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("hour", "meant"), [("3시", 15), ("7시", 19), ("8시", 8), ("11시", 11), ("12시", 12)]
)
def test_a_bare_hour_is_one_of_the_day(hour: str, meant: int) -> None:
    when = read(f"내일 {hour}")
    assert when is not None
    assert when.start.hour == meant


def test_a_time_already_past_is_tomorrow_but_today_stays_today() -> None:
    late = SENT.replace(hour=17)
    bare, today = read("3시", late), read("오늘 3시", late)
    assert bare is not None
    assert today is not None
    assert (bare.start.day, today.start.day) == (24, 23)


def test_a_date_without_a_year_is_the_next_one() -> None:
    when = read("1월 5일")
    assert when is not None
    assert when.start.year == 2027


def test_days_are_counted_in_the_zone_of_the_company() -> None:
    # 16:00 UTC on the 23rd is already the 24th in Seoul.
    when = resolve("내일", now=datetime(2026, 11, 23, 16, 0, tzinfo=UTC), tz=SEOUL)
    assert when is not None
    assert when.start == datetime(2026, 11, 25, tzinfo=SEOUL)


def test_the_span_is_that_of_the_text_as_received() -> None:
    text = unicodedata.normalize("NFD", "혹시 다음주 화요일에 되나요")
    when = read(text)
    assert when is not None
    assert unicodedata.normalize("NFC", text[slice(*when.span)]) == "다음주 화요일"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        resolve("내일", now=datetime(2026, 11, 23), tz=SEOUL)


@given(st.text(alphabet="오전후다음주화수요일내모레저녁3시12월/:. -~atpmondex", max_size=40))
def test_anything_is_read_without_an_error(text: str) -> None:
    when = read(text)
    if when is not None:
        assert when.start < when.end
        assert 0 <= when.span[0] < when.span[1] <= len(text)


@given(st.text(alphabet="0123456789월화수요일시분년주달내오늘후전반다음까지-/:물이안나와 ", max_size=24))
@example("26-11-29에 와주세요")
@example("지난 3일 동안")
def test_a_look_before_parsing_hides_no_time(text: str) -> None:
    # Of letters that are never spelt otherwise for the parser.
    parser = TemporalParser(ParseOptions(ambiguous_hour=AmbiguousHour.DAYTIME, daytime_start=EARLIEST))
    now = datetime(2026, 3, 4)
    assert expressions(text, now) == list(parser.parse_all(text, now=now))
