"""The questions of the request form."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions import visits
from actions.context import Turn, turn_of
from actions.languages import dates_in
from actions.request_corrections import STEPS
from actions.words import button, choose, label, say, shown
from crm import cards, files, products, requests
from crm.naming import in_language


class _Ask(Action):
    """One question; `slot` names it."""

    slot = ""

    def name(self) -> str:
        return f"action_ask_request_form_{self.slot}"

    def card(
        self,
        domain: Mapping[str, Any],
        language: str,
        title: str,
        chips: list[list[dict[str, Any]]] | None = None,
    ) -> dict[str, Any]:
        return cards.form(
            step=STEPS.index(self.slot) + 1,
            of=len(STEPS),
            name=label(domain, language, f"label_step_{self.slot}"),
            title=label(domain, language, title),
            hint=label(domain, language, f"label_hint_{self.slot}"),
            chips=chips or [],
        )


class AskProduct(_Ask):
    """Their own product first: one is asked about, several are offered, else the name is asked for."""

    slot = "product"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, guess = await turn_of(tracker), str(tracker.slots.get("product_guess") or "")
        owned = await products.possessions_of(turn.contact_id)
        guessed = [p for p in owned if str(p["id"]) in guess.split(",")]
        if len(guessed) == 1:
            self._guess(dispatcher, domain, turn, guessed[0])
            return []
        offered = guessed or ([] if guess == "none" else owned)
        buttons = [button(_name(p, turn), choose("product", str(p["id"]))) for p in offered[:6]]
        if buttons:
            buttons.append(
                button(label(domain, turn.language, "label_other_product"), choose("product", "other"))
            )
            say(dispatcher, "utter_ask_product_owned", buttons=buttons)
        else:
            say(
                dispatcher, "utter_ask_product", cards=[self.card(domain, turn.language, "utter_ask_product")]
            )
        return []

    def _guess(
        self, dispatcher: CollectingDispatcher, domain: Mapping[str, Any], turn: Turn, one: Mapping[str, Any]
    ) -> None:
        yes = button(label(domain, turn.language, "label_yes"), choose("product", str(one["id"])))
        other = button(label(domain, turn.language, "label_other_product"), choose("product", "other"))
        since = _month(one["since"], turn)
        say(
            dispatcher,
            f"utter_ask_product_guess_{one['kind']}",
            buttons=[yes, other],
            product=_name(one, turn),
            since=since,
        )


def _name(one: Mapping[str, Any], turn: Turn) -> str:
    return in_language(one["name"], one["name_en"], turn.language)


def _month(on: date, turn: Turn) -> str:
    return dates_in(turn.language).month(on, today=turn.at.astimezone(turn.tz).date())


class AskSameSure(_Ask):
    """Whether an open request about the same product is what they speak of."""

    slot = "same_sure"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, slots = await turn_of(tracker), tracker.slots
        request = await requests.find(str(slots["same"]), contact_id=turn.contact_id)
        visits_it = slots.get("wish") == "visit"
        buttons = [
            button(label(domain, turn.language, "label_same_yes"), choose("same_sure", "yes")),
            button(label(domain, turn.language, "label_same_no"), choose("same_sure", "no")),
        ]
        say(
            dispatcher,
            "utter_ask_same_visit" if visits_it else "utter_ask_same",
            buttons=buttons,
            number=str(slots["same"]),
            product=(request.product_text if request else "") or str(slots.get("product") or ""),
        )
        return []


class AskSymptom(_Ask):
    """What is wrong; photos are welcome."""

    slot = "symptom"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        say(dispatcher, "utter_ask_symptom", cards=[self.card(domain, turn.language, "utter_ask_symptom")])
        return []


class AskVisit(_Ask):
    """Days and hours as chips; any phrase may be typed instead."""

    slot = "visit"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        card = self.card(
            domain, turn.language, "utter_ask_visit", await visits.chips(turn, tracker.slots, domain)
        )
        later = button(label(domain, turn.language, "label_later"), choose("visit", visits.LATER))
        buttons = [later]
        if chosen := tracker.slots.get("visit_day"):
            buttons.insert(
                0, button(label(domain, turn.language, "label_other_day"), choose("visit_day", "other"))
            )
            said_day = visits.spoken_day(str(chosen), turn)
            say(dispatcher, "utter_ask_visit_time", buttons=buttons, cards=[card], day=said_day)
        else:
            say(dispatcher, "utter_ask_visit", buttons=buttons, cards=[card])
        return []


class AskVisitSure(_Ask):
    """Reads a typed time back in full before it is used."""

    slot = "visit_sure"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        say(
            dispatcher,
            "utter_ask_visit_sure",
            buttons=[
                button(label(domain, turn.language, "label_yes"), choose("visit_sure", "yes")),
                button(label(domain, turn.language, "label_other_day"), choose("visit_sure", "no")),
            ],
            visit=visits.spoken(tracker.slots.get("visit"), turn, domain),
        )
        return []


class AskAddress(_Ask):
    """Where to come."""

    slot = "address"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        say(dispatcher, "utter_ask_address", cards=[self.card(domain, turn.language, "utter_ask_address")])
        return []


class AskPhone(_Ask):
    """How to reach them."""

    slot = "phone"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        card = self.card(domain, turn.language, "utter_ask_phone")
        say(dispatcher, "utter_ask_phone", cards=[card], asks="phone")
        return []


class AskConfirm(_Ask):
    """The summary; or, when they want a change, which of its lines."""

    slot = "confirm"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        if tracker.slots.get("outcome") == "changing":
            self._which(dispatcher, domain, turn)
            return []
        facts = await self._facts(tracker.slots, turn, domain)
        title = label(domain, turn.language, "utter_ask_confirm")
        buttons = [
            button(label(domain, turn.language, "label_send"), choose("confirm", "yes")),
            button(label(domain, turn.language, "label_change"), choose("confirm", "change")),
            button(label(domain, turn.language, "label_stop"), choose("stop", "1")),
        ]
        say(dispatcher, "utter_ask_confirm", buttons=buttons, cards=[cards.summary(title=title, facts=facts)])
        return []

    def _which(self, dispatcher: CollectingDispatcher, domain: Mapping[str, Any], turn: Turn) -> None:
        buttons = [
            button(label(domain, turn.language, f"label_step_{step}"), choose("change", step))
            for step in STEPS
        ]
        buttons.append(button(label(domain, turn.language, "label_stop"), choose("stop", "1")))
        say(dispatcher, "utter_ask_change", buttons=buttons)

    async def _facts(
        self, slots: Mapping[str, Any], turn: Turn, domain: Mapping[str, Any]
    ) -> list[dict[str, str]]:
        values = {step: shown(slots.get(step)) for step in STEPS}
        values["visit"] = visits.spoken(slots.get("visit"), turn, domain)
        photos = len(await files.unlinked(turn.conversation_id, turn.at))
        if photos:
            values["symptom"] = label(
                domain, turn.language, "label_photos", value=values["symptom"], count=photos
            )
        return [{"label": label(domain, turn.language, f"label_step_{s}"), "value": values[s]} for s in STEPS]
