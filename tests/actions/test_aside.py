"""What an intent is answered in the middle of a form: its own words where the domain has some."""

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.talk import AnswerAside


async def answered(intent: str, *responses: str) -> list[str]:
    """The responses that a customer hears who means `intent`, with these in the domain."""
    message = {
        "text": "폐가전도 수거하시나요?",
        "intent": {"name": intent},
        "metadata": {"conversation_id": 1, "contact_id": 1, "at": "2026-11-23T03:00:00+00:00"},
    }
    tracker = Tracker("1", {}, message, [], False, None, {}, "action_listen")
    dispatcher = CollectingDispatcher()
    await AnswerAside().run(dispatcher, tracker, {"responses": {name: [] for name in responses}})
    return [said["response"] for said in dispatcher.messages]


@pytest.mark.parametrize(
    ("intent", "heard"),
    [
        ("ask_recycling", "utter_aside_ask_recycling"),
        ("ask_parking", "utter_aside_chitchat"),
        ("thank", "utter_thank"),
    ],
)
async def test_a_new_intent_is_answered_aside_in_its_own_words(intent: str, heard: str) -> None:
    own = ("utter_aside_ask_recycling", "utter_aside_chitchat", "utter_thank")
    assert await answered(intent, *own) == [heard]
