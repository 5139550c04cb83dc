"""Dates and times that people write, in Korean and English, as absolute ranges with a zone.

Relative words count from the message's own time, never from the clock of the machine. Where a year,
a day or half a day is left out, the next occurrence in the future is meant ('3시' is three in the
afternoon). The answer is always to be repeated back to the person: it is a reading, not a fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nlu import dates_en
from nlu.components.analyses import recalled
from nlu.components.text import Composed
from nlu.dates_common import CLOSING, DAY, EARLIEST, EVENING, HOUR

if TYPE_CHECKING:
    from korean_datetime import TemporalExpression, TemporalParser

LONGEST = 300
_HANGUL = re.compile(r"[가-힣]")
_MORNING = timedelta(hours=9)


@dataclass(frozen=True)
class When:
    """A half-open range `start <= t < end` in the zone asked for.

    `has_date` and `has_time` say what was said: without a date it is the next such time, without a
    time it is whole days. `span` is where it stands in the text.
    """

    start: datetime
    end: datetime
    has_date: bool
    has_time: bool
    span: tuple[int, int]


def resolve(text: str, *, now: datetime, tz: ZoneInfo, language: str | None = None) -> When | None:
    """What date or time a text speaks of; None if it names none.

    `now` is the message's own time (aware; raises ValueError if not). `language` matters only where
    the text itself does not tell; a Hangul letter does.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware of its zone")
    composed = Composed(text[:LONGEST])
    local = now.astimezone(tz).replace(tzinfo=None)
    if _HANGUL.search(composed.text) or language == "ko":
        found = _korean(composed.text, local)
    else:
        found = dates_en.find(composed.text, local) or _dateparser(composed.text, local)
    if found is None:
        return None
    return When(
        found.start.replace(tzinfo=tz),
        found.end.replace(tzinfo=tz),
        found.has_date,
        found.has_time,
        composed.span(*found.span),
    )


ANY_DAY = datetime(2026, 3, 4, 12)  # noqa: DTZ001  local and naive, as in all of the readers below
"""For whoever asks where a date stands, not which it is."""


def mentions(text: str) -> list[tuple[int, int]]:
    """Spans of what reads like a date or a time in a text, whatever it means."""
    return recalled("mentions", text, _mentions)


def _mentions(text: str) -> list[tuple[int, int]]:
    composed = Composed(text[:LONGEST])
    if _HANGUL.search(composed.text):
        spans = [(one.span[0], one.span[1]) for one in expressions(composed.text, ANY_DAY)]
    else:
        spans = dates_en.mentions(composed.text)
    return [composed.span(*span) for span in spans]


# -- Korean ---------------------------------------------------------------------------------------

# Spellings the parser does not know, replaced at equal length so that spans stay true.
_RESPELLED = (
    (
        re.compile(r"(?<![가-힣])(내일)?모래(?=[\s에요도는까 ]|오전|오후|\d|$)"),
        lambda m: (m[1] or "") + "모레",
    ),
    (re.compile(r"(오전|오후|저녁|아침)\s?중(?=으로|에|이|도|\s|$)"), lambda m: m[1].ljust(len(m[0]))),
    (re.compile(r"(?<=[월화수목금토일])욜날"), lambda m: "욜 "),
    (
        re.compile(r"(\d{1,2})\s?\.\s?(\d{1,2})(?=\s?(?:일|에|\(|[월화수목금토일]요일))"),
        lambda m: m[0].replace(".", "/"),
    ),
)
_WEEKS_ON = re.compile(r"주\s?(?:뒤|후)\s?([월화수목금토일])(?:요일|욜)")
_AFTER = re.compile(r"\s?(?:이후|후|부터|넘어서|지나서|다음|뒤)(?!\d)")
_BEFORE = re.compile(r"\s?(?:이전|전|까지|안)(?:에|으로)?(?![가-힣])")
_CLOCK_TIME = re.compile(r"\d|시(?!간)|정오|자정")
_POINTS_BACK, _GROUP_NAME = re.compile(r"\\\d|\(\?P=|\(\?\("), re.compile(r"\(\?P<\w+>")
_RATHER = re.compile(r"말고|아니[고라]|대신|에서(?=.*(?:바꿔|변경|옮겨|로))")


@lru_cache(maxsize=1)
def _parser() -> TemporalParser:
    from korean_datetime import AmbiguousHour, ParseOptions, TemporalParser

    return TemporalParser(ParseOptions(ambiguous_hour=AmbiguousHour.DAYTIME, daytime_start=EARLIEST))


@lru_cache(maxsize=1)
def _hints() -> tuple[re.Pattern[str], ...]:
    """The parser's rules, all in one: three sentences of four match none, which it would find out letter by
    letter."""
    rules = [rule.pattern for rule in _parser()._scanner.rules]
    # Groups are numbered anew where rules are joined, so that what points back to one stays by itself.
    alone = [rule for rule in rules if _POINTS_BACK.search(rule.pattern)]
    nameless = (_GROUP_NAME.sub("(", rule.pattern) for rule in rules if rule not in alone)
    return (re.compile("|".join(f"(?:{rule})" for rule in nameless), re.IGNORECASE), *alone)


