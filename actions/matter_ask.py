"""The questions of the matter form."""

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions import visits
from actions.context import Turn, turn_of
from actions.matter_form import candidates
from actions.request_cards import choices
from actions.words import button, choose, label, say
from crm import requests


class AskMatter(Action):
    """One question of the matter form."""

    def __init__(self, slot: str) -> None:
        self.slot = slot

    def name(self) -> str:
        return f"action_ask_matter_form_{self.slot}"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        await getattr(self, f"_{self.slot}")(dispatcher, tracker.slots, turn, domain)
        return []

    async def _request_no(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        found = await candidates(str(slots["act"]), turn.contact_id)
        say(dispatcher, "utter_ask_request_no", buttons=choices(found, turn))

    async def _detail(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        say(dispatcher, f"utter_ask_detail_{slots['act']}")

    async def _score(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        scores = [
            button(label(domain, turn.language, f"label_score_{n}"), choose("score", str(n)))
            for n in range(1, 6)
        ]
        only = slots.get("wish") == "score"  # whether it is solved was answered already
        say(dispatcher, "utter_ask_score_only" if only else "utter_ask_score", buttons=scores)

    async def _visit(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        await visits.ask(dispatcher, slots, turn, domain)

    async def _sure(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        act = str(slots["act"])
        request = await requests.find(str(slots["request_no"]), contact_id=turn.contact_id)
        yes = "label_yes_cancel" if act == "cancel" else "label_yes_move"
        buttons = [
            button(label(domain, turn.language, yes), choose("sure", "yes")),
            button(label(domain, turn.language, "label_keep"), choose("sure", "no")),
        ]
        say(
            dispatcher,
            f"utter_ask_sure_{act}",
            buttons=buttons,
            number=str(slots["request_no"]),
            product=request.product_text if request else "",
            visit=visits.spoken(slots.get("visit"), turn, domain),
        )
