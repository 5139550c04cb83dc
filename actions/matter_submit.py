"""Doing what the matter form gathered."""

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions import visits
from actions.context import Turn, turn_of
from actions.forms import reset
from actions.matter_form import SLOTS
from actions.request_cards import request_card
from actions.words import label, say
from crm import files, requests
from crm.models import ServiceRequest


class SubmitMatter(Action):
    """Does it, and shows the request as it is now."""

    def name(self) -> str:
        return "action_submit_matter"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        slots, turn = tracker.slots, await turn_of(tracker)
        act = str(slots.get("act") or "amend")
        if slots.get("outcome") == "nothing":
            say(dispatcher, "utter_no_request_for", what=label(domain, turn.language, f"label_what_{act}"))
        elif slots.get("outcome") == "stopped" or slots.get("sure") == "no":
            say(dispatcher, "utter_stopped")
        elif request := await requests.find(str(slots["request_no"]), contact_id=turn.contact_id):
            await getattr(self, f"_{act}")(dispatcher, request, slots, turn, domain)
        return reset(*SLOTS)

    async def _amend(
        self,
        dispatcher: CollectingDispatcher,
        request: ServiceRequest,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Any,
    ) -> None:
        photos = [f.token for f in await files.unlinked(turn.conversation_id, turn.at)]
        text = "" if slots["detail"] == "photo" else str(slots["detail"])
        await requests.comment(turn.customer, request.id, text, files=photos, now=turn.at)
        card = await request_card(request.id, turn, domain)
        say(dispatcher, "utter_amended", cards=[card], number=request.number)

    async def _cancel(
        self,
        dispatcher: CollectingDispatcher,
        request: ServiceRequest,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Any,
    ) -> None:
        await requests.cancel(turn.customer, request.id, reason="customer", now=turn.at)
        card = await request_card(request.id, turn, domain)
        say(dispatcher, "utter_cancelled", cards=[card], number=request.number)

    async def _reopen(
        self,
        dispatcher: CollectingDispatcher,
        request: ServiceRequest,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Any,
    ) -> None:
        await requests.reopen(turn.customer, request.id, reason=str(slots["detail"]), now=turn.at)
        card = await request_card(request.id, turn, domain)
        say(dispatcher, "utter_reopened", cards=[card], number=request.number)

    async def _rate(
        self,
        dispatcher: CollectingDispatcher,
        request: ServiceRequest,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Any,
    ) -> None:
        score = int(slots["score"])
        await requests.rate(turn.customer, request.id, score, now=turn.at)
        say(dispatcher, "utter_rated" if score > 2 else "utter_rated_low", score=score)

    async def _reschedule(
        self,
        dispatcher: CollectingDispatcher,
        request: ServiceRequest,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Any,
    ) -> None:
        span = visits.unpack(slots.get("visit"))
        times = (
            {"visit_from": span[0], "visit_to": span[1]} if span else {"visit_from": None, "visit_to": None}
        )
        await requests.amend(turn.customer, request.id, times, now=turn.at)
        card = await request_card(request.id, turn, domain)
        visit = visits.spoken(slots.get("visit"), turn, domain)
        say(dispatcher, "utter_rescheduled", cards=[card], number=request.number, visit=visit)