def expressions(text: str, now: datetime) -> list[TemporalExpression]:
    """Every Korean expression of time in a composed text, relative to a local naive time."""
    for pattern, spelling in _RESPELLED:
        text = pattern.sub(spelling, text)
    if not any(pattern.search(text) for pattern in _hints()):
        return []
    return list(_parser().parse_all(text, now=now))


def _korean(text: str, now: datetime) -> dates_en.Found | None:
    found = [one for one in expressions(text, now) if one.kind.name in ("DATE", "TIME", "DATETIME")]
    if not found:
        return None
    found = _after_correction(text, found)
    first = found[0]
    whole = next((one for one in found if one.kind.name == "DATETIME"), None)
    if first.kind.name == "DATETIME" or len(found) == 1:
        return _limited(text, first, now)
    days = [one for one in found if one.kind.name == "DATE"]
    times = [one for one in found if one.kind.name == "TIME"]
    if days and times:
        return _joined(_limited(text, days[0], now), _limited(text, times[0], now))
    return _limited(text, whole or first, now)


def _after_correction(text: str, found: list[TemporalExpression]) -> list[TemporalExpression]:
    """'화요일 말고 수요일' means Wednesday."""
    for index in range(len(found) - 1, 0, -1):
        if _RATHER.search(text, found[index - 1].span[1], found[index].span[0]):
            return found[index:]
    return found


def _limited(text: str, one: TemporalExpression, now: datetime) -> dates_en.Found:
    (start, end), span = _on_its_day(one, now), (one.span[0], one.span[1])
    has_date, has_time = one.kind.name != "TIME", one.kind.name != "DATE"
    midnight = start.replace(hour=0, minute=0)
    if has_time and not one.is_range:
        if end - start < HOUR:
            end = start + HOUR
        if after := _AFTER.match(text, span[1]):
            closing = CLOSING if start < midnight + CLOSING - HOUR else EVENING
            start = end if not _CLOCK_TIME.search(one.text) else start
            end, span = max(midnight + closing, start + HOUR), (span[0], after.end())
        elif before := _BEFORE.match(text, span[1]):
            start, end, span = min(midnight + _MORNING, start - HOUR), start, (span[0], before.end())
    return dates_en.Found(start, end, span, has_date, has_time)


def _on_its_day(one: TemporalExpression, now: datetime) -> tuple[datetime, datetime]:
    """What the parser leaves at today's weekday ('2주 뒤 월요일') or in the past ('평일 저녁')."""
    start, end = one.start, one.end
    if named := _WEEKS_ON.search(one.text):
        aside = timedelta(days="월화수목금토일".index(named[1]) - start.weekday())
        return start + aside, end + aside
    if "평일" in one.text and one.kind.name == "DATETIME":
        while end <= now or start.weekday() > 4:
            start, end = start + DAY, end + DAY
    return start, end


def _joined(day: dates_en.Found, clock: dates_en.Found) -> dates_en.Found:
    """A day said in one place and a time said in another."""
    midnight = day.start.replace(hour=0, minute=0)
    offset = clock.start - clock.start.replace(hour=0, minute=0)
    start = midnight + offset
    span = (min(day.span[0], clock.span[0]), max(day.span[1], clock.span[1]))
    return dates_en.Found(start, start + (clock.end - clock.start), span, True, True)


# -- the last resort for English ---------------------------------------------------------------------

_WORTH_ASKING = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*\d|\d.*\b(?:ago|from now|hence)\b",
    re.IGNORECASE,
)
_ASKED_LENGTH = 60


def _dateparser(text: str, now: datetime) -> dates_en.Found | None:
    if len(text) > _ASKED_LENGTH or not _WORTH_ASKING.search(text):
        return None
    found = _search(text, now.replace(second=0, microsecond=0))
    if found is None:
        return None
    phrase, moment = found
    start = text.find(phrase)
    has_time = bool(re.search(r"\d\s?[ap]m|\d:\d|hour|minute", phrase, re.IGNORECASE))
    if not has_time:
        moment = moment.replace(hour=0, minute=0)
    return dates_en.Found(
        moment, moment + (HOUR if has_time else DAY), (start, start + len(phrase)), True, has_time
    )


@lru_cache(maxsize=512)
def _search(text: str, now: datetime) -> tuple[str, datetime] | None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from dateparser.search import search_dates

        settings = {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "future", "RETURN_AS_TIMEZONE_AWARE": False}
        found = search_dates(text, languages=["en"], settings=settings)
    return (found[0][0], found[0][1].replace(tzinfo=None)) if found else None
