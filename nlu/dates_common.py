"""What Korean and English readers of dates share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

DAY, HOUR = timedelta(days=1), timedelta(hours=1)

EARLIEST = 8
"""The first hour that a bare number means in the morning: nobody asks for a visit at 3 at night."""

CLOSING, EVENING = timedelta(hours=18), timedelta(hours=21)
"""Where 'after 3' ends: at the end of the working day, or of the evening if it begins there."""


@dataclass(frozen=True)
class Clock:
    """A range of one day, counted from its midnight; `loose` when any moment of it will do."""

    start: timedelta
    end: timedelta
    loose: bool = False


def daytime(hour: int) -> int:
    """A bare hour as people mean it in business: 8–11 in the morning, 1–7 in the afternoon."""
    return hour + 12 if 1 <= hour < EARLIEST else hour
