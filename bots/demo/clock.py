"""Times relative to the moment of loading."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm.business_time import Calendar

_MINUTES = re.compile(r"(\d+)m")
_DAYS = re.compile(r"(\d+)d (\d{1,2}):(\d\d)")


class Clock:
    """`now` of the loading, and the company's calendar once it is known."""

    def __init__(self, now: datetime, tz: ZoneInfo) -> None:
        self.now, self.tz = now, tz
        self.calendar = Calendar(((),) * 7, tz)

    def ago(self, text: str) -> datetime:
        """'58m': that many minutes ago; '3d 10:15': that local time so many days ago."""
        if found := _MINUTES.fullmatch(text):
            return self.now - timedelta(minutes=int(found[1]))
        found = _DAYS.fullmatch(text)
        if found is None:
            raise ValueError(f"no time: {text!r}")
        return self.days(-int(found[1]), int(found[2]), int(found[3]))

    def days(self, offset: int, hour: int, minute: int = 0) -> datetime:
        """A local clock time so many days from today."""
        day = self.now.astimezone(self.tz).date() + timedelta(days=offset)
        return datetime.combine(day, time(hour, minute), self.tz)

    def visit(self, days: int, at: str) -> datetime:
        """The first day, from so many days on, on which the company is open at that local time."""
        hour, minute = (int(part) for part in at.split(":"))
        for offset in range(days, days + 30):
            moment = self.days(offset, hour, minute)
            if self.calendar.is_open(moment):
                return moment
        return self.days(days, hour, minute)

    def due(self, minutes: int) -> datetime:
        """So many minutes from now; what is not due within the hour, in business minutes."""
        if minutes <= 60:
            return self.now + timedelta(minutes=minutes)
        return self.calendar.add_business_minutes(self.now, minutes)

    def work(self, at: datetime, minutes: int, until: datetime | None = None) -> datetime:
        """So many business minutes later, but before `until` (now)."""
        return self.past(at, self.calendar.add_business_minutes(at, minutes), until)

    def past(self, before: datetime, at: datetime, until: datetime | None = None) -> datetime:
        """`at` if it is before `until` (now), else half-way from `before` to there."""
        until = until or self.now
        return at if at < until else before + (until - before) / 2
