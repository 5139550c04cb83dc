"""What a customer does with a request they have: add to it, cancel, reopen, rate, or move the visit."""

import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from actions import reviews, visits
from actions.context import Turn
from actions.forms import ASIDE, Form
from actions.request_corrections import place_and_phone
from actions.said import Said
from actions.words import say
from crm import files, requests
from crm.models import Rating, ServiceRequest

PHOTO = "photo"  # a detail without words
SLOTS = ("act", "request_no", "detail", "score", "sure", "visit", "visit_day", "visit_sure", "wish")
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
_ANSWERS = {"good": "utter_review_good", "fair": "utter_review_fair", "bad": "utter_review_bad"}
# What follows 'add that' or '메모해 주세요:', and what stands before '라고 적어 주세요', is what to add.
_ADDS = re.compile(
    r"\b(?:add|note|mention|write|tell|comment)\b.{0,40}?(?:\b(?:that|saying)\s|:)\s*\S+\s+\S"
    r"|(?:추가|메모|적어|남겨|전해|덧붙).{0,12}:\s*\S"
    r"|\S{2,}\s\S*[가-힣][다라자냐]고\s*(?:좀\s*)?(?:추가|적어|써|전해|남겨|메모|덧붙)",
    re.I,
)
_CANCEL = re.compile(r"취소|cancel", re.I)
_OPENS = re.compile(r"열어|되살|살려|되돌|re-?open|open .*again|bring .*back|undo", re.I)


async def candidates(act: str, contact_id: int) -> list[ServiceRequest]:
    """The customer's requests that `act` is possible on, newest first."""
    found = await requests.of_contact(contact_id, open_only=False)
    return [r for r in found if r.status in _ALLOWED[act]]


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
        if slots.get("outcome") in ("nothing", "told", "kept", "cancelled"):
            return None
        return next((n for n in _NEEDS[str(slots["act"])] if not slots.get(n)), None)

    def stops(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """'취소할게요' is a yes where the question is whether to cancel."""
        if asked == "sure" and slots.get("act") == "cancel" and _CANCEL.search(message.text):
            return False
        return message.stops

    def _interrupts(self, message: Said, asked: str) -> bool:
        """A word about the work is heard as one, however angry it is."""
        judges = asked == "score" and message.typed and reviews.tone(message.typed)
        return not judges and super()._interrupts(message, asked)

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
        if act == "reopen" and (instead := await self._instead_of_reopening(message, possible, turn)):
            return instead
        if not possible:
            return {"act": act, "outcome": "nothing"}
        found: dict[str, Any] = {"act": act, "outcome": "asking"}
        if act == "rate":  # what is rated already is rated again only by name
            rated = await Rating.filter(contact_id=turn.contact_id).values_list("request_id", flat=True)
            possible = [r for r in possible if r.id not in rated] or possible
        named = await self._named(message, act, turn)
        if named or len(possible) == 1:
            found["request_no"] = named or possible[0].number
        if act == "amend" and self._says_what(message):
            found["detail"] = message.typed[:2000]
        elif act == "amend" and await files.unlinked(turn.conversation_id, turn.at):
            found["detail"] = PHOTO
        if act == "rate":
            found.update(await self._judged(message, found, turn, dispatcher))
        if act == "reopen" and len(message.typed) > 12:
            found["detail"] = message.typed
        if act == "reschedule":
            found.update(await visits.read(message, slots, turn, dispatcher))
        return found

    async def _instead_of_reopening(
        self, message: Said, possible: list[ServiceRequest], turn: Turn
    ) -> dict[str, Any]:
        """What becomes of the wish when the request meant is cancelled, or is open still."""
        if cancelled := await self._cancelled_last(message, turn):
            return {"act": "reopen", "outcome": "cancelled", "request_no": cancelled}
        if not possible and (number := await self._still_open(message, turn)):
            return {
                "act": "amend",
                "outcome": "asking",
                "request_no": number,
                "detail": message.typed[:2000],
            }
        return {}

    async def _cancelled_last(self, message: Said, turn: Turn) -> str | None:
        """The cancelled request that is to be opened again: the one they name, the last when they speak of
        cancelling, or what changed last when they say 'open it again'. A fault that is back means another."""
        if number := message.entity("request_no"):
            meant = await requests.find(number, contact_id=turn.contact_id)
        else:
            found = await requests.of_contact(turn.contact_id, open_only=False)
            if _CANCEL.search(message.text):
                found = [request for request in found if request.status == "cancelled"]
            elif not _OPENS.search(message.text):
                return None
            meant = max(found, key=lambda request: request.status_at, default=None)
        return meant.number if meant and meant.status == "cancelled" else None

    async def _still_open(self, message: Said, turn: Turn) -> str | None:
        """The only open request that 'it stopped again' can be about, when none is to be opened again."""
        word = message.entity("product") or ""
        fitting = [r for r in await candidates("amend", turn.contact_id) if word in r.product_text]
        return fitting[0].number if len(fitting) == 1 and message.typed else None

    def _says_what(self, message: Said) -> bool:
        """Whether the wish to add something holds it already ('please add that it also smells burnt')."""
        told = message.entity("symptom") or place_and_phone(message) or _ADDS.search(message.typed)
        return bool(message.typed and told)

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
        if score := message.chosen("score"):
            return {"score": str(score)}
        return await self._judged(message, slots, turn, dispatcher)

    async def _judged(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        """A score; words about the work are kept with the request at once, and the score is asked for."""
        if score := message.entity("score") or reviews.score_in(message.text):
            return {"score": str(score)}
        if message.entity("solved"):
            say(dispatcher, "utter_review_solved")
            return {"wish": "score"}
        tone = reviews.tone(message.typed)
        number = slots.get("request_no")
        if not tone or not number:
            return {}
        if slots.get("detail"):  # asked for the score already: words are enough
            return {"outcome": "told"}
        await self._keep(str(number), tone, message.typed, turn)
        say(dispatcher, _ANSWERS[tone])
        if await Rating.exists(request__number=str(number)):  # has its score: none is asked for again
            return {"outcome": "kept"}
        return {"detail": message.typed[:2000], "wish": "score"}

    async def _keep(self, number: str, tone: str, words: str, turn: Turn) -> None:
        request = await requests.find(number, contact_id=turn.contact_id)
        if request is not None:
            write = requests.complain if tone == "bad" else requests.comment
            await write(turn.customer, request.id, words[:2000], now=turn.at)

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
