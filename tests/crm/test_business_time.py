"""Business time: hand-picked days and properties that hold for every calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm.business_time import Calendar, Span, check_week
from crm.errors import Invalid

SEOUL = ZoneInfo("Asia/Seoul")
DAY = (Span(540, 720), Span(780, 1080))
SATURDAY = (Span(600, 840),)
OFFICE = Calendar((DAY,) * 5 + (SATURDAY, ()), SEOUL)


def seoul(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SEOUL)  # type: ignore[arg-type, misc]


def test_lunch_is_closed_and_the_closing_minute_too() -> None:
    assert OFFICE.is_open(seoul(2026, 11, 19, 11, 59))
    assert not OFFICE.is_open(seoul(2026, 11, 19, 12, 0))
    assert not OFFICE.is_open(seoul(2026, 11, 19, 18, 0))


def test_saturday_evening_opens_on_monday() -> None:
    assert OFFICE.next_open(seoul(2026, 11, 21, 14, 0)) == seoul(2026, 11, 23, 9, 0)


def test_openings_that_meet_at_midnight_are_one() -> None:
    always = Calendar(((Span(0, 1440),),) * 7, SEOUL, korean_holidays=False)
    at = seoul(2026, 12, 24, 15, 0)
    assert (always.next_closing(at), always.next_opening_after(at)) == (None, None)
    but_christmas = Calendar(always.week, SEOUL)
    assert but_christmas.next_closing(at) == seoul(2026, 12, 25)
    assert but_christmas.next_opening_after(at) == seoul(2026, 12, 26)
    assert OFFICE.next_closing(seoul(2026, 11, 19, 13, 30)) == seoul(2026, 11, 19, 18)
    assert OFFICE.next_opening_after(seoul(2026, 11, 19, 11, 30)) == seoul(2026, 11, 19, 13)


def test_minutes_skip_lunch_night_and_sunday() -> None:
    assert OFFICE.add_business_minutes(seoul(2026, 11, 19, 11, 50), 15) == seoul(2026, 11, 19, 13, 5)
    assert OFFICE.add_business_minutes(seoul(2026, 11, 21, 13, 50), 30) == seoul(2026, 11, 23, 9, 20)


def test_a_substitute_holiday_and_a_day_off_are_closed_and_say_why() -> None:
    own = Calendar(OFFICE.week, SEOUL, days_off={date(2026, 12, 31): "회사 휴무"})
    substitute = own.closure(date(2026, 10, 5))
    assert substitute is not None
    assert (substitute.reason, substitute.name) == ("holiday", "개천절 대체 휴일")
    assert own.closure(date(2026, 12, 31)).name == "회사 휴무"  # type: ignore[union-attr]
    assert own.closure(date(2026, 11, 22)).reason == "weekday"  # type: ignore[union-attr]
    assert own.closure(date(2026, 11, 23)) is None


def test_holidays_can_be_switched_off() -> None:
    assert Calendar(OFFICE.week, SEOUL, korean_holidays=False).is_open(seoul(2026, 12, 25, 10, 0))


def test_without_any_hours_every_minute_counts() -> None:
    empty = Calendar(((),) * 7, SEOUL)
    at = seoul(2026, 11, 19, 3, 0)
    assert empty.next_open(at) is None
    assert empty.add_business_minutes(at, 15) == at + timedelta(minutes=15)


def test_visit_slots_fit_the_spans_and_keep_the_notice() -> None:
    slots = OFFICE.visit_slots(date(2026, 11, 24), now=seoul(2026, 11, 24, 8, 30))
    assert [s.start.astimezone(SEOUL).hour for s in slots] == [11, 13, 14, 15, 16, 17]


def test_an_unavailable_day_says_why() -> None:
    days = dict(OFFICE.visit_days(seoul(2026, 12, 24, 17, 0), 4))
    assert days[date(2026, 12, 24)].reason == "past"  # type: ignore[union-attr]
    assert days[date(2026, 12, 25)].name == "기독탄신일"  # type: ignore[union-attr]
    assert days[date(2026, 12, 26)] is None


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(Invalid, match="naive"):
        OFFICE.is_open(datetime(2026, 11, 19, 10, 0))


@pytest.mark.parametrize(
    ("spans", "field", "reason"),
    [
        ([Span(540, 720), Span(780, 660)], "friday.1.closes", "end_before_start"),
        ([Span(540, 720), Span(700, 900)], "friday.1.opens", "overlap"),
        ([Span(540, 1500)], "friday.0.closes", "out_of_range"),
    ],
)
def test_a_wrong_span_names_weekday_and_field(spans: list[Span], field: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_week([[], [], [], [], spans, [], []])
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert caught.value.values["weekday"] == 4


# Zones with clock changes too: what holds must hold on those nights.
zones = st.sampled_from(["Asia/Seoul", "Europe/Berlin", "America/New_York", "UTC"]).map(ZoneInfo)


@st.composite
def week(draw: st.DrawFn) -> tuple[tuple[Span, ...], ...]:
    days = []
    for _ in range(7):
        edges = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
        edges = edges[: len(edges) // 2 * 2]
        days.append(tuple(Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)))
    return tuple(days)


calendars = st.builds(Calendar, week(), zones).filter(lambda c: any(c.week))
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
minutes = st.integers(0, 5000)


@settings(max_examples=60, deadline=None)
@given(calendars, moments, minutes)
def test_counting_undoes_adding(calendar: Calendar, at: datetime, amount: int) -> None:
    assume(amount <= 40 * sum(span.closes - span.opens for day in calendar.week for span in day))
    assert calendar.business_minutes_between(at, calendar.add_business_minutes(at, amount)) == amount


def test_what_a_year_of_openings_does_not_hold_ends_after_them() -> None:
    calendar = Calendar(((),) * 6 + ((Span(0, 1),),), SEOUL)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ends = [calendar.add_business_minutes(at, amount) for amount in (50, 56, 57, 58, 600)]
    assert ends == sorted(ends)
    assert ends[-1] - at > timedelta(days=390)


@settings(max_examples=60, deadline=None)
@given(calendars, moments, minutes, st.integers(0, 3000), st.integers(0, 600))
def test_later_stays_later(
    calendar: Calendar, at: datetime, amount: int, delay_minutes: int, more: int
) -> None:
    base = calendar.add_business_minutes(at, amount)
    assert base <= calendar.add_business_minutes(at + timedelta(minutes=delay_minutes), amount)
    assert base <= calendar.add_business_minutes(at, amount + more)
    assert at <= base


@settings(max_examples=60, deadline=None)
@given(calendars, moments)
def test_the_next_opening_is_open_and_nothing_before_it_is(calendar: Calendar, at: datetime) -> None:
    opening = calendar.next_open(at)
    assert opening is not None
    assert calendar.is_open(opening)
    assert calendar.business_minutes_between(at, opening) == 0
    assert (opening == at) == calendar.is_open(at)


@settings(max_examples=60, deadline=None)
@given(calendars, moments, moments, moments)
def test_open_time_adds_up(calendar: Calendar, a: datetime, b: datetime, c: datetime) -> None:
    first, middle, last = sorted([a, b, c])
    whole = calendar.business_minutes_between(first, last)
    parts = calendar.business_minutes_between(first, middle) + calendar.business_minutes_between(middle, last)
    assert parts <= whole <= parts + 1  # each part drops its own fraction of a minute
    assert calendar.business_minutes_between(last, first) == -whole


@settings(max_examples=60, deadline=None)
@given(calendars, moments)
def test_visit_slots_lie_in_open_time(calendar: Calendar, at: datetime) -> None:
    for slot in calendar.visit_slots(at.astimezone(calendar.tz).date(), now=at, minutes=30):
        assert calendar.is_open(slot.start)
        assert calendar.business_minutes_between(slot.start, slot.end) == 30
        assert slot.start >= at + timedelta(minutes=120)
