"""Where exactly a date and a time stand in a text, by the rules that read them.

A tagger learns the words of its examples ('다음 주 화요일'); the rules know all that they can read
('담주 화욜'). So what it marks tells that a date is meant, and the rules tell from where to where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from nlu import dates, dates_en
from nlu.components.text import Composed

_HANGUL = re.compile(r"[가-힣]")
_PART = r"오전|오후|아침|저녁|새벽|점심|밤|낮"
_HOUR = r"(?:\d{1,2}|열두|열한|열|한|두|세|네|다섯|여섯|일곱|여덟|아홉)"
_MINUTES = r"(?:\s?(?:반|\d{1,2}\s?분|[이삼사오]?십[일이삼사오육칠팔구]?\s?분|오\s?분))?"
_CLOCK = re.compile(
    rf"(?:(?:{_PART})\s?)?(?:{_HOUR}\s?시(?!간){_MINUTES}|\d{{1,2}}:\d{{2}})|정오|자정|{_PART}|같은\s?시간"
)
_MOMENT = re.compile(r"지금|방금|아까|이따|(?:\d|[한두세네]|반)\s?시간|(?:분|시간)\s?(?:전|후|뒤)")
"""Counted from now, not from the calendar: neither a date nor a time of day."""
_BEFORE = re.compile(r"[\s,(]*(?:이나|이랑|나|의|에|-)?[\s,]*")
_BEHIND = re.compile(r"(?:\s?(?:에|의|쯤|중|안|-|,|\())*\s*$")
_IN_BRACKETS = re.compile(r"\s?\([월화수목금토일](?:요일)?\)")
_ROUNDS = re.compile(r"부터|에서|까지|~")
_LIMIT = re.compile(r"(?:after|before|by|until|from|at|around|about|between)\s+", re.IGNORECASE)
_ENDS = re.compile(r"\s?(?:-|–|~|\bto\b|\band\b|\buntil\b|\btill\b)\s?", re.IGNORECASE)
_PAST = re.compile(r"(?:half|quarter|ten|twenty|five)\s(?:past|to)\b", re.IGNORECASE)
_BETWEEN = re.compile(
    r"[\s,]*(?:at|on|in the|around|about|by|before|after|between|from|to|and)?[\s,]*", re.IGNORECASE
)
_MERE = re.compile(
    r"\s*(?:중|쯤|에|부터|까지|at|on|around|about|from|by|before|after|until)?\s*", re.IGNORECASE
)
"""What of a mark around a date or a time says nothing."""
_OF_TODAY = re.compile(r"this$", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A date or a time (`entity`) and where it stands."""

    entity: str
    start: int
    end: int


def parts(text: str) -> list[list[Part]]:
    """The dates and times that the rules read in a text; what is said in one breath stands in one list."""
    composed = Composed(text[: dates.LONGEST])
    groups = _korean(composed.text) if _HANGUL.search(composed.text) else _english(composed.text)
    return [
        [Part(one.entity, *composed.span(one.start, one.end)) for one in group] for group in groups if group
    ]


