"""Business time: when the company is open, and how long something takes counted in open minutes. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from crm.errors import Invalid
from crm.zone import aware

DAY_MINUTES = 1440
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Longest search for an opening. A year of own days off in a row means that nobody will ever answer.
HORIZON_DAYS = 400


@dataclass(frozen=True, order=True)
class Span:
    """An opening of one weekday, in minutes after local midnight; `closes` is at most 1440."""

    opens: int
    closes: int


@dataclass(frozen=True)
class Slot:
    """A time a technician can come: `start` to `end`, aware, UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Closure:
    """Why a day is closed. `reason` is past, holiday, day_off or weekday; `name` that of the holiday."""

    reason: str
    name: str = ""


@lru_cache(maxsize=32)
def korean_holidays(year: int) -> dict[date, str]:
    """Public holidays of Korea with the substitute days of `year`, named in Korean (package `holidays`)."""
    import holidays

    return dict(holidays.KR(years=[year], language="ko"))


@dataclass(frozen=True)
class Calendar:
    """Opening spans by weekday (Monday first), closed days and the zone in which they are meant.

    A calendar that never opens (no spans at all) counts every minute, so that a due time exists even before
    anybody has entered business hours.
    """

    week: tuple[tuple[Span, ...], ...]
    tz: ZoneInfo
    korean_holidays: bool = True
    days_off: dict[date, str] = field(default_factory=dict, hash=False)

    def closure(self, day: date) -> Closure | None:
        """Why the whole local `day` is closed, or None when it has open minutes."""
        if day in self.days_off:
            return Closure("day_off", self.days_off[day])
        if self.korean_holidays and day in korean_holidays(day.year):
            return Closure("holiday", korean_holidays(day.year)[day])
        return None if self.week[day.weekday()] else Closure("weekday")

    def spans_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """The open spans of the local `day` in UTC, in order and apart, also on a day the clocks change."""
        if self.closure(day):
            return []
        midnight = datetime.combine(day, time(), self.tz)
        spans: list[tuple[datetime, datetime]] = []
        for span in sorted(self.week[day.weekday()]):
            # wall-clock arithmetic on purpose: nine o'clock is nine o'clock whatever the offset
            start = (midnight + timedelta(minutes=span.opens)).astimezone(UTC)
            end = (midnight + timedelta(minutes=span.closes)).astimezone(UTC)
            start = max(start, spans[-1][1]) if spans else start
            if start < end:
                spans.append((start, end))
        return spans

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies in a span; the closing minute itself is closed."""
        at = aware(at)
        return any(start <= at < end for start, end in self.spans_of(self._day(at)))

    def next_open(self, at: datetime) -> datetime | None:
        """`at` when open, else the next opening; None when there is none within 400 days."""
        at = aware(at)
        return next((max(start, at) for start, _ in self._spans_from(at)), None)

    def next_closing(self, at: datetime) -> datetime | None:
        """When the opening that `at` is in, or that comes next, really ends: spans that meet are one opening.

        None when there is no opening, or none that ends, within 400 days.
        """
        closes: datetime | None = None
        for start, end in self._spans_from(aware(at)):
            if closes and start > closes:
                return closes
            closes = end
        days = HORIZON_DAYS - 1
        return closes if closes and closes < aware(at) + timedelta(days=days) else None

    def next_opening_after(self, at: datetime) -> datetime | None:
        """The first opening strictly later than `at`, skipping the one that is running at `at`."""
        at = aware(at)
        closes = self.next_closing(at) if self.is_open(at) else at
        return self.next_open(closes) if closes else None

    def add_business_minutes(self, at: datetime, minutes: int) -> datetime:
        """The moment when `minutes` (0 or more) open minutes have passed since `at`. Monotone in both.

        What is not over within `HORIZON_DAYS` goes on after the last opening without a pause.
        """
        left, last = timedelta(minutes=minutes), at
        for start, end in self._spans_from(aware(at)):
            begin = max(start, at)
            if begin + left <= end:
                return (begin + left).astimezone(UTC)
            left, last = left - (end - begin), end
        return (last + left).astimezone(UTC)

    def business_minutes_between(self, start: datetime, end: datetime) -> int:
        """Whole open minutes from `start` to `end`; negative when `end` is earlier."""
        if aware(end) < aware(start):
            return -self.business_minutes_between(end, start)
        open_time = timedelta()
        day = self._day(start)
        while day <= self._day(end):
            for opens, closes in self.spans_of(day):
                open_time += max(min(closes, end) - max(opens, start), timedelta())
            day += timedelta(days=1)
        return open_time // timedelta(minutes=1)

    def visit_slots(
        self, day: date, *, now: datetime, minutes: int = 60, notice_minutes: int = 120
    ) -> list[Slot]:
        """Visits of `minutes` within the open spans of the local `day`, at least `notice_minutes` away."""
        earliest = aware(now) + timedelta(minutes=notice_minutes)
        length = timedelta(minutes=minutes)
        slots: list[Slot] = []
        for start, end in self.spans_of(day):
            while start + length <= end:
                if start >= earliest:
                    slots.append(Slot(start, start + length))
                start += length
        return slots

    def visit_days(self, now: datetime, days: int = 14) -> list[tuple[date, Closure | None]]:
        """The local days from today on, each with why no visit is possible then (None: one is)."""
        today = self._day(aware(now))
        found: list[tuple[date, Closure | None]] = []
        for offset in range(days):
            day = today + timedelta(days=offset)
            closure = self.closure(day)
            if closure is None and not self.visit_slots(day, now=now):
                closure = Closure("past")
            found.append((day, closure))
        return found

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.tz).date()

    def _spans_from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans that end after `at`, in order, up to the horizon."""
        if not any(self.week):
            return
        day = self._day(at)
        for offset in range(HORIZON_DAYS):
            for start, end in self.spans_of(day + timedelta(days=offset)):
                if end > at:
                    yield start, end


def check_week(week: Sequence[Sequence[Span]]) -> tuple[tuple[Span, ...], ...]:
    """Return the week sorted. Raises `Invalid` whose field is e.g. `friday.1.closes` (the second span's end)
    and whose reason is `out_of_range`, `end_before_start` or `overlap`; values: weekday 0–6, index."""
    if len(week) != len(WEEKDAYS):
        raise Invalid("week", "seven_days")
    for weekday, spans in enumerate(week):
        for index, span in enumerate(spans):
            _check_span(weekday, index, span)
        _check_overlap(weekday, spans)
    return tuple(tuple(sorted(spans)) for spans in week)


def _check_span(weekday: int, index: int, span: Span) -> None:
    for name, minute in (("opens", span.opens), ("closes", span.closes)):
        if not 0 <= minute <= DAY_MINUTES:
            raise _fault(weekday, index, name, "out_of_range")
    if span.closes <= span.opens:
        raise _fault(weekday, index, "closes", "end_before_start")


def _check_overlap(weekday: int, spans: Sequence[Span]) -> None:
    ordered = sorted(enumerate(spans), key=lambda item: item[1])
    for (_, before), (index, span) in pairwise(ordered):
        if span.opens < before.closes:
            raise _fault(weekday, index, "opens", "overlap")


def _fault(weekday: int, index: int, name: str, reason: str) -> Invalid:
    return Invalid(f"{WEEKDAYS[weekday]}.{index}.{name}", reason, weekday=weekday, index=index)
