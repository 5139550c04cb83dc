"""Where an address ends: after its lot, building, floor and door, which taggers tend to leave out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# A bare number belongs to the words before it only behind the name of a road or a quarter.
_ROAD = re.compile(
    r"([가-힣](로|길|동|리|가)|-?(ro|gil|dong|daero)|street|st\.?|road|rd\.?|avenue|ave\.?)\Z", re.I
)
_LOT = re.compile(
    r"\s?\d[\d-]*(?![\d:.-]|\s?(시|일|월|년|주|분|원|만|천|백|대|개|명|번|호|층|동|차|건|달|달러|"
    r"am|pm|a\.m|p\.m|days?|hours?|weeks?|times?|people|won|st|nd|rd|th)\b|\s?(시|일|월|년|주|분|원|만|대|개|명))",
    re.I,
)
_LANE = re.compile(r"\s?\d+번길")
_UNIT = r"(?:번지|번길|호|동|층)(?![점선기안작생])"
_DOOR = re.compile(
    rf"(?:(?<=\d){_UNIT}|[\s,]*\(?(?:지하\s?)?\d[\d-]*\s?{_UNIT}\)?"
    r"|,?\s(?:apt|apartment|unit|room|suite|floor|no|building|bldg)\.?\s?#?\d[\d-]*|,?\s\d+(?:st|nd|rd|th)\sfloor)+",
    re.I,
)


def to_the_door(text: str, entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities of a text with each address grown to its door; what was found within it is part of it."""
    found = [dict(entity) for entity in entities]
    for address in [one for one in found if one["entity"] == "address"]:
        end = _door(text, _lot(text, _lot(text, address["end"])))  # '월드컵로 12번길 5' has two numbers
        if end > address["end"]:
            address["end"], address["value"] = end, text[address["start"] : end]
            found = [one for one in found if one is address or not _within(one, address)]
    return found


def _lot(text: str, end: int) -> int:
    lot = (_LANE.match(text, end) or _LOT.match(text, end)) if _ROAD.search(text[:end]) else None
    return lot.end() if lot else end


def _door(text: str, end: int) -> int:
    door = _DOOR.match(text, end)
    return door.end() if door else end


def _within(one: dict[str, Any], address: dict[str, Any]) -> bool:
    return bool(address["start"] <= one["start"] < address["end"])
