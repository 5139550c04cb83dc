"""What all forms share: stopping, answers, interruptions, and asking again."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecutionRejected, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn, turn_of
from actions.said import Said, said
from actions.words import say

# Questions that a form lets pass, answers and then goes on from (rules: interruptions.yml).
ASIDE = frozenset(
    {
        "ask_hours",
        "ask_location",
        "ask_usage",
        "ask_repair_cost",
        "check_request",
        "check_visit",
        "help",
        "thank",
        "greet",
        "chitchat",
    }
)
# Wishes that end a form (rules: interruptions.yml).
LEAVE = frozenset(
    ["talk_to_human", "complain", "request_callback", "start_live_support", "opt_out", "privacy_request"]
)


class Form(Action):
    """Validates one form's slots. A subclass says what an answer is; this class keeps the conversation civil.

    The answer to every question may come early, late or together with others; what is understood is kept.
    """

    form: ClassVar[str]

    def name(self) -> str:
        return f"validate_{self.form}"

    async def answers(
        self,
        asked: str | None,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        dispatcher: CollectingDispatcher,
    ) -> dict[str, Any]:
        """Slots that `message` fills; `{}` when it is no answer. May say why an answer is refused."""
        raise TypeError(f"{type(self).__name__} has no answers()")

    def stops(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """Whether the words mean 'leave this'; not so where they are the answer itself."""
        return message.stops

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        """The slot to ask for next, or None when the form is complete."""
        raise TypeError(f"{type(self).__name__} has no missing()")

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message, slots, turn = said(tracker), dict(tracker.slots), await turn_of(tracker)
        asked = slots.get("requested_slot")
        if asked and (self.stops(asked, message, slots) or message.chosen("stop")):
            return [SlotSet("outcome", "stopped"), SlotSet("requested_slot", None)]
        if asked and _was_answered_aside(tracker):
            return [SlotSet("tries", 0), SlotSet("requested_slot", asked)]
        if asked and self._interrupts(message, asked):
            return [ActionExecutionRejected(self.form)]
        told = len(dispatcher.messages)
        found = await self.answers(asked, message, slots, turn, dispatcher)
        if not found and asked:
            if message.sure and message.intent in ASIDE:
                return [ActionExecutionRejected(self.form)]
            return self._again(dispatcher, slots, asked, silent=len(dispatcher.messages) > told)
        slots.update(found)
        return [*(SlotSet(k, v) for k, v in found.items()), SlotSet("tries", 0), self._next(slots)]

    def _interrupts(self, message: Said, asked: str) -> bool:
        return message.sure and message.intent in LEAVE and not message.chosen(asked)

    def _next(self, slots: Mapping[str, Any]) -> EventType:
        return SlotSet("requested_slot", self.missing(slots))

    def _again(
        self, dispatcher: CollectingDispatcher, slots: Mapping[str, Any], asked: str, *, silent: bool
    ) -> list[EventType]:
        """Ask the same once more; from the second miss offer a person."""
        tries = int(slots.get("tries") or 0) + 1
        if not silent:
            say(dispatcher, "utter_retry_human" if tries >= 2 else "utter_retry")
        return [SlotSet("tries", tries), SlotSet("requested_slot", asked)]


def _was_answered_aside(tracker: Tracker) -> bool:
    """Whether a rule has just answered this message, so that the form only asks its question again."""
    for event in reversed(tracker.events):
        if event["event"] == "user":
            return False
        if event["event"] == "action" and event["name"] == "action_answer_aside":
            return True
    return False


def reset(*names: str) -> list[EventType]:
    """Forget the slots of a form that is over."""
    return [SlotSet(name, None) for name in ("outcome", "tries", *names)]
