"""To a person: handing over, complaints, callbacks, and what colleagues take care of."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn, turn_of
from actions.forms import Form, reset
from actions.request_form import shown
from actions.said import Said, said
from actions.words import button, choose, label, moment, say
from crm import callbacks, contacts, conversations, hours, requests
from crm.actor import BOT

# Intents that later capabilities bring: the honest sentence, and the team whose matter it is.
LATER: dict[str, tuple[str, str]] = {
    "request_quote": ("utter_later_quote", "sales"),
    "check_quote": ("utter_later_quote", "sales"),
    "accept_quote": ("utter_later_quote", "sales"),
    "decline_quote": ("utter_later_quote", "sales"),
    "place_order": ("utter_later_order", "sales"),
    "check_order": ("utter_later_order", "sales"),
    "amend_order": ("utter_later_order", "sales"),
    "cancel_order": ("utter_later_order", "sales"),
    "return_or_refund": ("utter_later_order", "sales"),
    "ask_product": ("utter_later_product", "sales"),
    "ask_price": ("utter_later_product", "sales"),
    "ask_payment": ("utter_later_payment", "billing"),
    "check_contract": ("utter_later_contract", "sales"),
    "renew_contract": ("utter_later_contract", "sales"),
    "terminate_contract": ("utter_later_contract", "sales"),
    "relocate_service": ("utter_later_relocate", "repair"),
    "start_live_support": ("utter_later_live", "repair"),
    "join_event": ("utter_later_event", "sales"),
    "update_contact": ("utter_later_contact", "support"),
    "privacy_request": ("utter_later_privacy", "support"),
}


# Pressed while nobody has come yet, this choice gives the conversation back to the bot (bots/turn.py).
BACK_TO_BOT = "/back_to_bot"


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
        opens = handover.opens_at
        said_opens = moment(opens, opens, turn.language, now=turn.at, tz=turn.tz)
        say(dispatcher, "utter_handover_closed", buttons=back, opens=said_opens)
    elif handover.assignee_name:
        say(dispatcher, "utter_handover_named", name=handover.assignee_name)
    elif handover.position > 1:
        say(dispatcher, "utter_handover_queue", buttons=back, count=handover.position - 1)
    else:
        say(dispatcher, "utter_handover", buttons=back)


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
    """What a colleague does: say so, and hand over."""

    def name(self) -> str:
        return "action_later"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        intent = said(tracker).intent
        response, topic = LATER.get(intent, ("utter_missed", "support"))
        if intent == "privacy_request":
            say(dispatcher, "utter_privacy")
        else:
            say(dispatcher, response)
        await hand_over(dispatcher, domain, await turn_of(tracker), reason=intent or "later", topic=topic)
        return []


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
            await self._open(turn, message.text)
            say(dispatcher, "utter_complain")
        say(dispatcher, "utter_complain_offer")
        return []

    async def _open(self, turn: Turn, text: str) -> None:
        await requests.open(
            turn.customer,
            turn.contact_id,
            conversation_id=turn.conversation_id,
            symptom=text,
            category="complaint",
            priority="high",
            now=turn.at,
            tz=turn.tz,
        )


_SOON = re.compile(
    r"지금|바로|빨리|최대한|asap|now|soon|right away|any ?time|아무 ?때|편하신|되는 ?대로", re.I
)


class CallbackForm(Form):
    """Validates `callback_form`: which number, when, and a yes."""

    form = "callback_form"

    async def answers(
        self,
        asked: str | None,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        dispatcher: CollectingDispatcher,
    ) -> dict[str, Any]:
        if asked is None:
            return await self._opening(message, turn, dispatcher)
        found: dict[str, Any] = await getattr(self, f"_{asked}")(message, slots, turn, dispatcher)
        return found

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        return next((n for n in ("phone", "callback_at", "sure") if not slots.get(n)), None)

    async def _opening(self, message: Said, turn: Turn, dispatcher: CollectingDispatcher) -> dict[str, Any]:
        known = await contacts.get(BOT, turn.contact_id)
        phone = contacts.normalise_phone(message.entity("phone") or "") or known.phone
        found: dict[str, Any] = {"outcome": "asking", "phone": phone or None, "detail": message.text}
        found.update(await self._callback_at(message, {}, turn, dispatcher))
        return found

    async def _phone(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        phone = contacts.normalise_phone(message.entity("phone") or message.text)
        if not phone and re.search(r"\d{3}", message.text):
            say(dispatcher, "utter_phone_invalid")
        return {"phone": phone} if phone else {}

    async def _callback_at(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.chosen("callback_at") == "soon" or _SOON.search(message.text):
            at = await callbacks.next_slot(turn.at)
        elif found := message.moment():
            at = await self._open_time(found[0], turn, dispatcher)
        else:
            return {}
        return {"callback_at": at.isoformat(), "sure": None}

    async def _open_time(self, at: datetime, turn: Turn, dispatcher: CollectingDispatcher) -> datetime:
        """`at`, or the next opening when we are closed then; the question that follows names the time."""
        calendar = await hours.load(None)
        return max(calendar.next_open(max(at, turn.at)) or at, turn.at)

    async def _sure(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if message.chosen("sure") == "yes" or message.yes:
            return {"sure": "yes"}
        if found := contacts.normalise_phone(message.entity("phone") or ""):
            return {"phone": found}
        if message.moment():
            return await self._callback_at(message, slots, turn, dispatcher)
        if message.chosen("sure") == "no" or message.no:
            return {"callback_at": None}
        return {}


class AskCallback(Action):
    """One question of the callback form."""

    def __init__(self, slot: str) -> None:
        self.slot = slot

    def name(self) -> str:
        return f"action_ask_callback_form_{self.slot}"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        if self.slot == "phone":
            say(dispatcher, "utter_ask_callback_phone")
        elif self.slot == "callback_at":
            soon = button(label(domain, turn.language, "label_callback_soon"), choose("callback_at", "soon"))
            say(dispatcher, "utter_ask_callback_time", buttons=[soon])
        else:
            self._sure(dispatcher, tracker.slots, turn, domain)
        return []

    def _sure(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        buttons = [
            button(label(domain, turn.language, "label_yes_call"), choose("sure", "yes")),
            button(label(domain, turn.language, "label_other_time"), choose("sure", "no")),
        ]
        time = _spoken(slots, turn)
        say(dispatcher, "utter_ask_callback_sure", buttons=buttons, phone=shown(slots["phone"]), time=time)


def _spoken(slots: Mapping[str, Any], turn: Turn) -> str:
    at = datetime.fromisoformat(str(slots["callback_at"]))
    return moment(at, at + timedelta(minutes=1), turn.language, now=turn.at, tz=turn.tz)


class SubmitCallback(Action):
    """Puts the call into the queue."""

    def name(self) -> str:
        return "action_submit_callback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        slots, turn = tracker.slots, await turn_of(tracker)
        if slots.get("outcome") == "stopped" or slots.get("sure") != "yes":
            say(dispatcher, "utter_stopped")
        else:
            await callbacks.request(
                turn.customer,
                turn.contact_id,
                conversation_id=turn.conversation_id,
                phone=str(slots["phone"]),
                topic=str(slots.get("detail") or ""),
                preferred_at=datetime.fromisoformat(str(slots["callback_at"])),
                now=turn.at,
            )
            phone = shown(slots["phone"])
            say(dispatcher, "utter_callback_booked", phone=phone, time=_spoken(slots, turn))
        return reset("phone", "callback_at", "sure", "detail")
