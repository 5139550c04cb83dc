"""Doing what the matter form gathered."""

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions import visits
from actions.context import Turn, turn_of
from actions.forms import reset
from actions.matter_form import PHOTO, SLOTS
from actions.request_cards import request_card
from actions.request_corrections import place_and_phone
from actions.said import said
from actions.words import button, label, say, shown
from crm import files, requests
from crm.models import ServiceRequest

# Scores up to this one are a complaint: the request is raised, and a person offered.
LOW = 2


class SubmitMatter(Action):
    """Does it, and shows the request as it is now."""

    def name(self) -> str:
        return "action_submit_matter"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        slots, turn = tracker.slots, await turn_of(tracker)
        act = str(slots.get("act") or "amend")
        if slots.get("outcome") == "kept":
            pass  # and said so, when it was
        elif slots.get("outcome") == "nothing":
            what = label(domain, turn.language, f"label_what_{act}")
            missing = "utter_no_request_reopen" if act == "reopen" else "utter_no_request_for"
            say(dispatcher, missing, what=what, buttons=_instead(act, turn, domain))
        elif slots.get("outcome") == "cancelled":
            number = str(slots["request_no"])
            say(dispatcher, "utter_cancelled_stays", number=number, buttons=_instead(act, turn, domain))
        elif slots.get("outcome") == "told":
            say(dispatcher, "utter_review_kept")
        elif slots.get("outcome") == "stopped" or slots.get("sure") == "no":
            say(dispatcher, "utter_stopped")
        elif request := await requests.find(str(slots["request_no"]), contact_id=turn.contact_id):
            known = {**slots, "said": said(tracker)}
            await getattr(self, f"_{act}")(dispatcher, request, known, turn, domain)
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
        text = "" if slots["detail"] == PHOTO else str(slots["detail"])
        await requests.comment(turn.customer, request.id, text, files=photos, now=turn.at)
        # "주소는 …로 바꿔 주세요" is not only for staff to read: the request itself says so from now on
        if changes := place_and_phone(slots["said"]):
            await requests.amend(turn.customer, request.id, changes, now=turn.at)
            for value in changes.values():
                say(dispatcher, "utter_changed", value=shown(value))
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
        if score > LOW:
            say(dispatcher, "utter_rated", score=score)
            return
        if not slots.get("detail"):  # words of their own are in the history already
            told = label(domain, "ko", "label_rated", score=score)  # for staff, in the company's language
            await requests.complain(turn.customer, request.id, told, now=turn.at)
        say(dispatcher, "utter_rated_low", score=score, buttons=_amends(request, turn, domain))

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


def _instead(act: str, turn: Turn, domain: Mapping[str, Any]) -> list[dict[str, str]]:
    """What can be done where there is no request to do it to."""
    names = ["request_service"] if act in ("reopen", "amend", "reschedule") else []
    names += ["check_request", "talk_to_human"]
    return [button(label(domain, turn.language, f"label_intent_{name}"), f"/{name}") for name in names]


def _amends(request: ServiceRequest, turn: Turn, domain: Mapping[str, Any]) -> list[dict[str, str]]:
    person = button(label(domain, turn.language, "label_intent_talk_to_human"), "/talk_to_human")
    payload = f'/reopen_request{{"request_no": "{request.number}"}}'
    again = button(label(domain, turn.language, "label_card_reopen"), payload)
    return [person, again, button(label(domain, turn.language, "label_no_thanks"), "/deny")]
