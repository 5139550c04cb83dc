"""Opening a service request: what each step accepts, in whatever order the customer tells it."""

import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from actions import places, product_said, request_corrections, stories, visits
from actions.context import Turn
from actions.forms import ASIDE, Form
from actions.request_corrections import STEPS, place_and_phone
from actions.said import Said
from actions.words import say
from crm import contacts, requests
from crm.actor import BOT

SLOTS = (
    *STEPS, "product_ref", "product_guess", "visit_day", "visit_sure", "confirm", "same", "same_sure", "wish",
    "rest", "detail",
)  # fmt: skip
_ORDER = ("product", "symptom", "visit", "visit_sure", "address", "phone", "confirm")
_ANOTHER = re.compile(r"새로|다른|new|another|different", re.I)
_LATER = re.compile(
    r"나중|추후|아무 ?때|상관 ?없|언제든|모르|몰라|정할게|정하고|정하기|상의|협의|조율|"
    r"later|any ?time|whenever|don'?t mind|not sure|don'?t know|to be arranged",
    re.I,
)
_ASKS_STEP = ASIDE - {"thank", "greet", "chitchat"}


def _arranges(text: str) -> bool:
    """Whether words leave the time of a visit to be agreed upon."""
    return bool(re.search(r"정할게|정하고|정하기|상의|협의|조율|arrange|decide", text, re.I))


