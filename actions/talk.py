"""Greeting, consent to advertising, and what to do when the bot is not sure or does not understand."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.articles import answer, quoted_unasked
from actions.context import Turn, turn_of
from actions.languages import dates_in
from actions.matter_show import CancelVisit, ShowRequests, ShowVisit
from actions.people import hand_over
from actions.said import said
from actions.words import button, choose, label, say
from crm import advertising, company, consent, contacts, dialogue, files, gate
from crm.actor import BOT
from crm.models import Conversation

# The second turn in a row that was not understood goes to a person (DESIGN.md: three bands).
MISSES_TO_A_PERSON = 2
_WORDS = re.compile(r"[가-힣]{2}|[a-z]*[aeiou][a-z]*", re.I)


class Greet(Action):
    """Says hello, by name where the contact is known for sure, and what the bot can do."""

    def name(self) -> str:
        return "action_greet"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        known = await contacts.get(BOT, turn.contact_id)
        name = await company.name(turn.language)
        if known.verified and known.name:
            say(dispatcher, "utter_greet_known", company=name, name=known.name)
        else:
            say(dispatcher, "utter_greet", company=name)
        return []


class Talk(Action):
    """Small talk, with the company's own name in it."""

    def __init__(self, what: str) -> None:
        self.what = what

    def name(self) -> str:
        return f"action_{self.what}"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, message = await turn_of(tracker), said(tracker)
        if self.what == "out_of_scope" and not _WORDS.search(message.text):
            await missed(dispatcher, domain, turn)  # keys pressed at random ask for nothing
        elif self.what != "out_of_scope" or not await quoted_unasked(dispatcher, turn, message.typed):
            say(dispatcher, f"utter_{self.what}", company=await company.name(turn.language))
        return []


class Advertising(Action):
    """Records a decision about advertising at once and says so with sender and date (정보통신망법 제50조
    제7항: within 14 days)."""

    def name(self) -> str:
        return "action_advertising"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, message = await turn_of(tracker), said(tracker)
        today = turn.at.astimezone(turn.tz).date()
        shown, sender = dates_in(turn.language).day(today, today=today), await company.name(turn.language)
        answer = message.chosen("opt_in")
        if message.intent == "opt_in":
            say(dispatcher, "utter_confirm_opt_in")
        elif answer == "yes":
            await self._agree(turn)
            say(dispatcher, "utter_opted_in", date=shown, company=sender)
        elif message.intent == "opt_out":
            await self._refuse(turn, str(tracker.latest_message.get("text") or ""))
            say(dispatcher, "utter_opted_out", date=shown, company=sender)
        else:
            say(dispatcher, "utter_deny")
        return []

    async def _agree(self, turn: Turn) -> None:
        conversation = await Conversation.get(id=turn.conversation_id)
        await consent.record(
            turn.contact_id,
            "ad",
            channel=conversation.channel,
            granted=True,
            source=f"message:{turn.inbox_id}",
            identity_id=conversation.identity_id,
            told=True,
            now=turn.at,
        )

    async def _refuse(self, turn: Turn, text: str) -> None:
        conversation = await Conversation.get(id=turn.conversation_id)
        await gate.refuse(
            turn.contact_id,
            channel="" if advertising.refuses_all(text) else conversation.channel,
            source=f"message:{turn.inbox_id}",
            identity_id=conversation.identity_id,
            told=True,
            now=turn.at,
        )


class Clarify(Action):
    """The middle band offers the two likeliest; the lowest asks once, then a person comes."""

    def name(self) -> str:
        return "action_clarify"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message = said(tracker)
        if message.files:  # words below a photo are about the photo
            say(dispatcher, "utter_files_received", count=message.files)
            return []
        turn = await turn_of(tracker)
        understood = (tracker.latest_message.get("metadata") or {}).get("nlu") or {}
        likely = [
            r["name"]
            for r in understood.get("ranking", [])
            if f"label_intent_{r['name']}" in domain["responses"]
        ]
        ranking = understood.get("ranking") or [{"name": ""}]
        outside = ranking[0]["name"] == "out_of_scope" and bool(_WORDS.search(message.text))
        asks = understood.get("band") == "ask" and bool(likely) and not outside
        # an article that explains most of the words comes first; whether how-to is meant is then not asked
        settles = not asks or "ask_usage" in likely[:2]
        if await quoted_unasked(dispatcher, turn, message.typed, settles=settles) and settles:
            return []
        if asks:
            ask_which(dispatcher, domain, turn, likely)
        else:
            await missed(dispatcher, domain, turn, again="utter_out_of_scope" if outside else "utter_again")
        return []


def ask_which(
    dispatcher: CollectingDispatcher, domain: Mapping[str, Any], turn: Turn, likely: Sequence[str]
) -> None:
    """Offer the two likeliest intents as buttons, and none of them."""
    names = [label(domain, turn.language, f"label_intent_{name}") for name in likely[:2]]
    buttons = [button(name, f"/{intent}") for name, intent in zip(names, likely, strict=False)]
    buttons.append(button(label(domain, turn.language, "label_none"), choose("which", "none")))
    asked = "utter_which" if len(likely) > 1 else "utter_which_one"
    say(dispatcher, asked, buttons=buttons, what=names[0])


async def missed(
    dispatcher: CollectingDispatcher, domain: Mapping[str, Any], turn: Turn, *, again: str = "utter_again"
) -> None:
    """Count a turn that was not understood: ask once more, then hand over."""
    misses = await dialogue.count_miss(turn.conversation_id)
    if misses >= MISSES_TO_A_PERSON:
        say(dispatcher, "utter_missed")
        await hand_over(dispatcher, domain, turn, reason="not_understood")
    else:
        say(dispatcher, again)


class Chosen(Action):
    """A choice that no form asked for: 'none of these', a consent, a visit to cancel."""

    def name(self) -> str:
        return "action_chosen"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message = said(tracker)
        slot = message.entity("slot")
        if slot == "opt_in":
            return await Advertising().run(dispatcher, tracker, domain)
        if slot == "cancel_visit":
            return await CancelVisit().run(dispatcher, tracker, domain)
        if slot == "which":
            await missed(dispatcher, domain, await turn_of(tracker))
        else:
            say(dispatcher, "utter_outdated")
        return []


class SentFiles(Action):
    """Photos, other files or a place on the map, without a word."""

    def name(self) -> str:
        return "action_sent_files"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        count = said(tracker).files
        if not count:
            say(dispatcher, "utter_place_received")
        elif await files.are_pictures((await turn_of(tracker)).conversation_id, count):
            say(dispatcher, "utter_files_received", count=count)
        else:
            say(dispatcher, "utter_documents_received", count=count)
        return []


class AnswerAside(Action):
    """A question in the middle of a form: answered shortly; the form goes on by itself."""

    def name(self) -> str:
        return "action_answer_aside"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message, turn = said(tracker), await turn_of(tracker)
        if message.intent == "ask_usage" and message.pressed:
            say(dispatcher, "utter_ask_question")
        elif message.intent in ("ask_hours", "ask_location", "ask_usage", "ask_repair_cost"):
            on = message.on(turn.tz)
            await answer(dispatcher, turn, message.text, message.intent, asked=on, aside=True)
        elif message.intent == "check_request":
            await ShowRequests().run(dispatcher, tracker, domain)
        elif message.intent == "check_visit":
            await ShowVisit().run(dispatcher, tracker, domain)
        else:
            own = "utter_thank" if message.intent == "thank" else f"utter_aside_{message.intent}"
            say(dispatcher, own if own in domain["responses"] else "utter_aside_chitchat")
        return []
