"""Answers quoted from the articles that staff keep; where there is none, that is said."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.articles import KINDS, answer
from actions.context import Turn, turn_of
from actions.forms import OPENS, Form, reset
from actions.said import Said, said
from actions.words import say

_SMALL_TALK = frozenset({"thank", "greet", "help", "chitchat"})


class Answer(Action):
    """Usage, error codes, repair prices, hours, location."""

    def name(self) -> str:
        return "action_answer"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message, turn = said(tracker), await turn_of(tracker)
        await answer(dispatcher, turn, message.text, message.intent, asked=message.on(turn.tz))
        return []


class QuestionForm(Form):
    """Validates `question_form`: opened by the menu, asks what they want to know."""

    form = "question_form"

    def switches(self, asked: str, message: Said, slots: Any) -> bool:
        """A wish instead of a question ends this form, typed or pressed."""
        return message.sure and message.intent in OPENS

    async def answers(
        self, asked: str | None, message: Said, slots: Any, turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if asked is None:
            return {"outcome": "asking", **({"question": message.typed} if message.typed else {})}
        if (
            message.yes
            or message.no
            or message.intent == "choose"
            or (message.sure and message.intent in _SMALL_TALK)
        ):
            return {}
        return {"question": message.typed} if message.typed else {}

    def missing(self, slots: Any) -> str | None:
        return None if slots.get("question") else "question"


class SubmitQuestion(Action):
    """Answers what was asked."""

    def name(self) -> str:
        return "action_submit_question"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        slots, turn = tracker.slots, await turn_of(tracker)
        if slots.get("outcome") == "stopped":
            say(dispatcher, "utter_stopped")
        elif slots.get("question"):
            intent = said(tracker).intent
            known = intent if intent in KINDS else "ask_usage"
            await answer(dispatcher, turn, str(slots["question"]), known)
        return [*reset("question"), SlotSet("tries", None)]
