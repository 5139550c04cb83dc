"""Asking to be phoned: which number, when, and the queue."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn, turn_of
from actions.forms import Form, reset
from actions.languages import dates_in
from actions.said import Said
from actions.words import button, choose, label, say, shown
from crm import callbacks, contacts, hours
from crm.actor import BOT
from crm.models import Callback

_SOON = re.compile(
    r"지금|바로|빨리|최대한|asap|now|soon|right away|any ?time|아무 ?때|편하신|되는 ?대로", re.I
)


_NO_CALL = re.compile(
    r"(전화|콜백|연락)[은는도]? ?(안|하지) ?(하셔도|해도|주셔도|마세요|말아)|"
    r"(전화|콜백) ?(예약)?[은는을를]? ?취소|(don'?t|do not|no need to) call|cancel (the|my) call",
    re.I,
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
        if _NO_CALL.search(message.typed):
            return {"outcome": "called_off"}
        if asked is None:
            return await self._opening(message, turn, dispatcher)
        found: dict[str, Any] = await getattr(self, f"_{asked}")(message, slots, turn, dispatcher)
        return found

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        if slots.get("outcome") == "called_off":
            return None
        return next((n for n in ("phone", "callback_at", "sure") if not slots.get(n)), None)

    def stops(self, asked: str, message: Said, slots: Mapping[str, Any]) -> bool:
        """Not to be phoned at all is more than to leave this form."""
        return message.stops and not _NO_CALL.search(message.typed)

    async def _opening(self, message: Said, turn: Turn, dispatcher: CollectingDispatcher) -> dict[str, Any]:
        known = await contacts.get(BOT, turn.contact_id)
        phone = contacts.normalise_phone(message.entity("phone") or "") or known.phone
        found: dict[str, Any] = {"outcome": "asking", "phone": phone or None, "detail": message.typed}
        found.update(await self._callback_at(message, {}, turn, dispatcher))
        due = await _due(turn)
        if due and not found.get("callback_at"):
            time = _moment(due[0].due_at, turn)
            say(dispatcher, "utter_callback_known", phone=shown(due[0].phone), time=time)
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
            return {"callback_at": (await callbacks.next_slot(turn.at)).isoformat(), "sure": None}
        found = message.moment()
        if found is None:
            return {}
        start, _, has_date, has_time = found
        earlier = slots.get("callback_at")
        if earlier and has_time and not has_date:  # '아니요 3시요' means the same day
            on = datetime.fromisoformat(str(earlier)).astimezone(turn.tz).date()
            start = datetime.combine(on, start.astimezone(turn.tz).time(), turn.tz)
        at = await self._open_time(start, has_time, turn, dispatcher)
        return {"callback_at": at.isoformat(), "sure": None} if at else {}

    async def _open_time(
        self, at: datetime, has_time: bool, turn: Turn, dispatcher: CollectingDispatcher
    ) -> datetime | None:
        """`at`, or the next opening when we are closed then; the question that follows names the time."""
        local, now = at.astimezone(turn.tz), turn.at.astimezone(turn.tz)
        if (local < now) if has_time else (local.date() < now.date()):
            say(dispatcher, "utter_visit_past")
            return None
        calendar = await hours.load(None)
        opens = calendar.next_open(max(at, turn.at)) or at
        if has_time and opens != at:
            say(dispatcher, "utter_callback_closed")
        return opens

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
            say(dispatcher, "utter_ask_callback_phone", asks="phone")
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
    return _moment(datetime.fromisoformat(str(slots["callback_at"])), turn)


def _moment(at: datetime, turn: Turn) -> str:
    return dates_in(turn.language).moment(at, at + timedelta(minutes=1), now=turn.at, tz=turn.tz)


class SubmitCallback(Action):
    """Puts the call into the queue."""

    def name(self) -> str:
        return "action_submit_callback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        slots, turn = tracker.slots, await turn_of(tracker)
        if slots.get("outcome") == "called_off":
            await self._call_off(dispatcher, turn)
        elif slots.get("outcome") == "stopped" or slots.get("sure") != "yes":
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

    async def _call_off(self, dispatcher: CollectingDispatcher, turn: Turn) -> None:
        due = await _due(turn)
        for callback in due:
            await callbacks.cancel(turn.customer, callback.id, now=turn.at)
        say(dispatcher, "utter_callback_cancelled" if due else "utter_stopped")


async def _due(turn: Turn) -> list[Callback]:
    """Calls that the customer waits for."""
    return [c for c in await callbacks.of_contact(turn.contact_id) if c.status == "due"]
