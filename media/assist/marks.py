"""What staff draw on the customer's screen, as lines to be shown there in place. Pure: a window draws them.

Marks come as the frames `mark` of docs/live-support.md; their shapes are those of the call page.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

POINT_FOR: Final = timedelta(milliseconds=1400)  # a pointing fades, here as on the call page
MOST: Final = 100  # marks; the oldest goes
POINTS_MOST: Final = 4000  # of one mark
SEGMENTS: Final = 48  # of an ellipse
POINT_RADIUS: Final = 14  # pixels
HEAD_LENGTH, HEAD_ANGLE = 22.0, 0.55  # of an arrow: pixels, radians

Stroke = list[tuple[int, int]]


@dataclass
class Mark:
    """One mark: `shape` is point, arrow, circle or pen; `points` are shares of the screen's sides."""

    shape: str
    points: list[tuple[float, float]]
    until: datetime | None = None


class Marks:
    """The marks on this screen."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, Mark] = OrderedDict()

    def take(self, frame: Mapping[str, Any], now: datetime) -> bool:
        """A frame `mark` that concerns this screen; whether anything changed."""
        name, act = str(frame.get("id", ""))[:64], frame.get("act")
        if act == "clear":
            return self.clear() if name in ("", "all") else self._shown.pop(name, None) is not None
        points = _points(frame.get("points"))
        if act not in ("point", "draw") or not name or not points:
            return False
        before = self._shown.get(name)
        shape = "point" if act == "point" else name.split("-")[0]
        if before is not None and shape == "pen":
            before.points = (before.points + points)[:POINTS_MOST]
        else:
            self._shown[name] = Mark(shape, points, now + POINT_FOR if act == "point" else None)
        while len(self._shown) > MOST:
            self._shown.popitem(last=False)
        return True

    def clear(self) -> bool:
        """Take all away; whether there were any."""
        had = bool(self._shown)
        self._shown.clear()
        return had

    def strokes(self, width: int, height: int, now: datetime) -> list[Stroke]:
        """All lines of this moment in pixels of a screen of this size."""
        for name in [name for name, mark in self._shown.items() if mark.until and mark.until <= now]:
            del self._shown[name]
        found: list[Stroke] = []
        for mark in self._shown.values():
            at = [(x * width, y * height) for x, y in mark.points]
            found += [[(round(x), round(y)) for x, y in line] for line in _lines(mark.shape, at)]
        return found


def _points(given: object) -> list[tuple[float, float]]:
    """The pairs from 0 to 1; none when one of them is something else."""
    if not isinstance(given, list) or len(given) > POINTS_MOST:
        return []
    found = []
    for pair in given:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            return []
        x, y = pair
        if not all(isinstance(one, int | float) and 0 <= one <= 1 for one in (x, y)):
            return []
        found.append((float(x), float(y)))
    return found


def _lines(shape: str, at: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    first, last = at[0], at[-1]
    if shape == "point":
        return [_ellipse(first, POINT_RADIUS, POINT_RADIUS)]
    if shape == "circle":
        middle = ((first[0] + last[0]) / 2, (first[1] + last[1]) / 2)
        rx, ry = (max(12.0, abs(b - a) / 2) for a, b in zip(first, last, strict=True))
        return [_ellipse(middle, rx, ry)]
    if shape == "arrow":
        angle = math.atan2(last[1] - first[1], last[0] - first[0])
        wings = [
            (last[0] - HEAD_LENGTH * math.cos(angle + turn), last[1] - HEAD_LENGTH * math.sin(angle + turn))
            for turn in (HEAD_ANGLE, -HEAD_ANGLE)
        ]
        return [[first, last], [wings[0], last, wings[1]]]
    return [at]


def _ellipse(middle: tuple[float, float], rx: float, ry: float) -> list[tuple[float, float]]:
    turns = [2 * math.pi * step / SEGMENTS for step in range(SEGMENTS + 1)]
    return [(middle[0] + rx * math.cos(turn), middle[1] + ry * math.sin(turn)) for turn in turns]
