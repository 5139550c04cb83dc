"""Remote input as it comes over the wire: read strictly, in units of the screen. Pure.

Positions are shares of the picture's width and height, 0 to 1, so that they hold whatever size it is shown
at.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

TEXT_MAX: Final = 2000  # characters typed by one frame
# Characters: a data channel's message is 64 kB at most (aiortc announces 65,536), Hangul takes three bytes.
CLIPBOARD_MAX: Final = 15_000
WHEEL_MAX: Final = 50  # notches of one frame

Button = Literal["left", "middle", "right"]
BUTTONS: Final = ("left", "middle", "right")

# Names of `KeyboardEvent.key` (www.w3.org/TR/uievents-key) that are no character: all that Korean and English
# keyboards have, but for those of sound and power.
NAMED_KEYS: Final = frozenset(
    {"Enter", "Tab", "Backspace", "Delete", "Escape", "Home", "End", "PageUp", "PageDown", "Insert"}
    | {"ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Clear", "Help"}
    | {"Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "ScrollLock"}
    | {"PrintScreen", "Pause", "ContextMenu", "HangulMode", "HanjaMode"}
    | {f"F{number}" for number in range(1, 25)}
)


class BadAct(ValueError):
    """The frame is not understood; the text names the field."""


@dataclass(frozen=True)
class Move:
    x: float
    y: float


@dataclass(frozen=True)
class Press:
    x: float
    y: float
    button: Button
    down: bool


@dataclass(frozen=True)
class Wheel:
    """Notches; `dy` is positive downwards, as in the browser."""

    x: float
    y: float
    dx: int
    dy: int


@dataclass(frozen=True)
class Key:
    name: str
    down: bool


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class SetClipboard:
    text: str


@dataclass(frozen=True)
class GetClipboard:
    pass


@dataclass(frozen=True)
class Still:
    """What is held is still held: staff's page says so every 2 s."""


Act = Still | Move | Press | Wheel | Key | Text | SetClipboard | GetClipboard


def read(frame: Mapping[str, Any]) -> Act:
    """The act of a frame. Raises `BadAct`."""
    match frame.get("t"):
        case "still":
            return Still()
        case "move":
            return Move(*_place(frame))
        case ("down" | "up") as kind:
            button = frame.get("b", "left")
            if button not in BUTTONS:
                raise BadAct("b")
            return Press(*_place(frame), cast(Button, button), kind == "down")
        case "wheel":
            return Wheel(*_place(frame), _notches(frame, "dx"), _notches(frame, "dy"))
        case "key":
            return Key(_key(frame.get("k")), _bool(frame.get("down"), "down"))
        case "text":
            return Text(_text(frame.get("s"), TEXT_MAX))
        case "clip":
            return SetClipboard(_text(frame.get("s"), CLIPBOARD_MAX))
        case "getclip":
            return GetClipboard()
    raise BadAct("t")


def pixel(share: float, size: int) -> int:
    """The pixel, from 0, that a share of the picture's side falls on."""
    return min(size - 1, int(share * size))


def _place(frame: Mapping[str, Any]) -> tuple[float, float]:
    return _share(frame.get("x"), "x"), _share(frame.get("y"), "y")


def _share(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadAct(field)
    if not 0 <= value <= 1:
        raise BadAct(field)
    return float(value)


def _notches(frame: Mapping[str, Any], field: str) -> int:
    value = frame.get(field, 0)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > WHEEL_MAX:
        raise BadAct(field)
    return value


def _bool(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise BadAct(field)
    return value


def _key(value: object) -> str:
    if not isinstance(value, str) or not (value in NAMED_KEYS or (len(value) == 1 and value.isprintable())):
        raise BadAct("k")
    return value


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or not value or len(value) > most:
        raise BadAct("s")
    if any((ord(c) < 32 and c not in "\n\t") or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value):
        raise BadAct("s")
    return value
