"""Parse data that no model makes, and what of a model's parse data a turn may believe.

Choices, service numbers and commands never reach the model: their meaning is certain. Typed text always does,
as text: Rasa would take a leading '/' for a command of the application.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ParseData = dict[str, Any]

FALLBACK = "nlu_fallback"
OUT_OF_SCOPE = "out_of_scope"
CHOOSE = "choose"
STAFF_PREFIX = "staff_"
# Answers to a question of ours, and what Rasa itself knows; all else belongs to one audience.
SHARED_INTENTS = frozenset(
    {"out_of_scope", FALLBACK, CHOOSE, "affirm", "deny", "restart", "back", "session_start"}
)
LONGEST = 2_000  # code points the model reads of one message; the rest is kept and shown, not understood

# Wishes that open the same form: nobody is asked which of them it is.
_ALIKE = frozenset({"request_service", "book_visit"})

_COMMAND = re.compile(r"/(?P<intent>[\w.+-]+)(?P<entities>\{.*\})?\Z", re.DOTALL)
_NUMBER = re.compile(r"(?P<kind>SR|Q|O|C)\s?[-_]\s?\d{4}\s?[-_]\s?\d{1,7}\Z", re.IGNORECASE)
# What a number alone asks for, of customers and of staff; the entity it is.
_ASKED_BY_NUMBER = {
    "SR": ("request_no", "check_request", "staff_show_requests"),
    "Q": ("quote_no", "check_quote", "staff_show_quotes"),
    "O": ("order_no", "check_order", "staff_show_orders"),
    "C": ("contract_no", "check_contract", "staff_show_contracts"),
}
_SURROGATE = re.compile("[\ud800-\udfff]")
# What may stand around a thing's name without saying what is wished.
_BEFORE_NAME = re.compile(r"\W*(?:(?:the|an?|my|our|it'?s|저희|우리|제)\s+)*", re.IGNORECASE)
_BEHIND_NAME = re.compile(
    r"\s*(?:이에요|예요|이요|요|입니다|인데요|이고요|고요|이야|야|please)?[\W_ㅎㅋㅠㅜ]*"
)


class BadCommand(ValueError):
    """The payload of a choice is not a command: '/intent' or '/intent{"entity": "value"}'."""


class NotForAudience(PermissionError):
    """The intent belongs to the other audience."""


@dataclass(frozen=True)
class Question:
    """What the active form waits for."""

    slot: str
    intents: frozenset[str]  # intents that are an answer to it


def harmless(text: str) -> str:
    """Typed text as the model may read it: never a command, always encodable, bounded.

    Every code point keeps its place, so that offsets hold for the text as typed.
    """
    text = _SURROGATE.sub("\ufffd", text[:LONGEST]).replace("\x00", " ")
    start = len(text) - len(text.lstrip())
    end = start
    while text[end : end + 1] == "/":
        end += 1
    return text[:start] + "／" * (end - start) + text[end:]


def spoken(parsed: Mapping[str, Any], text: str) -> ParseData:
    """Parse data of harmless text, about the text as it was typed."""
    entities = [dict(entity) for entity in parsed.get("entities", ())]
    for entity in entities:
        if "start" in entity and "end" in entity:
            entity["value"] = text[entity["start"] : entity["end"]]
    heard = {**parsed, "text": text, "entities": entities}
    return {**heard, **_asked_of_a_name(heard)} if _is_a_name(heard) else heard


def _is_a_name(parsed: Mapping[str, Any]) -> bool:
    """Whether a customer says nothing but what thing it is ('냉장고요', 'the dryer')."""
    named = parsed["entities"]
    if len(named) != 1 or named[0]["entity"] != "product" or "start" not in named[0]:
        return False
    name = str((parsed.get("intent") or {}).get("name") or STAFF_PREFIX)
    before, behind = parsed["text"][: named[0]["start"]], parsed["text"][named[0]["end"] :]
    around = _BEFORE_NAME.fullmatch(before) and _BEHIND_NAME.fullmatch(behind)
    return around is not None and not name.startswith(STAFF_PREFIX)


def _asked_of_a_name(parsed: Mapping[str, Any]) -> ParseData:
    """A name tells no wish, whichever intent is nearest: a form takes it for its answer, else we ask."""
    likely = next((one for one in ranking(parsed) if one["name"] != OUT_OF_SCOPE), None)
    return {"band": "ask"} | ({"intent": likely} if likely else {})


def unspoken(text: str) -> ParseData:
    """Parse data of a message without words (an attachment, blanks): nothing to understand."""
    return {
        "text": text,
        "intent": {"name": None, "confidence": 0.0},
        "intent_ranking": [],
        "entities": [],
        "band": "handover",
        "language": None,
    }


def certain(intent: str, text: str, entities: Sequence[Mapping[str, Any]] = ()) -> ParseData:
    """Parse data of what needs no guessing, such as a service number or a choice."""
    name = {"name": intent, "confidence": 1.0}
    return {
        "text": text,
        "intent": name,
        "intent_ranking": [dict(name)],
        "entities": [dict(entity) for entity in entities],
        "band": "act",
        "language": None,
    }


def number(text: str, audience: str = "customer") -> ParseData | None:
    """Parse data of a message that is a service number and nothing else; None for any other."""
    stripped = text.strip()
    match = _NUMBER.match(stripped)
    if not match:
        return None
    entity, *intents = _ASKED_BY_NUMBER[match["kind"].upper()]
    start = text.index(stripped)
    span = {"entity": entity, "value": stripped, "start": start, "end": start + len(stripped)}
    return certain(intents[audience == "staff"], text, [span])


def command(payload: str, *, text: str | None = None, audience: str = "customer") -> ParseData:
    """Parse data of a choice's payload, as stock Rasa reads it; `text` is the label that was chosen.

    Raises BadCommand, and NotForAudience when the intent belongs to the other audience.
    """
    match = _COMMAND.match(payload.strip())
    if not match:
        raise BadCommand(payload)
    intent = match["intent"]
    if not fits(intent, audience):
        raise NotForAudience(intent)
    values = _entities(match["entities"], payload)
    if intent == CHOOSE and not {"slot", "value"} <= set(values):
        raise BadCommand(payload)
    parsed = certain(intent, text if text is not None else payload)
    parsed["entities"] = [
        {"entity": name, "value": value, "start": 0, "end": len(parsed["text"]), "extractor": CHOOSE}
        for name, value in values.items()
    ]
    return parsed


def _entities(text: str | None, payload: str) -> dict[str, Any]:
    try:
        values = json.loads(text or "{}")
    except ValueError as error:
        raise BadCommand(payload) from error
    return dict(values)


def fits(intent: str, audience: str) -> bool:
    """Whether this audience ('customer' or 'staff') may have this intent."""
    return intent in SHARED_INTENTS or intent.startswith(STAFF_PREFIX) == (audience == "staff")


def heard(parsed: Mapping[str, Any], audience: str, asked: Question | None) -> ParseData:
    """What a turn believes of parse data: the intent when sure of it, else `nlu_fallback`.

    Unsure words still answer the open question: a question for free text or an entity takes them whatever
    their intent; a closed question takes its own intent from the band 'ask' when the runner-up is not one as
    well; two that open the same form are no question either. An intent of the other audience is never
    believed.
    """
    intent = parsed["intent"]["name"]
    believed = intent and fits(intent, audience) and (parsed.get("band") == "act" or _answers(parsed, asked))
    if believed:
        return dict(parsed)
    return {**parsed, "intent": {"name": FALLBACK, "confidence": 1.0}}


def _answers(parsed: Mapping[str, Any], asked: Question | None) -> bool:
    if parsed.get("band") != "ask":
        return False
    likely = [guess["name"] for guess in ranking(parsed)[:2]]
    if set(likely) == _ALIKE:
        return True
    if asked is None:
        return False
    return likely[0] in asked.intents and not set(likely[1:]) & asked.intents


def ranking(parsed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The likeliest intents, best first: name and confidence."""
    guesses = parsed.get("intent_ranking") or [parsed["intent"]]
    return [{"name": g["name"], "confidence": g["confidence"]} for g in guesses if g.get("name")]
