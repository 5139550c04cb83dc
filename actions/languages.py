"""Days and times as a language writes them, by the catalogue `languages.yml` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

CATALOGUE = Path(__file__).with_name("languages.yml")
FALLBACK = "en"
_WHOLE_DAY_S = 20 * 3600
"""A span of this many seconds and more is said as its day."""


@dataclass(frozen=True)
class Dates:
    """How one language of the catalogue writes them."""

    words: Mapping[str, Any]

    def clock(self, at: datetime) -> str:
        """오후 3:00, or 3:00 pm, of a local time."""
        said = self.words["am" if at.hour < 12 else "pm"]
        return str(said.format(hour=(at.hour - 1) % 12 + 1, hour24=at.hour, minute=f"{at.minute:02d}"))

    def weekday(self, on: date) -> str:
        """화, or Tue."""
        return str(self.words["weekdays"][on.weekday()])

    def day(self, on: date, *, today: date) -> str:
        """11월 24일(화), or Tue 24 Nov; with the year when it is another."""
        return self._dated("day" if on.year == today.year else "day_of_year", on)

    def month(self, on: date, *, today: date) -> str:
        """올해 3월, 작년 3월, 2023년 3월, or March 2023."""
        return self._dated({0: "month_now", 1: "month_last"}.get(today.year - on.year, "month_before"), on)

    def opening(self, at: datetime, *, now: datetime, tz: ZoneInfo) -> str:
        """When we open: '내일 오전 9:00', '9:00 am tomorrow', or the whole date when it is further off."""
        local, today = at.astimezone(tz), now.astimezone(tz).date()
        near = {0: "today", 1: "tomorrow"}.get((local.date() - today).days)
        if near is None:
            return self.moment(at, at, now=now, tz=tz)
        return str(self.words[near].format(time=self.clock(local)))

    def moment(self, start: datetime, end: datetime, *, now: datetime, tz: ZoneInfo) -> str:
        """A visit's time as it is read back: the day, then the clock time or span."""
        first, last, today = start.astimezone(tz), end.astimezone(tz), now.astimezone(tz).date()
        said_day, lasts = self.day(first.date(), today=today), (end - start).total_seconds()
        if lasts >= _WHOLE_DAY_S:
            return said_day
        span = self.clock(first) + (f"–{self.clock(last)}" if lasts > 3600 else "")
        return str(self.words["moment"].format(day=said_day, time=span))

    def _dated(self, name: str, on: date) -> str:
        names = {"month": self.words["months"], "long_month": self.words["long_months"]}
        months = {key: months[on.month - 1] for key, months in names.items()}
        said = self.words[name].format(weekday=self.weekday(on), day=on.day, year=on.year, **months)
        return str(said)


def read(catalogue: Path) -> dict[str, Dates]:
    """The languages of a catalogue; what one leaves out it has from `en`. Raises KeyError without `en`."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(catalogue.read_text(encoding="utf-8"))
    return {language: Dates(found[FALLBACK] | words) for language, words in found.items()}


def dates_in(language: str) -> Dates:
    """The language as the catalogue has it; English where it has not."""
    languages = _shipped()
    return languages.get(language) or languages[FALLBACK]


@cache
def _shipped() -> dict[str, Dates]:
    return read(CATALOGUE)
