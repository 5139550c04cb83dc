"""English dates and times by rule: small, fast, and sure of what it says.

`dateparser` reads more, but needs 100 times as long and misses 'next Tuesday'; it is asked last, by
`nlu.dates`, and only about what looks like a date. Everything here is local and naive: the caller
gives the local time and adds the zone.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from nlu.dates_common import DAY, HOUR, Clock
from nlu.times_en import TIME, clock_of, first_time

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_DAYS = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "weds": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4}
_WEEKDAYS = {name: index for index, name in enumerate(_DAYS)} | _SHORT_DAYS | {"sat": 5, "sun": 6}
_MONTH_NAMES = (
    ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun"),
    ("july", "jul"), ("august", "aug"), ("september", "sept", "sep"), ("october", "oct"),
    ("november", "nov"), ("december", "dec"),
)  # fmt: skip
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names}
_COUNTS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "couple of": 2,
}
_FEASTS = {"christmas eve": (12, 24), "christmas": (12, 25), "boxing day": (12, 26),
           "new year's eve": (12, 31), "new year's day": (1, 1)}  # fmt: skip
_NTH = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": 0}

_WEEKDAY = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COUNT = r"\d{1,3}|" + "|".join(_COUNTS)
_ORDINAL = r"(?:st|nd|rd|th)?"
_FEAST = r"christmas\seve|christmas|boxing\sday|new\syear['’]?s\s(?:eve|day)"

_DATE = re.compile(
    rf"""\b(?:
      (?P<iso>(?P<iy>20\d\d)[-/.](?P<im>\d{{1,2}})[-/.](?P<id>\d{{1,2}}))
    | (?P<after_tomorrow>(?:the\s)?day\safter\stomorrow)
    | (?P<today>today|tonight|this(?=\s(?:morning|afternoon|evening)\b))
    | (?P<tomorrow>tomorrow|tmrw?|tmr|2morrow|tomorow|tommorow|tommorrow)
    | (?P<yesterday>yesterday)
    | (?P<week_day>(?P<wn>{_WEEKDAY})\s(?P<which_week>this|next)\sweek)
    | (?P<day_week>(?P<which_week2>this|next)\sweek(?:\son)?\s(?P<wn2>{_WEEKDAY}))
    | (?P<nth_weekday>(?:the\s)?(?P<wo>{"|".join(_NTH)})\s(?P<wn4>{_WEEKDAY})
        \s(?:of|in)\s(?:(?P<wm>{_MONTH})|(?P<which_month>this|next)\smonth))
    | (?P<weekday>(?:(?P<which>this|next|coming|last)\s)?(?P<wn3>{_WEEKDAY})\b)
    | (?P<weekend>(?:(?P<which_end>this|next)\s)?weekend)
    | (?P<month_end>(?:(?:at\s)?the\s)?end\sof\s(?P<which_last>the|this|next)\smonth)
    | (?P<of_month>(?:(?P<om1>this|next)\smonth,?\s(?:on\s)?the\s(?P<od1>\d{{1,2}}){_ORDINAL}
        |the\s(?P<od2>\d{{1,2}})(?:st|nd|rd|th)\sof\s(?P<om2>this|next)\smonth))
    | (?P<span>(?P<which_span>this|next|last|past|previous)\s(?P<span_unit>week|month|quarter|year))
    | (?P<fortnight>in\sa\sfortnight|a\sfortnight\sfrom\s(?:now|today))
    | (?P<weeks_from>(?P<xc>{_COUNT})\sweeks?\sfrom\s(?:(?P<xd>{_WEEKDAY})|(?P<xt>tomorrow)))
    | (?P<ahead>in\s(?P<ac>{_COUNT})\s(?P<au>day|week|month)s?
        |(?P<fc>{_COUNT})\s(?P<fu>day|week|month)s?\sfrom\s(?:now|today))
    | (?P<ago>(?P<gc>{_COUNT})\s(?P<gu>day|week|month)s?\sago)
    | (?P<month_day>(?P<mn>{_MONTH})\.?\s(?:the\s)?(?P<md>\d{{1,2}}){_ORDINAL}(?!\d|:|\s?[ap]\.?m)
        (?:,?\s(?P<my>20\d\d))?)
    | (?P<day_month>(?:the\s)?(?P<dd>\d{{1,2}}){_ORDINAL}\s(?:of\s)?(?P<dn>{_MONTH})\b(?:,?\s(?P<dy>20\d\d))?)
    | (?P<slashed>(?P<sm>\d{{1,2}})/(?P<sd>\d{{1,2}})(?:/(?P<sy>20\d\d))?)
    | (?P<nth>the\s(?P<nd>\d{{1,2}})(?:st|nd|rd|th))
    | (?P<feast>(?:(?:the\s)?day\s(?P<beside>before|after)\s)?(?P<fn>{_FEAST}))
    )(?![\w])""",
    re.VERBOSE | re.IGNORECASE,
)
_SOON = re.compile(rf"\bin\s(?P<n>{_COUNT}|half\san)\s(?P<u>hour|minute|min|hr)s?\b", re.IGNORECASE)
# "I sat down", "the sun": words, not days.
_A_WORD = re.compile(r"\b(?:i|it|he|she|we|they|the|just|a)\s$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """A local range and where it was read; `date` and `time` say which of the two were said."""

    start: datetime
    end: datetime
    span: tuple[int, int]
    has_date: bool
    has_time: bool


def find(text: str, now: datetime) -> Found | None:
    """The first date and the first time of a text, put together; None if there is neither."""
    soon = _SOON.search(text)
    if soon:
        return _soon(soon, now)
    day, day_span = _first_date(text, now)
    clock, clock_span = first_time(text, day_span)
    if day is None and clock is None:
        return None
    spans = [span for span in (day_span, clock_span) if span]
    span = (min(a for a, _ in spans), max(b for _, b in spans))
    if clock is None and day is not None:
        return Found(_midnight(day[0]), _midnight(day[1]), span, True, False)
    start, end = _on_day(day, clock, now)
    return Found(start, end, span, day is not None, True)


def mentions(text: str) -> list[tuple[int, int]]:
    """Spans of everything in a text that reads like a date or a time, whatever day it means."""
    return day_spans(text) + clock_spans(text)


def day_spans(text: str) -> list[tuple[int, int]]:
    """Spans of what reads like a date."""
    return [match.span() for match in _DATE.finditer(text)]


def clock_spans(text: str) -> list[tuple[int, int]]:
    """Spans of what reads like a time of day, words like 'at' and 'after' before it among them."""
    return [match.span() for match in TIME.finditer(text) if clock_of(match, text)]


def _soon(match: re.Match[str], now: datetime) -> Found:
    count = 0.5 if match["n"].lower().startswith("half") else _count(match["n"])
    ahead = timedelta(hours=count) if match["u"].lower().startswith("h") else timedelta(minutes=count)
    start = (now + ahead).replace(second=0, microsecond=0)
    return Found(start, start + HOUR, match.span(), True, True)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _on_day(day: tuple[date, date] | None, clock: Clock | None, now: datetime) -> tuple[datetime, datetime]:
    if clock is None:
        raise ValueError("a time is needed")
    first = day[0] if day else now.date()
    start, end = _midnight(first) + clock.start, _midnight(first) + clock.end
    if day is None and (end if clock.loose else start) <= now:
        return start + DAY, end + DAY
    return start, end


# -- dates ----------------------------------------------------------------------------------------


def _first_date(text: str, now: datetime) -> tuple[tuple[date, date] | None, tuple[int, int] | None]:
    for match in _DATE.finditer(text):
        kind = next(name for name in _READERS if match[name])
        found = _READERS[kind](match, now.date())
        if found:
            return found, match.span()
    return None, None


def _one(day: date) -> tuple[date, date]:
    return day, day + DAY


def _monday(today: date, weeks: int) -> date:
    return today - timedelta(days=today.weekday()) + timedelta(weeks=weeks)


def _weekday(match: re.Match[str], today: date) -> tuple[date, date] | None:
    if match["wn3"] in ("sat", "sun") and _A_WORD.search(match.string, 0, match.start()):
        return None
    wanted = _WEEKDAYS[match["wn3"].lower()]
    which = (match["which"] or "").lower()
    if which == "next":
        return _one(_monday(today, 1) + timedelta(days=wanted))
    if which == "last":
        return _one(today - timedelta(days=(today.weekday() - wanted) % 7 or 7))
    if which == "this" and wanted >= today.weekday():
        return _one(_monday(today, 0) + timedelta(days=wanted))
    return _one(today + timedelta(days=(wanted - today.weekday()) % 7 or 7))


def _in_week(name: str, which: str, today: date) -> tuple[date, date]:
    weeks = 1 if which.lower() == "next" else 0
    return _one(_monday(today, weeks) + timedelta(days=_WEEKDAYS[name.lower()]))


def _weekend(match: re.Match[str], today: date) -> tuple[date, date]:
    saturday = _monday(today, 1 if (match["which_end"] or "").lower() == "next" else 0) + timedelta(days=5)
    return max(saturday, today), saturday + 2 * DAY


def _whole(match: re.Match[str], today: date) -> tuple[date, date]:
    """A whole week, month, quarter or year; of the present ones what is left."""
    later = {"this": 0, "next": 1}.get(match["which_span"].lower(), -1)
    unit = match["span_unit"].lower()
    if unit == "week":
        first = _monday(today, later)
        end = first + 7 * DAY
    else:
        months = {"month": 1, "quarter": 3, "year": 12}[unit]
        begun = today.replace(day=1, month=(today.month - 1) // months * months + 1)
        first = _add_months(begun, later * months)
        end = _add_months(first, months)
    return (max(first, today) if later == 0 else first), end


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _ahead(match: re.Match[str], today: date) -> tuple[date, date]:
    count, unit = _count(match["ac"] or match["fc"]), (match["au"] or match["fu"]).lower()
    if unit == "month":
        return _one(_add_months(today, count))
    return _one(today + count * DAY * (7 if unit == "week" else 1))


def _ago(match: re.Match[str], today: date) -> tuple[date, date]:
    count, unit = _count(match["gc"]), match["gu"].lower()
    if unit == "month":
        return _one(_add_months(today, -count))
    return _one(today - count * DAY * (7 if unit == "week" else 1))


def _count(word: str) -> int:
    return int(word) if word.isdigit() else _COUNTS[word.lower()]


def _calendar(year: str | None, month: int, day: int, today: date) -> tuple[date, date] | None:
    """That day of the given year, else of the first year in which it is not past."""
    for candidate in [int(year)] if year else range(today.year, today.year + 9):
        if not (1 <= month <= 12 and 1 <= day <= monthrange(candidate, month)[1]):
            continue
        found = date(candidate, month, day)
        if year or found >= today:
            return _one(found)
    return None


def _nth_weekday(match: re.Match[str], today: date) -> tuple[date, date] | None:
    wanted, number = _WEEKDAYS[match["wn4"].lower()], _NTH[match["wo"].lower()]
    if match["wm"]:
        month = _MONTHS[match["wm"].lower()]
        firsts = [date(today.year + later, month, 1) for later in (0, 1)]
    else:
        firsts = [_month(match["which_month"], today)]
    for first in firsts:
        if number:
            day = first + timedelta(days=(wanted - first.weekday()) % 7 + 7 * (number - 1))
        else:
            last = _add_months(first, 1) - DAY
            day = last - timedelta(days=(last.weekday() - wanted) % 7)
        if day >= today:
            return _one(day)
    return None


def _month(which: str, today: date) -> date:
    """The first of this month or the next."""
    return _add_months(today.replace(day=1), 1 if which.lower() == "next" else 0)


def _month_end(match: re.Match[str], today: date) -> tuple[date, date]:
    """The last ten days, as '월말' is."""
    first = _month(match["which_last"], today)
    return max(first.replace(day=21), today), _add_months(first, 1)


def _of_month(match: re.Match[str], today: date) -> tuple[date, date] | None:
    first = _month(match["om1"] or match["om2"], today)
    return _calendar(str(first.year), first.month, int(match["od1"] or match["od2"]), today)


def _weeks_from(match: re.Match[str], today: date) -> tuple[date, date]:
    """'A week from Friday' is a week behind the next one."""
    ahead = 1 if match["xt"] else (_WEEKDAYS[match["xd"].lower()] - today.weekday()) % 7 or 7
    return _one(today + timedelta(days=ahead, weeks=_count(match["xc"])))


def _nth(match: re.Match[str], today: date) -> tuple[date, date] | None:
    wanted = int(match["nd"])
    for months in range(12):
        first = _add_months(today.replace(day=1), months)
        if 1 <= wanted <= monthrange(first.year, first.month)[1] and first.replace(day=wanted) >= today:
            return _one(first.replace(day=wanted))
    return None


def _feast(match: re.Match[str], today: date) -> tuple[date, date] | None:
    name = re.sub(r"\s+", " ", match["fn"].lower()).replace("’", "'").replace("years ", "year's ")
    found = _calendar(None, *_FEASTS[name], today)
    beside = (match["beside"] or "").lower()
    aside = {"before": -DAY, "after": DAY}.get(beside, 0 * DAY)
    return (found[0] + aside, found[1] + aside) if found else None


_READERS: dict[str, Callable[[re.Match[str], date], tuple[date, date] | None]] = {
    "iso": lambda m, today: _calendar(m["iy"], int(m["im"]), int(m["id"]), today),
    "after_tomorrow": lambda m, today: _one(today + 2 * DAY),
    "today": lambda m, today: _one(today),
    "tomorrow": lambda m, today: _one(today + DAY),
    "yesterday": lambda m, today: _one(today - DAY),
    "week_day": lambda m, today: _in_week(m["wn"], m["which_week"], today),
    "day_week": lambda m, today: _in_week(m["wn2"], m["which_week2"], today),
    "nth_weekday": _nth_weekday,
    "weekday": _weekday,
    "weekend": _weekend,
    "month_end": _month_end,
    "of_month": _of_month,
    "span": _whole,
    "fortnight": lambda m, today: _one(today + 14 * DAY),
    "weeks_from": _weeks_from,
    "ahead": _ahead,
    "ago": _ago,
    "month_day": lambda m, today: _calendar(m["my"], _MONTHS[m["mn"].lower()], int(m["md"]), today),
    "day_month": lambda m, today: _calendar(m["dy"], _MONTHS[m["dn"].lower()], int(m["dd"]), today),
    "slashed": lambda m, today: _calendar(m["sy"], int(m["sm"]), int(m["sd"]), today),
    "nth": _nth,
    "feast": _feast,
}