def settle(text: str, entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities of a text, its dates and times from where to where the rules read them.

    What no rule reads stays as it was marked, and what nobody marked stays unmarked, unless it was said in
    one breath with what was.
    """
    found = list(entities)
    if not any(one["entity"] in _KINDS for one in found):
        return found
    for group in parts(text):
        found = _settled(text, found, group)
    return sorted(found, key=lambda one: (one["start"], one["end"]))


_KINDS = ("date", "time")


def _settled(text: str, found: list[dict[str, Any]], group: Sequence[Part]) -> list[dict[str, Any]]:
    touched = [one for one in found if any(_meet(one, part) for part in group)]
    marked = [one for one in touched if one["entity"] in _KINDS]
    if not marked or len(marked) < len(touched):
        return found  # a part of an address or a number is no date
    whole = {id(one) for one in marked if _is_whole(one, text, group)}
    fresh = [part for part in group if not any(id(one) in whole and _meet(one, part) for one in marked)]
    kept = [one for one in found if not any(one is other for other in marked) or id(one) in whole]
    template = {key: value for key, value in marked[0].items() if key not in ("resolved", "role", "group")}
    return kept + [
        {**template, "entity": part.entity, "start": part.start, "end": part.end,
         "value": text[part.start : part.end]}
        for part in fresh
    ]  # fmt: skip


def _is_whole(one: dict[str, Any], text: str, group: Sequence[Part]) -> bool:
    """Whether it holds one part of its own kind and more: 'Black Friday' is more than a Friday."""
    met = [part for part in group if _meet(one, part)]
    if len(met) != 1 or met[0].entity != one["entity"]:
        return False
    before, behind = text[one["start"] : met[0].start], text[met[0].end : one["end"]]
    return not (_MERE.fullmatch(before) and _MERE.fullmatch(behind))


def _meet(one: dict[str, Any], part: Part) -> bool:
    return bool(one["start"] < part.end and part.start < one["end"])


# -- Korean ---------------------------------------------------------------------------------------


def _korean(text: str) -> Iterator[list[Part]]:
    for said in dates.expressions(text, dates.ANY_DAY):
        if said.kind.name in ("DATE", "TIME", "DATETIME") and not _MOMENT.search(said.text):
            yield list(_of_one(text, *said.span))


def _of_one(text: str, start: int, end: int) -> Iterator[Part]:
    """The parts of one expression: clock times, and the days between them."""
    clocks = [(match.start(), match.end()) for match in _CLOCK.finditer(text, start, end)]
    for before, after in pairwise([(start, start), *clocks, (end, end)]):
        yield from _days(text, before[1], after[0])
        if after[0] < after[1] and text[after[0]] != "같":
            yield Part("time", *after)


def _days(text: str, start: int, end: int) -> Iterator[Part]:
    """The dates of a stretch without times, without particles: of '월요일부터 수요일까지' both days."""
    while start < end:
        cut = _ROUNDS.search(text, start, end)
        stop = cut.start() if cut else end
        lead = _BEFORE.match(text, start, stop)
        first = lead.end() if lead else start
        tail = _BEHIND.search(text, first, stop)
        last = tail.start() if tail else stop
        if _is_day(text[first:last]):
            yield Part("date", first, last)
        start = cut.end() if cut else end


@lru_cache(maxsize=1024)
def _is_day(words: str) -> bool:
    """Whether words are a date and nothing else: the reader takes '퇴근하고' for one together with a time."""
    words = _IN_BRACKETS.sub("", words)
    read = dates.expressions(words, dates.ANY_DAY) if words else []
    return len(read) == 1 and read[0].kind.name == "DATE" and tuple(read[0].span) == (0, len(words))


# -- English --------------------------------------------------------------------------------------


def _english(text: str) -> Iterator[list[Part]]:
    read = sorted(_english_parts(text), key=lambda one: (one.start, one.end))
    group: list[Part] = []
    for part in read:
        if group and part.start < group[-1].end:
            continue
        if group and not _BETWEEN.fullmatch(text, group[-1].end, part.start):
            yield group
            group = []
        group.append(part)
    yield group


def _english_parts(text: str) -> Iterator[Part]:
    days = dates_en.day_spans(text)
    for start, end in dates_en.clock_spans(text):
        limit = _LIMIT.match(text, start, end)
        start = limit.end() if limit else start
        end = next((day[0] for day in days if start < day[0] < end), end)  # '8 tonight'
        end = start + len(text[start:end].rstrip())
        today = next((day for day in days if _OF_TODAY.search(text, *day) and day[1] + 1 == start), None)
        if today:  # 'this morning' is a date
            days[days.index(today)] = (today[0], end)
        elif not any(day[0] < end and start < day[1] for day in days):
            yield from _ends_of(text, start, end)
    yield from (Part("date", *day) for day in days)


def _ends_of(text: str, start: int, end: int) -> Iterator[Part]:
    """'2 to 4 pm' is two times, 'quarter to four' is one."""
    cut = None if _PAST.match(text, start) else _ENDS.search(text, start, end)
    if cut and cut.start() > start:
        yield Part("time", start, cut.start())
        start = cut.end()
    yield Part("time", start, end)
