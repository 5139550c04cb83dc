"""Showing requests and visits; cancelling only a visit."""

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import verify, visits
from actions.context import Turn, turn_of
from actions.request_cards import request_card
from actions.said import said
from actions.words import button, choose, label, say
from crm import requests
from crm.models import ServiceRequest


class ShowRequests(Action):
    """One request by its number, or all that are open, else the last few."""

    def name(self) -> str:
        return "action_show_requests"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, message = await turn_of(tracker), said(tracker)
        number = message.entity("request_no")
        one = await requests.find(number, contact_id=turn.contact_id) if number else None
        if number and one is None:
            say(dispatcher, "utter_request_unknown")
            if tracker.slots.get("requested_slot"):
                return []  # in the middle of a form it is no time to offer a request: its question follows
        found = [one] if one else await requests.of_contact(turn.contact_id, open_only=True)
        found = found or (await requests.of_contact(turn.contact_id, open_only=False))[:3]
        if not found:
            strange = await verify.may_be_offered(turn)
            say(dispatcher, "utter_no_requests_here" if strange else "utter_no_requests")
            return []
        shown = [await request_card(r.id, turn, domain) for r in found[:5]]
        if len(found) == 1:
            word = label(domain, turn.language, f"label_status_{found[0].status}")
            say(dispatcher, "utter_request_one", cards=shown, number=found[0].number, status=word)
        else:
            say(dispatcher, "utter_requests", cards=shown, count=len(found))
        return []


class ShowVisit(Action):
    """When the technician comes."""

    def name(self) -> str:
        return "action_show_visit"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        found = await requests.of_contact(turn.contact_id, open_only=True)
        if not found:
            say(dispatcher, "utter_no_requests")
        for request in found[:3]:
            card = await request_card(request.id, turn, domain)
            visit = ""
            if request.visit_from and request.visit_to:
                visit = visits.spoken(visits.pack(request.visit_from, request.visit_to), turn, domain)
            response = "utter_visit_is" if visit else "utter_visit_none"
            say(dispatcher, response, cards=[card], number=request.number, visit=visit)
        return []


class CancelVisit(Action):
    """Only the visit, or the whole request? Asks, since the words leave it open."""

    def name(self) -> str:
        return "action_cancel_visit"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, message = await turn_of(tracker), said(tracker)
        planned = [r for r in await requests.of_contact(turn.contact_id, open_only=True) if r.visit_from]
        if picked := message.chosen("cancel_visit"):
            request = await requests.find(picked, contact_id=turn.contact_id)
            if request and request.visit_from:
                await requests.amend(
                    turn.customer, request.id, {"visit_from": None, "visit_to": None}, now=turn.at
                )
                say(dispatcher, "utter_visit_cancelled", number=request.number)
        elif not planned:
            what = label(domain, turn.language, "label_what_reschedule")
            say(dispatcher, "utter_no_request_for", what=what)
        else:
            self._offer(dispatcher, planned[0], turn, domain)
        return [SlotSet("tries", None)]

    def _offer(
        self, dispatcher: CollectingDispatcher, request: ServiceRequest, turn: Turn, domain: Mapping[str, Any]
    ) -> None:
        number = request.number
        only = button(label(domain, turn.language, "label_only_visit"), choose("cancel_visit", number))
        whole = label(domain, turn.language, "label_whole_request")
        buttons = [only, button(whole, f'/cancel_request{{"request_no": "{number}"}}')]
        buttons.append(button(label(domain, turn.language, "label_keep"), "/deny"))
        say(dispatcher, "utter_visit_cancel_offer", buttons=buttons)
