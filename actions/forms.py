"""What all forms share: stopping, answers, interruptions, and asking again."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecutionRejected, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import articles
from actions.context import Turn, turn_of
from actions.later import LATER
from actions.said import Said, said, since_said
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

# What begins another form, or an action of its own, and ends the one that is open.
OPENS = {
    "request_service": "request_form",
    "book_visit": "request_form",
    "amend_request": "matter_form",
    "cancel_request": "matter_form",
    "reopen_request": "matter_form",
    "rate_service": "matter_form",
    "reschedule_visit": "matter_form",
    "cancel_visit": "",
    "verify_contact": "verify_form",
}
# Slots that outlive a form.
_KEPT = frozenset({"language", "requested_slot", "session_started_metadata"})


class Form(Action):
    """Validates one form's slots. A subclass says what an answer is; this class keeps the conversation civil.

    The answer to every question may come early, late or together with others; what is understood is kept.
    """

    form: ClassVar[str]
    takes_files: ClassVar[frozenset[str]] = frozenset()  # slots to which photos belong

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

    def switches(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """Whether the customer begins something else (rules: interruptions.yml): by a button, mostly."""
        return message.pressed and message.intent in OPENS and OPENS[message.intent] != self.form

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        """The slot to ask for next, or None when the form is complete."""
        raise TypeError(f"{type(self).__name__} has no missing()")

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message, slots, turn = said(tracker), dict(tracker.slots), await turn_of(tracker)
        asked = slots.get("requested_slot")
        if not asked:
            return await self._open(message, slots, turn, dispatcher)
        if self.stops(asked, message, slots) or message.chosen("stop"):
            return [SlotSet("outcome", "stopped"), SlotSet("requested_slot", None)]
        if _was_answered_aside(tracker):
            return self._once_more(asked)
        if self._interrupts(message, asked):
            return [ActionExecutionRejected(self.form)]
        if self.switches(asked, message, slots):
            return [ActionExecutionRejected(self.form)]
        if message.files and not message.typed and asked not in self.takes_files:
            say(dispatcher, "utter_photo_kept")
            return self._once_more(asked)
        told = len(dispatcher.messages)
        tells = not (message.points or message.is_command) or message.entity("request_no")
        found = await self.answers(asked, message, slots, turn, dispatcher) if tells else {}
        if found:
            slots.update(found)
            return [*(SlotSet(k, v) for k, v in found.items()), SlotSet("tries", 0), self._next(slots)]
        if len(dispatcher.messages) == told:
            return await self._no_answer(dispatcher, message, slots, turn, asked)
        return self._again(dispatcher, slots, asked, silent=True)

    async def _open(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> list[EventType]:
        """Begin with nothing left of an earlier form, however that one ended."""
        clean = {name: None for name, value in slots.items() if value is not None and name not in _KEPT}
        clean.update(await self.answers(None, message, {}, turn, dispatcher))
        return [*(SlotSet(k, v) for k, v in clean.items()), SlotSet("tries", 0), self._next(clean)]

    async def _no_answer(
        self,
        dispatcher: CollectingDispatcher,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        asked: str,
    ) -> list[EventType]:
        """What is said about words that do not answer the question: a question of theirs, or none at all."""
        if message.sure and message.intent in ASIDE:
            return [ActionExecutionRejected(self.form)]
        if message.intent == "choose":
            say(dispatcher, "utter_outdated")
            return self._once_more(asked)
        if message.pressed and OPENS.get(message.intent) == self.form:
            return self._once_more(asked)
        asks = message.intent if message.sure else message.leaning
        answered = message.typed and asks in articles.KINDS
        if answered and (hits := await articles.find(turn, message.typed, asks)):
            articles.quote(dispatcher, hits)
            return self._once_more(asked)
        if message.sure and message.intent in LATER:
            say(dispatcher, LATER[message.intent][0])
            say(dispatcher, "utter_aside_later")
            return self._once_more(asked)
        return self._again(dispatcher, slots, asked, silent=False)

    def _once_more(self, asked: str) -> list[EventType]:
        return [SlotSet("tries", 0), SlotSet("requested_slot", asked)]

    def _interrupts(self, message: Said, asked: str) -> bool:
        return message.sure and message.intent in LEAVE and not message.chosen(asked)

    def _next(self, slots: Mapping[str, Any]) -> EventType:
        return SlotSet("requested_slot", self.missing(slots))

    def _again(
        self, dispatcher: CollectingDispatcher, slots: Mapping[str, Any], asked: str, *, silent: bool
    ) -> list[EventType]:
        """Ask the same once more; from the second miss offer a person. `silent`: it was understood and said
        why it will not do, which is no miss."""
        tries = int(slots.get("tries") or 0) + (not silent)
        if not silent:
            say(dispatcher, "utter_retry_human" if tries >= 2 else "utter_retry")
        return [SlotSet("tries", tries), SlotSet("requested_slot", asked)]


def _was_answered_aside(tracker: Tracker) -> bool:
    """Whether a rule has just answered this message, so that the form only asks its question again."""
    return any(e["event"] == "action" and e["name"] == "action_answer_aside" for e in since_said(tracker))


def reset(*names: str) -> list[EventType]:
    """Forget the slots of a form that is over."""
    return [SlotSet(name, None) for name in ("outcome", "tries", *names)]
