"""Taking something back in the middle of a request: '아니 냉장고요', an older button, one more symptom."""

import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from actions import product_said, visits
from actions.context import Turn
from actions.forms import ASIDE
from actions.said import Said
from actions.words import say, shown
from crm import contacts

STEPS = ("product", "symptom", "visit", "address", "phone")
_PLACE = re.compile(
    r"[시도군구읍면동로길]\s|[로길]\s*\d|\d+\s*(동|호|번지|층)|\d+.*(street|st\b|road|rd\b|ave|ro\b|gil\b|dong)",
    re.I,
)
_LINES = {
    "product": re.compile(r"제품|기종|모델|product|model", re.I),
    "symptom": re.compile(r"증상|고장 내용|symptom|problem|issue", re.I),
    "visit": re.compile(r"방문|날짜|시간|일정|visit|date|time|day", re.I),
    "address": re.compile(r"주소|위치|address", re.I),
    "phone": re.compile(r"연락처|번호|전화|phone|number", re.I),
}
_SYMPTOM_IS = re.compile(
    r"(증상은|the (?:problem|issue) is)\s+(.+?)(?:이에요|예요|이요|입니다)?[\s.!]*$", re.I
)


def is_place(text: str, message: Said) -> bool:
    """Whether words are an address one can drive to, or a place that was shared on the map."""
    told = message.place or _PLACE.search(text + " ") or (message.entity("address") and len(text) >= 8)
    return bool(told)


def place_and_phone(message: Said) -> dict[str, Any]:
    """An address and a phone number told in passing."""
    found: dict[str, Any] = {}
    if phone := contacts.normalise_phone(message.entity("phone") or ""):
        found["phone"] = phone
    place = message.entity("address")
    if place and (message.place or _PLACE.search(place + " ")):
        found["address"] = place
    return found


def line_in(text: str) -> str | None:
    """The line of the summary that words name ('연락처 바꿀래요')."""
    return next((step for step, words in _LINES.items() if words.search(text)), None)


def cleared(step: str) -> dict[str, Any]:
    """Slots that make the form ask for one line again."""
    found: dict[str, Any] = {step: None, "confirm": None, "outcome": "asking"}
    if step == "visit":
        found.update(visit_sure=None, visit_day=None)
    if step == "product":
        found.update(product_ref=None, product_guess="none")
    return found


async def of(
    asked: str, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    """Whatever the message replaces of what was told before, said back; `{}` when it replaces nothing."""
    if message.intent == "choose":
        return await _older_choice(asked, message, slots, turn, dispatcher)
    takes_back = message.corrects or asked == "confirm"
    return (
        await _other_product(asked, takes_back, message, slots, turn, dispatcher)
        or await _other_time(asked, takes_back, message, slots, turn, dispatcher)
        or _other_reach(asked, takes_back, message, dispatcher)
        or _other_symptom(asked, takes_back, message, slots, dispatcher)
        or _another_line(asked, message, slots)
    )


async def _older_choice(
    asked: str, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    """A button of an earlier question of this form is pressed once more."""
    slot, value = message.entity("slot"), message.entity("value") or ""
    if slot == "product" and asked != "product" and slots.get("product"):
        found = {"product_guess": "none", "product": None, "product_ref": None}
        if value.isdigit():
            found = await product_said.owned(turn.contact_id, int(value))
        return found
    late = asked in ("visit_sure", "address", "phone", "confirm")
    if late and slot in ("visit", "visit_day", "visit_time"):
        again = {"visit": None, "visit_sure": None} if slot == "visit_day" else {}
        found = await visits.read(message, slots, turn, dispatcher)
        return {**again, **found} if found else {}
    return {}


async def _other_product(
    asked: str,
    takes_back: bool,
    message: Said,
    slots: Mapping[str, Any],
    turn: Turn,
    dispatcher: CollectingDispatcher,
) -> dict[str, Any]:
    name = message.entity("product")
    if not name or not slots.get("product") or asked == "product":
        return {}
    free_words = asked in ("symptom", "address")
    if not (takes_back or (not free_words and message.hardly_more_than(name))):
        return {}
    if asked == "confirm" and not message.corrects and not message.hardly_more_than(name):
        return {}
    found = await product_said.corrected(name, message, turn.contact_id)
    if found.get("product"):
        say(dispatcher, "utter_changed", value=str(found["product"]))
        return found
    return {**found, "product": None, "product_ref": None}


async def _other_time(
    asked: str,
    takes_back: bool,
    message: Said,
    slots: Mapping[str, Any],
    turn: Turn,
    dispatcher: CollectingDispatcher,
) -> dict[str, Any]:
    if not (takes_back and message.when and slots.get("visit")) or asked in ("visit", "visit_sure"):
        return {}
    found = await visits.read(message, slots, turn, dispatcher)
    if found.get("visit_day"):  # a day without an hour: the question for the hour comes again
        found.update(visit=None, visit_sure=None)
    return found


def _other_reach(
    asked: str, takes_back: bool, message: Said, dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    found = {k: v for k, v in place_and_phone(message).items() if takes_back and k != asked}
    for value in found.values():
        say(dispatcher, "utter_changed", value=shown(value))
    return found


def reach_besides(
    asked: str,
    message: Said,
    slots: Mapping[str, Any],
    found: Mapping[str, Any],
    dispatcher: CollectingDispatcher,
) -> dict[str, Any]:
    """`found`, with an address or a number that was told before its turn or in place of a known one."""
    told = {
        k: v for k, v in place_and_phone(message).items() if k not in (asked, *found) and v != slots.get(k)
    }
    for key, value in told.items():
        if slots.get(key):
            say(dispatcher, "utter_changed", value=shown(value))
        elif not found:
            say(dispatcher, "utter_reach_noted", value=shown(value))
    return {**found, **told}


def _other_symptom(
    asked: str, takes_back: bool, message: Said, slots: Mapping[str, Any], dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    if not slots.get("symptom") or asked in ("symptom", "address"):
        return {}
    told = _SYMPTOM_IS.search(message.typed)
    words = told.group(2) if told else message.entity("symptom") if message.corrects and takes_back else None
    if not words:
        return {}
    say(dispatcher, "utter_symptom_noted")
    return {"symptom": words.strip()[:1000]}


def _another_line(asked: str, message: Said, slots: Mapping[str, Any]) -> dict[str, Any]:
    """'주소 바꿀래요' without the new one: that line is asked for again."""
    line = line_in(message.typed) if message.corrects and asked != "confirm" else None
    asked_line = "visit" if asked == "visit_sure" else asked
    return cleared(line) if line and line != asked_line and slots.get(line) else {}


def besides(
    asked: str, message: Said, slots: Mapping[str, Any], dispatcher: CollectingDispatcher
) -> dict[str, Any]:
    """No answer, but worth keeping: one more symptom, or one more product that has to wait its turn."""
    asks = message.sure and message.intent in ASIDE
    reports = message.entity("symptom") or (
        asked != "product" and message.sure and message.intent == "request_service"
    )
    if not message.typed or not reports or asks:
        return {}
    name, current = message.entity("product"), slots.get("product")
    if name and current and not product_said.alike(name, str(current)):
        say(dispatcher, "utter_one_at_a_time", product=str(current))
        return {"rest": name}
    earlier = str(slots.get("symptom") or "")
    if message.typed not in earlier:
        say(dispatcher, "utter_symptom_noted")
    joined = earlier if message.typed in earlier else ", ".join(t for t in (earlier, message.typed) if t)
    return {"symptom": joined[:1000]}
