"""Custom actions of the assistant the engine is tested with."""

from contextvars import ContextVar
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import ActionExecutionRejected, ConversationPaused, FollowupAction, SlotSet
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher
from rasa_sdk.interfaces import ActionExecutionRejection

transaction: ContextVar[list[str]] = ContextVar("transaction")
EventList = list[dict[str, Any]]


class Boom(RuntimeError):
    """The failure an action is asked to have."""


class Open(Action):
    def name(self) -> str:
        return "action_open"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        transaction.get([]).append(tracker.get_slot("product"))
        if not tracker.get_slot("agreed"):
            dispatcher.utter_message(response="utter_cancelled")
            return [SlotSet(name, None) for name in ("product", "symptom", "agreed")]
        dispatcher.utter_message(
            text=f"SR-1: {tracker.get_slot('product')}",
            buttons=[{"title": "확인", "payload": "/greet"}],
            image="https://example.invalid/a.png",
        )
        dispatcher.utter_message(json_message={"card": {"number": "SR-1"}})
        return [
            SlotSet("number", "SR-1"),
            *(SlotSet(name, None) for name in ("product", "symptom", "agreed")),
        ]


class Clear(Action):
    def name(self) -> str:
        return "action_clear"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        return [SlotSet(name, None) for name in ("product", "symptom", "agreed")]


class Rated(Action):
    def name(self) -> str:
        return "action_rated"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        dispatcher.utter_message(text=f"{tracker.get_slot('stars')} ({tracker.get_slot('reason')})")
        return [SlotSet("stars", None), SlotSet("reason", None)]


class Clarify(Action):
    def name(self) -> str:
        return "action_clarify"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        heard = tracker.latest_message["metadata"]["nlu"]
        dispatcher.utter_message(text=f"{heard['band']}: {[guess['name'] for guess in heard['ranking']]}")
        return []


class Misbehave(Action):
    def name(self) -> str:
        return "action_boom"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        raise Boom("first")


class Spin(Action):
    def name(self) -> str:
        return "action_spin"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        return [FollowupAction("action_spin")]


class Defer(Action):
    def name(self) -> str:
        return "action_defer"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        return [ConversationPaused()]


class Refuse(Action):
    def name(self) -> str:
        return "action_refuse"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        raise ActionExecutionRejection(self.name())


class ValidateServiceForm(FormValidationAction):
    def name(self) -> str:
        return "validate_service_form"

    def validate_product(self, value: Any, dispatcher: Any, tracker: Tracker, domain: Any) -> dict[str, Any]:
        value = value[-1] if isinstance(value, list) else value
        if value == "washer":
            return {"product": "세탁기"}
        return {"product": value}

    def validate_symptom(self, value: Any, dispatcher: Any, tracker: Tracker, domain: Any) -> dict[str, Any]:
        if value == "폭발":
            raise Boom("in a form")
        if len(value) < 2:
            dispatcher.utter_message(text="조금 더 적어 주세요.")
            return {"symptom": None}
        return {"symptom": value}


class ValidateRatingForm(Action):
    """A validator that reads the message itself, refuses by an event and names the next question."""

    def name(self) -> str:
        return "validate_rating_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> EventList:
        said = tracker.latest_message
        intent = said["intent"]["name"]
        if tracker.get_slot("requested_slot") != "stars":
            return [SlotSet("requested_slot", "stars")]
        if intent == "cancel":
            return [SlotSet("requested_slot", None)]
        if intent == "ask_hours":
            return [ActionExecutionRejected("rating_form")]
        if "점" not in said["text"]:
            dispatcher.utter_message(text="몇 점인가요?")
            return [SlotSet("requested_slot", "stars")]
        return [SlotSet("stars", said["text"]), SlotSet("requested_slot", None)]


def executor() -> ActionExecutor:
    """An executor with just these actions."""
    made = ActionExecutor()
    for action in (
        Open,
        Clear,
        Rated,
        Clarify,
        Misbehave,
        Spin,
        Defer,
        Refuse,
        ValidateServiceForm,
        ValidateRatingForm,
    ):
        made.register_action(action())
    return made
