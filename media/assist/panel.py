"""The panel on the customer's PC as a picture with places to press. Pure: a window shows it.

Everything that asks has two buttons of one size; whatever is shared, the stop button is there. The picture is
drawn with Pillow, since neither Tk nor a toolkit can be counted on, and Hangul must read well everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

from PIL import Image, ImageDraw, ImageFont

WIDTH: Final = 360
PAD: Final = 20
BUTTON_HEIGHT: Final = 44
GAP: Final = 8

# The colours of the house (docs/live-support.md): surface, ink, ink-2, line, accent, red.
SURFACE, INK, INK_2, LINE = "#FFFFFF", "#1B201E", "#4A524F", "#E3E0D8"
ACCENT, ON_ACCENT, RED, ON_RED, CONTROL = "#0A6B5E", "#FFFFFF", "#B0261D", "#FFFFFF", "#85837B"

Look = Literal["plain", "accent", "red", "key"]


@dataclass(frozen=True)
class Button:
    """Something to press; `name` is what the agent hears."""

    name: str
    label: str
    look: Look = "plain"


@dataclass(frozen=True)
class Scene:
    """What the panel shows now. `rows` are rows of buttons, each row as wide as the panel."""

    title: str
    text: str = ""
    detail: str = ""
    rows: Sequence[Sequence[Button]] = field(default=())
    alert: bool = False  # something is shared: a red edge says so from the corner of the eye


@dataclass(frozen=True)
class Place:
    """Where a button is, in pixels of the picture."""

    button: Button
    left: int
    top: int
    right: int
    bottom: int

    def holds(self, x: int, y: int) -> bool:
        return self.left <= x < self.right and self.top <= y < self.bottom


@dataclass(frozen=True)
class Drawing:
    picture: Image.Image
    places: Sequence[Place]

    def button_at(self, x: int, y: int) -> Button | None:
        """The button under a pixel."""
        return next((place.button for place in self.places if place.holds(x, y)), None)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    import pylopdf_fonts_ko

    return ImageFont.truetype(str(Path(pylopdf_fonts_ko.__file__).parent / "NotoSansKR-Regular.otf"), size)


def draw(scene: Scene, scale: float = 1.0) -> Drawing:
    """The picture of a scene; `scale` is 2 on a screen of twice the density."""
    pen = _Pen(scale)
    for size, colour, text in ((15, INK_2, scene.title), (20, INK, scene.text), (14, INK_2, scene.detail)):
        if text:
            pen.write(text, size, colour)
    for row in scene.rows:
        pen.buttons(row)
    return pen.finish(scene.alert)


class _Pen:
    """Draws from the top down on a picture that is cut to its height at the end."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._picture = Image.new("RGB", (self._px(WIDTH), self._px(720)), SURFACE)
        self._draw = ImageDraw.Draw(self._picture)
        self._y = self._px(PAD)
        self._places: list[Place] = []

    def _px(self, points: float) -> int:
        return round(points * self._scale)

    def write(self, text: str, size: int, colour: str) -> None:
        font, room = _font(self._px(size)), self._px(WIDTH - 2 * PAD)
        for line in wrap(text, font, room):
            self._draw.text((self._px(PAD), self._y), line, font=font, fill=colour)
            self._y += self._px(size * 1.45)
        self._y += self._px(GAP)

    def buttons(self, row: Sequence[Button]) -> None:
        room = self._px(WIDTH - 2 * PAD) - self._px(GAP) * (len(row) - 1)
        width, left = room // len(row), self._px(PAD)
        for button in row:
            place = Place(button, left, self._y, left + width, self._y + self._px(BUTTON_HEIGHT))
            self._button(place)
            self._places.append(place)
            left += width + self._px(GAP)
        self._y += self._px(BUTTON_HEIGHT + GAP)

    def _button(self, place: Place) -> None:
        fill, ink, edge = {
            "plain": (SURFACE, INK, CONTROL),
            "accent": (ACCENT, ON_ACCENT, ACCENT),
            "red": (RED, ON_RED, RED),
            "key": ("#FAF9F6", INK, LINE),
        }[place.button.look]
        box = (place.left, place.top, place.right - 1, place.bottom - 1)
        self._draw.rounded_rectangle(box, self._px(10), fill=fill, outline=edge, width=max(1, self._px(1)))
        middle = ((place.left + place.right) / 2, (place.top + place.bottom) / 2)
        self._draw.text(middle, place.button.label, font=_font(self._px(16)), fill=ink, anchor="mm")

    def finish(self, alert: bool) -> Drawing:
        height = self._y + self._px(PAD - GAP)
        picture = self._picture.crop((0, 0, self._px(WIDTH), height))
        edge, width = (RED, self._px(4)) if alert else (CONTROL, max(1, self._px(1)))
        box = (0, 0, picture.width - 1, height - 1)
        ImageDraw.Draw(picture).rectangle(box, outline=edge, width=width)
        return Drawing(picture, self._places)


def wrap(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """Lines no wider than `room`, broken between words, and within a word only where it is too long alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= room:
            lines[-1] = longer
            continue
        while font.getlength(word) > room and len(word) > 1:
            cut = next(n for n in range(len(word) - 1, 0, -1) if font.getlength(word[:n]) <= room or n == 1)
            lines.append(word[:cut])
            word = word[cut:]
        lines.append(word)
    return lines
