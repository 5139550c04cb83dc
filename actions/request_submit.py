"""What becomes of a finished request form: a new request, or words and a visit added to an open one."""

import json
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions import verify, visits
from actions.context import Turn, turn_of
from actions.forms import reset
from actions.request_cards import request_card
from actions.request_form import SLOTS
from actions.words import button, label, say
from crm import contacts, files, requests
from crm.actor import BOT
from crm.models import ServiceRequest


class SubmitRequest(Action):
    """Opens the request, or says that nothing was saved."""

    def name(self) -> str:
        return "action_submit_request"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        slots, turn = tracker.slots, await turn_of(tracker)
        if slots.get("outcome") == "stopped":
            say(dispatcher, "utter_request_stopped")
        elif slots.get("same_sure") == "yes":
            await self._add(dispatcher, slots, turn, domain)
        elif slots.get("confirm") == "yes":
            await self._new(dispatcher, slots, turn, domain)
        return reset(*SLOTS)

    async def _new(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        request = await self._open(slots, turn)
        await _remember(slots, turn)
        card = await request_card(request.id, turn, domain, opened=True)
        say(dispatcher, "utter_request_opened", cards=[card], number=request.number)
        if rest := slots.get("rest"):
            payload = "/request_service" + json.dumps({"product": rest}, ensure_ascii=False)
            yes = button(label(domain, turn.language, "label_yes_also"), payload)
            no = button(label(domain, turn.language, "label_no_thanks"), "/deny")
            say(dispatcher, "utter_ask_rest", buttons=[yes, no], product=str(rest))
        else:
            await verify.offer(dispatcher, domain, turn, phone=str(slots["phone"]))

    async def _add(
        self,
        dispatcher: CollectingDispatcher,
        slots: Mapping[str, Any],
        turn: Turn,
        domain: Mapping[str, Any],
    ) -> None:
        request = await requests.find(str(slots["same"]), contact_id=turn.contact_id)
        if request is None:
            say(dispatcher, "utter_request_stopped")
            return
        photos = [file.token for file in await files.unlinked(turn.conversation_id, turn.at)]
        words = str(slots.get("symptom") or slots.get("detail") or "")
        if words or photos:
            await requests.comment(turn.customer, request.id, words, files=photos, now=turn.at)
        span, had = visits.unpack(slots.get("visit")), request.visit_from
        if span:
            times = {"visit_from": span[0], "visit_to": span[1]}
            await requests.amend(turn.customer, request.id, times, now=turn.at)
        card = await request_card(request.id, turn, domain)
        visit = visits.spoken(slots.get("visit"), turn, domain)
        response = "utter_amended" if span is None else "utter_rescheduled" if had else "utter_visit_set"
        say(dispatcher, response, cards=[card], number=request.number, visit=visit)

    async def _open(self, slots: Mapping[str, Any], turn: Turn) -> ServiceRequest:
        reference = json.loads(slots.get("product_ref") or "{}")
        span = visits.unpack(slots.get("visit"))
        photos = await files.unlinked(turn.conversation_id, turn.at)
        return await requests.open(
            turn.customer,
            turn.contact_id,
            conversation_id=turn.conversation_id,
            product_text=str(slots["product"]),
            product_id=reference.get("product_id"),
            possession_id=reference.get("possession_id"),
            symptom=str(slots["symptom"]),
            visit_from=span[0] if span else None,
            visit_to=span[1] if span else None,
            address=str(slots["address"]),
            phone=str(slots["phone"]),
            files=[photo.token for photo in photos],
            now=turn.at,
            tz=turn.tz,
        )


async def _remember(slots: Mapping[str, Any], turn: Turn) -> None:
    """An address and a number of a contact of whom we had none: next time they need not be asked."""
    known = await contacts.get(BOT, turn.contact_id)
    told = {name: str(slots[name]) for name in ("address", "phone") if not getattr(known, name)}
    if told:
        await contacts.update(BOT, turn.contact_id, told, now=turn.at)
