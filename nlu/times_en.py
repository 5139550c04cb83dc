"""English times of day by rule: '3:30 pm', 'half past two', 'after 3', 'between 2 and 4'."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

from nlu.dates_common import HOUR, Clock, daytime

_PARTS = {
    "morning": (9, 12),
    "afternoon": (12, 18),
    "evening": (18, 21),
    "night": (20, 24),
    "lunchtime": (12, 13),
}
_HOURS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_SPOKEN_HOURS = {name: number for number, name in enumerate(_HOURS.split("|"), 1)}
_CLOCK = rf"(?:\d{{1,2}}(?:[:.]\d{{2}})?|{_HOURS})"
_HALF = r"\s?(?:a\.?m\b\.?|p\.?m\b\.?)"
TIME = re.compile(
    rf"""(?<![\w/.,-])(?:
      (?P<range>(?:between\s|from\s)?(?P<r1>{_CLOCK})(?P<h1>{_HALF})?
        \s?(?:-|–|~|to|and|until|till)\s?(?P<r2>{_CLOCK})(?P<h2>{_HALF})?)
    | (?P<past>(?P<how>half|quarter|ten|twenty|five)\s(?P<side>past|to)\s(?P<ph>{_CLOCK})(?P<ps>{_HALF})?)
    | (?P<clock>(?:(?P<limit>after|before|by|until|from|at|around|about)\s)?
        (?P<c>{_CLOCK})(?P<s>{_HALF}|\s?o['’]?clock(?:\s?[ap]m)?|-?ish)?
        (?:\s+(?P<of>in\sthe\s(?:morning|afternoon|evening)|at\snight|tonight|(?<=\s\s)night))?)
    | (?P<lunch>after\slunch)
    | (?P<noon>noon|midday|midnight)
    | (?P<part>(?:(?P<edge>early|late)\s)?(?P<pn>morning|afternoon|evening|tonight|night|lunchtime))
    )(?![\w/]|[.,:]\d)""",
    re.VERBOSE | re.IGNORECASE,
)
_LONE = re.compile(r"\s*\d{1,2}\s*(?:o['’]?clock)?\s*(?:please|pls)?[.!]?\s*", re.IGNORECASE)


def first_time(text: str, taken: tuple[int, int] | None) -> tuple[Clock | None, tuple[int, int] | None]:
    """The first time of a text and its span; `taken` is where a date was read, which is no time."""
    if taken:
        # The word 'tonight' is a day and a time of day (behind two spaces, as only we write).
        tonight = text[taken[0] : taken[1]].lower() == "tonight"
        text = (
            text[: taken[0]]
            + ("night".rjust(7) if tonight else " " * (taken[1] - taken[0]))
            + text[taken[1] :]
        )
    found = [(clock, match) for match in TIME.finditer(text) if (clock := clock_of(match, text))]
    if not found:
        return None, None
    (clock, match), *others = found
    exact = next((other for other in others if other[1]["clock"]), None)
    if match["part"] and exact:
        return _within(clock, *exact), (match.start(), exact[1].end())
    return clock, match.span()


def _within(part: Clock, clock: Clock, match: re.Match[str]) -> Clock:
    """'Thursday evening at 8': the part of the day tells which eight it is."""
    half = timedelta(hours=12)
    if not (match["s"] or "").lower().rstrip(".").endswith("m") and clock.start < half <= part.start:
        return Clock(clock.start + half, clock.end + half, clock.loose)
    return clock


def clock_of(match: re.Match[str], text: str) -> Clock | None:
    """What a match of `TIME` means; None if it is a mere number."""
    if match["range"]:
        return _between(match)
    if match["past"]:
        return _past(match)
    if match["lunch"]:
        return Clock(timedelta(hours=13), timedelta(hours=18), loose=True)
    if match["noon"]:
        hour = 24 if match["noon"].lower() == "midnight" else 12
        return Clock(timedelta(hours=hour), timedelta(hours=hour + 1))
    if match["part"]:
        first, last = _PARTS["night" if match["pn"].lower() == "tonight" else match["pn"].lower()]
        return Clock(timedelta(hours=first), timedelta(hours=last), loose=True)
    return _plain(match, text)


def _plain(match: re.Match[str], text: str) -> Clock | None:
    limit, half = (match["limit"] or "").lower(), match["s"]
    said = (
        bool(half or match["of"])
        or ":" in match["c"]
        or limit in ("at", "around", "about", "after", "before", "by", "until")
    )
    if not said and not _LONE.fullmatch(text):
        return None
    start = _hour(match["c"], half)
    if start is None:
        return None
    start = _of_part(start, match["of"])
    if limit in ("after", "from"):
        return Clock(start, timedelta(hours=18 if start < timedelta(hours=18) else 21), loose=True)
    if limit in ("before", "by", "until"):
        return Clock(min(timedelta(hours=9), start - HOUR), start, loose=True)
    return Clock(start, start + HOUR)


def _of_part(start: timedelta, part: str | None) -> timedelta:
    """'8 in the evening' and '3 in the morning': the part of the day tells which half is meant."""
    noon = timedelta(hours=12)
    if part is None:
        return start
    if part.lower().endswith("morning"):
        return start - noon if start >= noon else start
    return start + noon if start < noon else start


def _between(match: re.Match[str]) -> Clock | None:
    if not (
        match["h1"] or match["h2"] or ":" in match["range"] or match["range"].lower().startswith(("b", "f"))
    ):
        return None
    end = _hour(match["r2"], match["h2"])
    start = _hour(match["r1"], match["h1"])
    if start is None or end is None:
        return None
    if not match["h1"] and match["h2"] and start > end:
        start = _hour(match["r1"], "am") or start
    if not match["h1"] and match["h2"] and start + timedelta(hours=12) < end:
        start += timedelta(hours=12)
    return Clock(start, end) if start < end else None


def _past(match: re.Match[str]) -> Clock | None:
    whole = _hour(match["ph"], match["ps"])
    minutes = {"half": 30, "quarter": 15, "ten": 10, "twenty": 20, "five": 5}[match["how"].lower()]
    if whole is None:
        return None
    start = whole + timedelta(minutes=minutes if match["side"].lower() == "past" else -minutes)
    return Clock(start, start + HOUR)


@lru_cache(maxsize=256)
def _hour(said: str, half: str | None) -> timedelta | None:
    """Time of day of '3', '3:30' or 'three' with or without 'pm'; None if there is no such time."""
    word, _, minutes = said.lower().replace(".", ":").partition(":")
    hour = _SPOKEN_HOURS[word] if word in _SPOKEN_HOURS else int(word)
    minute = int(minutes or 0)
    if hour > 24 or minute > 59:
        return None
    mark = (half or "").lower().replace(".", "").replace(" ", "")
    if mark.endswith(("am", "pm")) and hour <= 12:
        hour = hour % 12 + (12 if mark.endswith("pm") else 0)
    elif not (minutes and len(word) == 2 and word.startswith("0")):
        hour = daytime(hour)
    return timedelta(hours=hour, minutes=minute)
