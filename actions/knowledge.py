"""Answers quoted from the articles that staff keep; where there is none, that is said."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn, turn_of
from actions.forms import Form, reset
from actions.said import Said, said
from actions.words import say
from crm import cards, knowledge

_KINDS: dict[str, list[str]] = {
    "ask_usage": ["usage", "error_code"],
    "ask_repair_cost": ["repair_price"],
    "ask_hours": ["hours"],
    "ask_location": ["location"],
}
# Where the kind alone tells the article: opening hours need no further words.
_WHOLE = frozenset({"ask_hours", "ask_location", "ask_repair_cost"})


async def answer(
    dispatcher: CollectingDispatcher, turn: Turn, text: str, intent: str, *, aside: bool = False
) -> bool:
    """Quote the best article on `text`; return whether there was one."""
    kinds = _KINDS.get(intent)
    hits = await knowledge.search(text, locale=turn.language, kinds=kinds, limit=2)
    if not hits and intent in _WHOLE:
        hits = await knowledge.of_kind((kinds or ["hours"])[0], locale=turn.language)
    if not hits:
        say(dispatcher, "utter_no_answer")
        return False
    shown = [cards.article(title=h.article.title, quote=h.quote, url=h.url) for h in hits]
    dispatcher.utter_message(text=hits[0].quote, json_message={"cards": shown})
    if intent == "ask_usage" and not aside:
        say(dispatcher, "utter_answer_more")
    return True


class Answer(Action):
    """Usage, error codes, repair prices, hours, location."""

    def name(self) -> str:
        return "action_answer"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message = said(tracker)
        await answer(dispatcher, await turn_of(tracker), message.text, message.intent)
        return []


class QuestionForm(Form):
    """Validates `question_form`: opened by the menu, asks what they want to know."""

    form = "question_form"

    async def answers(
        self, asked: str | None, message: Said, slots: Any, turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        typed = bool(message.text.strip()) and not message.text.startswith("/")
        if asked is None:
            return {"outcome": "asking", **({"question": message.text} if typed else {})}
        if message.sure and message.intent in ("request_service", "check_request", "choose"):
            return {"outcome": "left", "question": message.text or "-"}
        return {"question": message.text} if typed else {}

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
            known = intent if intent in _KINDS else "ask_usage"
            await answer(dispatcher, turn, str(slots["question"]), known)
        return [*reset("question"), SlotSet("tries", None)]
