"""What a customer does with a request they have: add to it, cancel, reopen, rate, or move the visit."""

import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from actions import visits
from actions.context import Turn
from actions.forms import ASIDE, Form
from actions.said import Said
from actions.words import say
from crm import files, requests
from crm.models import Rating, ServiceRequest

PHOTO = "photo"  # a detail without words
SLOTS = ("act", "request_no", "detail", "score", "sure", "visit", "visit_day", "visit_sure")
ACTS = {
    "amend_request": "amend",
    "cancel_request": "cancel",
    "reopen_request": "reopen",
    "rate_service": "rate",
    "reschedule_visit": "reschedule",
}
_NEEDS = {
    "amend": ("request_no", "detail"),
    "cancel": ("request_no", "sure"),
    "reopen": ("request_no", "detail"),
    "rate": ("request_no", "score"),
    "reschedule": ("request_no", "visit", "sure"),
}
_OPEN = ("received", "assigned", "in_progress", "waiting_customer")
_ALLOWED = {
    "amend": _OPEN,
    "cancel": _OPEN,
    "reschedule": _OPEN,
    "reopen": ("resolved", "closed"),
    "rate": ("resolved", "closed"),
}
_SCORE = re.compile(r"(?<!\d)([1-5])(?!\d)\s*(점|개|stars?|points?)?|별\s*(다섯|넷|네|셋|세|둘|두|하나|한)")
_OUT_OF = re.compile(r"(5|다섯|오)\s*점\s*만점(에|에서|중)?|out of (5|five)|/\s*5", re.I)
_CANCEL = re.compile(r"취소|cancel", re.I)
_STARS = {"다섯": 5, "넷": 4, "네": 4, "셋": 3, "세": 3, "둘": 2, "두": 2, "하나": 1, "한": 1}


async def candidates(act: str, contact_id: int) -> list[ServiceRequest]:
    """The customer's requests that `act` is possible on, newest first."""
    found = await requests.of_contact(contact_id, open_only=False)
    return [r for r in found if r.status in _ALLOWED[act]]


def score_in(text: str) -> int | None:
    """A score of 1 to 5 in a sentence ('4점이요', '별 다섯 개', '5 stars')."""
    match = _SCORE.search(_OUT_OF.sub(" ", text))
    if match is None:
        return None
    return int(match.group(1)) if match.group(1) else _STARS[match.group(3)]


class MatterForm(Form):
    """Validates `matter_form`; slot `act` says what is to be done."""

    form = "matter_form"
    takes_files = frozenset({"detail"})

    async def answers(
        self,
        asked: str | None,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        dispatcher: CollectingDispatcher,
    ) -> dict[str, Any]:
        if asked is None:
            return await self._opening(message, slots, turn, dispatcher)
        answer = getattr(self, f"_{asked}")
        found: dict[str, Any] = await answer(message, slots, turn, dispatcher)
        return found

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        if slots.get("outcome") == "nothing":
            return None
        return next((n for n in _NEEDS[str(slots["act"])] if not slots.get(n)), None)

    def stops(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """'취소할게요' is a yes where the question is whether to cancel."""
        if asked == "sure" and slots.get("act") == "cancel" and _CANCEL.search(message.text):
            return False
        return message.stops

    def switches(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """Another wish about a request; while free words are asked for, only one that is no description."""
        if message.intent not in ACTS or message.stops or asked == "sure":
            return message.pressed and super().switches(asked, message, slots)
        other = message.sure and ACTS[message.intent] != slots.get("act")
        described = asked == "detail" and message.intent not in ("cancel_request", "reschedule_visit")
        return message.pressed or (other and not described)

    async def _opening(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        act = ACTS.get(message.intent, "amend")
        possible = await candidates(act, turn.contact_id)
        if not possible:
            return {"act": act, "outcome": "nothing"}
        found: dict[str, Any] = {"act": act, "outcome": "asking"}
        if act == "rate":  # what is rated already is rated again only by name
            rated = await Rating.filter(contact_id=turn.contact_id).values_list("request_id", flat=True)
            possible = [r for r in possible if r.id not in rated] or possible
        named = await self._named(message, act, turn)
        if named or len(possible) == 1:
            found["request_no"] = named or possible[0].number
        if act == "amend" and await files.unlinked(turn.conversation_id, turn.at):
            found["detail"] = PHOTO
        if act == "rate" and (score := message.entity("score") or score_in(message.text)):
            found["score"] = str(score)
        if act == "reopen" and len(message.typed) > 12:
            found["detail"] = message.typed
        if act == "reschedule":
            found.update(await visits.read(message, slots, turn, dispatcher))
        return found

    async def _named(self, message: Said, act: str, turn: Turn) -> str | None:
        number = message.entity("request_no")
        request = await requests.find(number, contact_id=turn.contact_id) if number else None
        return request.number if request and request.status in _ALLOWED[act] else None

    async def _request_no(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        act = str(slots["act"])
        text = message.chosen("request_no") or message.entity("request_no") or message.typed
        request = await requests.find(text, contact_id=turn.contact_id)
        if request and request.status in _ALLOWED[act]:
            return {"request_no": request.number}
        word = message.entity("product")
        fitting = [r for r in await candidates(act, turn.contact_id) if word and word in r.product_text]
        if len(fitting) == 1:
            return {"request_no": fitting[0].number}
        if re.search(r"\d", text):
            say(dispatcher, "utter_request_unknown")
        return {}

    async def _detail(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.files and not message.typed:
            return {"detail": PHOTO}
        asks = message.sure and message.intent in ASIDE and not message.entity("symptom")
        if not message.typed or asks or message.no or (message.yes and not message.files):
            return {}
        return {"detail": message.typed[:2000]}

    async def _score(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        score = message.chosen("score") or score_in(message.text)
        return {"score": str(score)} if score else {}

    async def _visit(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        return await visits.read(message, slots, turn, dispatcher)

    async def _sure(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if slots.get("act") == "reschedule" and message.moment():
            return await visits.read(message, slots, turn, dispatcher)
        cancels = slots.get("act") == "cancel" and _CANCEL.search(message.typed) and not message.no
        if message.chosen("sure") == "yes" or message.yes or cancels:
            return {"sure": "yes"}
        if message.chosen("sure") == "no" or message.no:
            return {"sure": "no"}
        return {}
