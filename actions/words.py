"""Words of the domain for buttons and cards, Korean particles."""

import json
import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from crm import contacts


def label(domain: Mapping[str, Any], language: str, name: str, /, **values: Any) -> str:
    """The text of response `name` in `language`, with `values` filled in; for buttons and cards.

    In English where the domain has no words of that language. Raises KeyError when the domain has no such
    response.
    """
    said = {_language(variant): variant for variant in reversed(domain["responses"][name])}
    wanted = said.get(language) or said.get("en") or said["ko"]
    return str(wanted["text"]).format(**with_particles(values))


def _language(variant: Mapping[str, Any]) -> str:
    return str(next((c["value"] for c in variant.get("condition", []) if c["name"] == "language"), "ko"))


def say(
    dispatcher: CollectingDispatcher,
    response: str,
    *,
    buttons: list[dict[str, str]] | None = None,
    cards: list[dict[str, Any]] | None = None,
    asks: str = "",
    **values: Any,
) -> None:
    """Utter a response of the domain. String values also fill `{name_ro}`, `{name_i}` and the like.

    `asks` names what the message asks for (`phone`): a channel on which that can be shared offers it.
    """
    shown = {"cards": cards, "asks": asks}
    dispatcher.utter_message(
        response=response,
        buttons=buttons or [],
        json_message={key: value for key, value in shown.items() if value},
        **with_particles(values),
    )


def shown(value: Any) -> str:
    """A slot's value as the customer would write it."""
    text = str(value)
    return contacts.show_phone(text) if text.startswith("+") else text


def button(title: str, payload: str) -> dict[str, str]:
    """A choice: what the customer reads and the intent command behind it."""
    return {"title": title, "payload": payload}


def choose(slot: str, value: str) -> str:
    """The payload of a choice that answers the question for `slot`."""
    return "/choose" + json.dumps({"slot": slot, "value": value}, ensure_ascii=False)


def with_particles(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add `x_eun`, `x_i`, `x_eul`, `x_ro`, `x_ieyo` to each text value x: the word with its particle.

    For English, each number x gets `x_s` (a plural's ending) and `x_people` ('2 people are').
    """
    filled = dict(values)
    for name, value in values.items():
        if isinstance(value, int):
            filled[f"{name}_s"] = "" if value == 1 else "s"
            filled[f"{name}_people"] = "1 person is" if value == 1 else f"{value} people are"
        if isinstance(value, str) and value:
            filled.update({f"{name}_{key}": value + particle for key, particle in _particles(value).items()})
    return filled


def _particles(word: str) -> dict[str, str]:
    final = _final(word)
    closed = final != 0
    return {
        "eun": "은" if closed else "는",
        "i": "이" if closed else "가",
        "eul": "을" if closed else "를",
        "ro": "으로" if closed and final != 8 else "로",
        "ieyo": "이에요" if closed else "예요",
    }


# Final sound of how a digit or Latin letter is read in Korean: 0 none, 8 rieul, 1 another.
_READ = (
    dict(zip("0123456789", (1, 8, 0, 1, 0, 0, 1, 8, 8, 0), strict=True))
    | dict.fromkeys("lr", 8)
    | dict.fromkeys("mn", 1)
)


# Units are read as Korean words: 21kg as 킬로그램, 10L as 리터, 30cm as 센티미터.
_UNITS = {"kg": 16, "g": 16, "l": 0, "ml": 0, "m": 0, "cm": 0, "mm": 0}
_UNIT = re.compile(r"\d\s*([a-z]{1,2})$")


def _final(word: str) -> int:
    word = word.rstrip(" )]'\"”’.").lower()
    last = word[-1:]
    unit = _UNIT.search(word)
    if unit and unit.group(1) in _UNITS:
        return _UNITS[unit.group(1)]
    if "가" <= last <= "힣":
        return (ord(last) - 0xAC00) % 28
    return _READ.get(last, 0)
