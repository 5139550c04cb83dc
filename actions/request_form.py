"""Opening a service request: what each step accepts, in whatever order the customer tells it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from actions import visits
from actions.context import Turn
from actions.forms import ASIDE, Form
from actions.said import Said
from actions.words import say
from crm import contacts, products
from crm.actor import BOT

STEPS = ("product", "symptom", "visit", "address", "phone")
SLOTS = (*STEPS, "product_ref", "product_guess", "visit_day", "visit_sure", "confirm")
_PLACE = re.compile(
    r"[시도군구읍면동로길]\s|[로길]\s*\d|\d+\s*(동|호|번지|층)|\d+.*(street|st\b|road|rd\b|ave|ro\b|gil\b|dong)",
    re.I,
)
_ENDING = re.compile(r"(이에요|예요|이요|요|입니다|인데요|이고요|고요|이야|야)?[\s.!~ㅎㅋㅠㅜ]*$")
_LONGEST_NAME = 40


class RequestForm(Form):
    """Validates `request_form`."""

    form = "request_form"

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
        if message.files and not message.text.strip() and asked != "symptom":
            say(dispatcher, "utter_photo_kept")
            return {"outcome": "asking"}  # the photo goes with the request; the question stands
        changing = message.corrects or asked == "confirm" or _only_a_product(message)
        if changing and (changed := await self._correction(asked, message, slots, turn, dispatcher)):
            return changed
        answer = getattr(self, f"_{asked}")
        found: dict[str, Any] = await answer(message, slots, turn, dispatcher)
        return found

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        order = ("product", "symptom", "visit", "visit_sure", "address", "phone", "confirm")
        return next((name for name in order if not slots.get(name)), None)

    async def _opening(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        """What the first sentence already tells, and what we know of the contact."""
        found: dict[str, Any] = {"outcome": "asking"}
        known = await contacts.get(BOT, turn.contact_id)
        found.update({k: v for k, v in (("address", known.address), ("phone", known.phone)) if v})
        if name := message.entity("product"):
            found.update(await self._named(name, message, turn))
        elif message.intent != "choose" and not message.text.startswith("/"):
            found.update(await self._only_possession(turn))
        if symptom := message.entity("symptom"):
            found["symptom"] = symptom
            if not found.get("product_guess"):
                say(dispatcher, "utter_sorry_symptom")
        found.update(await visits.read(message, slots, turn, dispatcher))
        found.update(self._reachable(message))
        return found

    async def _only_possession(self, turn: Turn) -> dict[str, Any]:
        owned = await products.possessions_of(turn.contact_id)
        return {"product_guess": str(owned[0]["id"])} if len(owned) == 1 else {}

    async def _named(self, name: str, message: Said, turn: Turn) -> dict[str, Any]:
        """A product by the customer's word: theirs is asked about, else the catalogue, else the word."""
        owned = [p for p in await products.possessions_of(turn.contact_id) if _fits(name, p)]
        if len(owned) == 1:
            return {"product_guess": str(owned[0]["id"])}
        if owned:
            return {"product_guess": ",".join(str(p["id"]) for p in owned)}
        known = message.resolved("product")
        if known and known.get("id"):
            return _product(known["name"], product_id=int(known["id"]))
        return _product(name)

    def _reachable(self, message: Said) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if phone := contacts.normalise_phone(message.entity("phone") or ""):
            found["phone"] = phone
        place = message.entity("address")
        if place and _PLACE.search(place + " "):
            found["address"] = place
        return found

    async def _correction(
        self,
        asked: str,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        dispatcher: CollectingDispatcher,
    ) -> dict[str, Any]:
        """'아니 냉장고요': whatever the sentence names is replaced, and said back."""
        found: dict[str, Any] = {}
        name = message.entity("product")
        if name and slots.get("product") and asked != "product":
            found = (
                _product(name) if not message.resolved("product") else await self._named(name, message, turn)
            )
            say(dispatcher, "utter_changed", value=found.get("product") or name)
        elif message.when and slots.get("visit") and asked not in ("visit", "visit_sure"):
            found = await visits.read(message, slots, turn, dispatcher)
        elif (reach := self._reachable(message)) and asked not in reach:
            found = reach
            say(dispatcher, "utter_changed", value=shown(next(iter(reach.values()))))
        return found

    async def _product(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        guess = slots.get("product_guess")
        picked = message.chosen("product")
        if picked == "other" or (guess and message.no and not message.entity("product")):
            return {"product_guess": "none"}
        if picked and picked.startswith("name:"):
            return _product(picked.removeprefix("name:"))
        if picked or (guess and guess.isdigit() and message.yes):
            return await _owned(int(picked or str(guess)), turn)
        if name := message.entity("product"):
            return await self._named(name, message, turn)
        if message.intent == "choose" or (
            message.sure and message.intent not in ("", "request_service", "deny")
        ):
            return {}
        name = _ENDING.sub("", message.text.strip())
        return _product(name) if 1 < len(name) <= _LONGEST_NAME else {}

    async def _symptom(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.files and not message.text.strip():
            say(dispatcher, "utter_ask_symptom_photo")
            return {}
        text = message.text.strip()
        if message.intent == "choose" or len(text) < 2 or (message.sure and message.intent in QUESTIONS):
            return {}
        return {"symptom": text[:1000], **await self._extra(message, slots, turn, dispatcher)}

    async def _extra(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        """A time or a phone number told along with the symptom."""
        found = self._reachable(message)
        if message.when and message.when.get("has_date"):
            found.update(await visits.read(message, slots, turn, dispatcher))
        return found

    async def _visit(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if re.search(r"나중|아무 ?때|상관없|later|any ?time|whenever|don'?t mind", message.text, re.I):
            return {"visit": visits.LATER, "visit_sure": "yes", "visit_day": None}
        return await visits.read(message, slots, turn, dispatcher)

    async def _visit_sure(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.chosen("visit_sure") == "yes" or message.yes:
            return {"visit_sure": "yes"}
        if message.moment() or message.chosen("visit_day"):
            return await visits.read(message, slots, turn, dispatcher) or {"visit": None}
        if message.chosen("visit_sure") == "no" or message.no:
            return {"visit": None, "visit_day": None}
        return {}

    async def _address(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        text = message.text.strip()
        if message.intent == "choose" or (message.sure and message.intent in QUESTIONS):
            return {}
        if not (_PLACE.search(text + " ") or (message.entity("address") and len(text) >= 8)):
            say(dispatcher, "utter_address_short")
            return {}
        return {"address": text[:300]}

    async def _phone(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        phone = contacts.normalise_phone(message.entity("phone") or message.text)
        if phone:
            return {"phone": phone}
        if re.search(r"\d{3}", message.text):
            say(dispatcher, "utter_phone_invalid")
        return {}

    async def _confirm(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        change = message.chosen("change")
        if change in STEPS:
            cleared: dict[str, Any] = {change: None}
            if change == "visit":
                cleared.update(visit_sure=None, visit_day=None)
            if change == "product":
                cleared.update(product_ref=None, product_guess="none")
            return {**cleared, "confirm": None, "outcome": "asking"}
        if message.chosen("confirm") == "yes" or message.yes:
            return {"confirm": "yes"}
        if message.chosen("confirm") == "change" or message.no:
            return {"confirm": None, "outcome": "changing"}
        return {}


QUESTIONS = ASIDE - {"thank", "greet", "chitchat"}  # in a step of free words, only a sure question is one


def _only_a_product(message: Said) -> bool:
    """Whether nothing but a product was said: at another question it replaces the product."""
    name = message.entity("product")
    return name is not None and name == _ENDING.sub("", message.text.strip())


def shown(value: Any) -> str:
    """A slot's value as the customer would write it."""
    text = str(value)
    return contacts.show_phone(text) if text.startswith("+") else text


def _product(name: str, *, product_id: int | None = None, possession_id: int | None = None) -> dict[str, Any]:
    reference = json.dumps({"product_id": product_id, "possession_id": possession_id})
    return {"product": name, "product_ref": reference, "product_guess": None}


async def _owned(possession_id: int, turn: Turn) -> dict[str, Any]:
    owned = next(
        (p for p in await products.possessions_of(turn.contact_id) if p["id"] == possession_id), None
    )
    if owned is None:
        return {}
    return _product(owned["name"], product_id=owned["product_id"], possession_id=owned["id"])


def _fits(word: str, owned: Mapping[str, Any]) -> bool:
    """Whether a customer's word may mean a product they own ('세탁기' for 드럼세탁기 21kg)."""
    bare = re.sub(r"\s", "", word.lower())
    names = [owned["name"], owned["name_en"], owned["category"], owned["category_en"]]
    plain = [re.sub(r"\s", "", str(n).lower()) for n in names if n]
    return any(bare in name or name in bare for name in plain)
