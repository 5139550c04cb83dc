"""To a person: handing over, complaints, and what colleagues take care of."""

import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions import articles
from actions.context import Turn, turn_of
from actions.languages import dates_in
from actions.later import LATER
from actions.said import said
from actions.words import button, label, say
from crm import conversations, requests
from crm.models import Conversation, ServiceRequest

# Pressed while nobody has come yet, this choice gives the conversation back to the bot (bots/turn.py).
BACK_TO_BOT = "/back_to_bot"
_BOT_AGAIN = re.compile(
    r"봇\s?(이랑|하고|과|와|으로|한테|에게)?\s?\S{0,4}\s?(할게|할래|하자|계속|물어|돌아|이야기|얘기)|"
    r"\b(go on|continue|back|talk|speak|chat)\b.{0,12}\bbot\b",
    re.I,
)


async def hand_over(
    dispatcher: CollectingDispatcher,
    domain: Mapping[str, Any],
    turn: Turn,
    *,
    reason: str,
    topic: str | None = None,
) -> None:
    """Give the conversation to a person and say honestly when one answers."""
    handover = await conversations.hand_over(
        turn.conversation_id, reason=reason, team_topic=topic, now=turn.at
    )
    back = [button(label(domain, turn.language, "label_back_to_bot"), BACK_TO_BOT)]
    if not handover.open_now and handover.opens_at:
        opens = dates_in(turn.language).opening(handover.opens_at, now=turn.at, tz=turn.tz)
        say(dispatcher, "utter_handover_closed", buttons=back, opens=opens)
    elif handover.assignee_name:
        say(dispatcher, "utter_handover_named", name=await _assignee(turn))
    elif handover.position > 1:
        say(dispatcher, "utter_handover_queue", buttons=back, count=handover.position - 1)
    else:
        say(dispatcher, "utter_handover", buttons=back)


async def _assignee(turn: Turn) -> str:
    """The name of who speaks now, as the customer reads it."""
    conversation = await Conversation.get(id=turn.conversation_id).select_related("assignee")
    staff = conversation.assignee
    if staff is None:
        return ""
    return staff.called(turn.language)


class HandOver(Action):
    """The customer wants a person."""

    def name(self) -> str:
        return "action_hand_over"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        await hand_over(dispatcher, domain, await turn_of(tracker), reason="asked")
        return []


class Later(Action):
    """What a colleague does: say so, and hand over. A question that an article answers is answered."""

    def name(self) -> str:
        return "action_later"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        message, turn = said(tracker), await turn_of(tracker)
        intent = message.intent
        asks = message.typed and intent in articles.KINDS
        if asks and (hits := await articles.find(turn, message.typed, intent)):
            articles.quote(dispatcher, hits)
            say(dispatcher, "utter_answer_or_person")
            return []
        response, topic = LATER.get(intent, ("utter_missed", "support"))
        if intent == "privacy_request":
            say(dispatcher, "utter_privacy")
        else:
            say(dispatcher, response)
        await hand_over(dispatcher, domain, turn, reason=intent or "later", topic=topic)
        return []


def wants_bot(text: str) -> bool:
    """Whether who waits for a person would rather go on with the bot ('봇이랑 할게요')."""
    return bool(_BOT_AGAIN.search(text))


class Complain(Action):
    """Raises the open request (or opens a complaint), and offers a person."""

    def name(self) -> str:
        return "action_complain"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, message = await turn_of(tracker), said(tracker)
        open_ones = await requests.of_contact(turn.contact_id, open_only=True, limit=1)
        if open_ones:
            raised = await requests.complain(turn.customer, open_ones[0].id, message.text, now=turn.at)
            say(dispatcher, "utter_complain_linked", number=raised.number)
        else:
            opened = await self._open(turn, message.text)
            say(dispatcher, "utter_complain", number=opened.number)
        say(dispatcher, "utter_complain_offer")
        return []

    async def _open(self, turn: Turn, text: str) -> ServiceRequest:
        return await requests.open(
            turn.customer,
            turn.contact_id,
            conversation_id=turn.conversation_id,
            symptom=text,
            category="complaint",
            priority="high",
            now=turn.at,
            tz=turn.tz,
        )