class RequestForm(Form):
    """Validates `request_form`."""

    form = "request_form"
    takes_files = frozenset({"symptom"})

    async def answers(
        self,
        asked: str | None,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        dispatcher: CollectingDispatcher,
    ) -> dict[str, Any]:
        if asked is None:
            found = await self._opening(message, slots, turn, dispatcher)
        elif changed := await request_corrections.of(asked, message, slots, turn, dispatcher):
            found = changed
        else:
            found = await getattr(self, f"_{asked}")(message, slots, turn, dispatcher)
            found = request_corrections.reach_besides(asked, message, slots, found, dispatcher)
            found = found or request_corrections.besides(asked, message, slots, dispatcher)
        return {**found, **await self._same_matter({**slots, **found}, found, turn)}

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        if slots.get("same") and not slots.get("same_sure"):
            return "same_sure"
        order: tuple[str, ...] = _ORDER
        if slots.get("same_sure") == "yes":
            told = ("detail",) if slots.get("detail") else ("symptom",)
            order = ("visit", "visit_sure") if slots.get("wish") == "visit" else told
        return next((name for name in order if not slots.get(name)), None)

    def stops(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """'접수 취소할게요' means this request, which nobody has sent yet, unless it names another."""
        cancels = message.sure and message.typed and message.intent == "cancel_request"
        return message.stops or bool(cancels and not message.entity("request_no"))

    def _interrupts(self, message: Said, asked: str) -> bool:
        """'010-1234-5678로 연락 주세요' without a time tells the number and asks for no call.

        '담당자랑 정할게요' answers when to come, and asks for nobody now.
        """
        if asked == "visit" and _arranges(message.typed):
            return False
        tells_phone = message.intent == "request_callback" and message.entity("phone")
        told_more = message.entity("address") or message.entity("symptom") or not message.when
        return not (tells_phone and told_more) and super()._interrupts(message, asked)

    async def _same_matter(
        self, slots: Mapping[str, Any], found: Mapping[str, Any], turn: Turn
    ) -> dict[str, Any]:
        """An open request about the same product: it may be that one they speak of."""
        guess = str(found.get("product_guess") or "")
        if slots.get("same_sure") or slots.get("same") or not (found.get("product") or guess.isdigit()):
            return {}
        guessed = await product_said.owned(turn.contact_id, int(guess)) if guess.isdigit() else {}
        same = await product_said.open_request(turn.contact_id, guessed or slots)
        return {**guessed, "same": same.number} if same else {}

    # --- the first sentence

    async def _opening(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        """What the first sentence already tells, and what we know of the contact."""
        found: dict[str, Any] = {"outcome": "asking"}
        known = await contacts.get(BOT, turn.contact_id)
        found.update({k: v for k, v in (("address", known.address), ("phone", known.phone)) if v})
        found.update(await self._opening_product(message, turn, dispatcher))
        if symptom := stories.symptom_in(message):
            found["symptom"] = symptom
        if message.intent == "request_service" and not stories.VAGUE.search(message.typed):
            found["detail"] = message.typed or None  # kept as it is, should it be about an open request
        if message.typed and (symptom or message.entity("symptom")):
            say(dispatcher, "utter_sorry_symptom")
        if message.intent == "book_visit":
            found.update(await self._visit_of_open_request(turn))
        wish = stories.with_visit(message, turn)
        found.update(await visits.read(wish, slots, turn, dispatcher))
        found.update(place_and_phone(message))
        return found

    async def _opening_product(
        self, message: Said, turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        names = message.entities_of("product")
        if not names:
            return await product_said.only_possession(turn.contact_id)
        others = [name for name in names[1:] if not product_said.alike(name, names[0])]
        if len(message.text) > stories.LONG:
            others = []  # a story names more things than those that are broken
        if others and message.typed:
            say(dispatcher, "utter_one_at_a_time", product=names[0])
        found = await product_said.named(names[0], message, turn.contact_id)
        return {**found, "rest": others[0]} if others else found

    async def _visit_of_open_request(self, turn: Turn) -> dict[str, Any]:
        """'방문 예약할게요' after a request without a visit most likely means that one."""
        waiting = [r for r in await requests.of_contact(turn.contact_id, open_only=True) if not r.visit_from]
        if len(waiting) != 1 or waiting[0].category == "complaint":
            return {}
        return {"same": waiting[0].number, "wish": "visit"}

    # --- the answer to each question

    async def _product(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        guess = str(slots.get("product_guess") or "")
        picked = message.chosen("product")
        name = message.entity("product")
        if picked == "other" or (guess and message.no and not name):
            return {"product_guess": "none"}
        if picked or (guess.isdigit() and message.yes):
            found = await product_said.owned(turn.contact_id, int(picked or guess))
            return {**found, **await self._also(message, slots, turn, dispatcher)} if found else {}
        if not name and self._is_a_name(message):
            name = product_said.ENDING.sub("", message.typed)
        if not name:
            return {}
        known = product_said.corrected if guess != "none" else product_said.unlike_theirs
        found = await known(name, message, turn.contact_id)
        return {**found, **await self._also(message, slots, turn, dispatcher)}

    def _is_a_name(self, message: Said) -> bool:
        """Whether words without a known product may be the name of one."""
        if not 1 < len(message.typed) <= product_said.LONGEST_NAME or message.entity("symptom"):
            return False
        if message.yes or message.no or message.when:
            return False
        if message.intent == "request_service" and " " not in message.typed.strip():
            return True  # '공기청정기요', unmarked: a word with a fault in it is a symptom
        return not (message.sure and message.intent not in ("", "deny", "out_of_scope"))

    async def _same_sure(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.chosen("same_sure") == "yes" or message.yes:
            return {"same_sure": "yes"}
        if (
            message.chosen("same_sure") == "no"
            or message.no
            or re.search(r"새로|다른|new|another", message.typed)
        ):
            return {"same_sure": "no", "wish": None}
        return {}

    async def _symptom(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        text = message.typed
        if message.files and not text:
            say(dispatcher, "utter_ask_symptom_photo")
            return {}
        small_talk = message.sure and message.intent in ASIDE - _ASKS_STEP and not message.entity("symptom")
        asks = message.sure and message.intent in _ASKS_STEP
        if len(text) < 2 or message.yes or message.no or asks or small_talk:
            return {}
        told = stories.bare(stories.without_reach(message)) or text
        return {
            "symptom": told[:1000],
            **await self._also(message, {**slots, "symptom": told}, turn, dispatcher),
        }

    async def _also(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        """What was told along with the answer: a symptom, a time, an address, a number."""
        found = place_and_phone(message)
        symptom = None if slots.get("symptom") else stories.symptom_in(message)
        if symptom:
            found["symptom"] = symptom
        wish = stories.with_visit(message, turn)
        if wish.when and wish.when.get("has_date"):
            found.update(await visits.read(wish, slots, turn, dispatcher))
        return found

    async def _visit(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if not message.when and _LATER.search(message.typed):
            return {"visit": visits.LATER, "visit_sure": "yes", "visit_day": None}
        return await visits.read(message, slots, turn, dispatcher)

    async def _visit_sure(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.chosen("visit_sure") == "yes" or (message.yes and not message.when):
            return {"visit_sure": "yes"}
        if message.moment():
            return await visits.read(message, slots, turn, dispatcher) or {"visit": None}
        if message.chosen("visit_sure") == "no" or message.no:
            return {"visit": None, "visit_day": None}
        return await self._visit(message, slots, turn, dispatcher)

    async def _address(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        text = message.typed
        place = message.entity("address")
        if not text or (
            not place and (message.entity("symptom") or (message.sure and message.intent in ASIDE))
        ):
            return {}
        if not request_corrections.is_place(text, message):
            say(dispatcher, "utter_address_short")
            return {}
        # of a letter the line that is one; and no number that was told along with it
        alone = place and ("\n" in text or message.entity("phone"))
        return {"address": (place if place and alone else places.bare(text))[:300]}

    async def _phone(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        phone = contacts.normalise_phone(message.entity("phone") or message.typed)
        if phone:
            return {"phone": phone}
        if re.search(r"\d{3}", message.typed):
            say(dispatcher, "utter_phone_invalid")
        return {}

    async def _confirm(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        changing = slots.get("outcome") == "changing"
        line = message.chosen("change") or request_corrections.line_in(message.typed)
        if line in STEPS and (changing or message.corrects or message.pressed):
            return request_corrections.cleared(line)
        if message.chosen("confirm") == "yes" or (message.yes and not changing):
            return {"confirm": "yes"}
        if changing and message.no:
            return {"outcome": "asking"}
        if message.chosen("confirm") == "change" or message.no or message.corrects:
            return {"confirm": None, "outcome": "changing"}
        return {}
