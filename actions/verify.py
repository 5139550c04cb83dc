"""Proving that somebody is a customer already: a number or e-mail, a one-time code, and their history.

A typed number proves nothing (crm/linking.py). The offer is made to everybody whose number is not proven,
known elsewhere or not: else it would tell strangers who our customers are.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Turn, turn_of
from actions.forms import Form, reset
from actions.said import Said, since_said
from actions.words import button, choose, label, say
from crm import codes, contacts, db, linking, requests
from crm.actor import BOT
from crm.errors import Invalid
from crm.models import Conversation

INTENT = "verify_contact"
_KNOWN = re.compile(
    r"(기존|원래|이미|예전)\s*(에|부터)?\s*(고객|회원)|본인\s*(확인|인증)|고객\s*(확인|인증)\s*(할|해|하고)"
    r"|\b(existing|already an?|already your|returning)\s+customer\b"
    r"|\bverify (me|myself|my (number|phone|e-?mail))\b",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
LONGEST = 60  # characters of words that are about this and nothing else


def says_known(text: str) -> bool:
    """Do these words say that somebody is a customer already, where a code can prove it?"""
    return len(text) <= LONGEST and bool(codes.kinds()) and bool(_KNOWN.search(text))


async def may_be_offered(turn: Turn) -> bool:
    """Whether a code could be sent to them, and none of their numbers is proven yet."""
    return bool(codes.kinds()) and not await linking.proven(turn.contact_id, "phone")


async def offer(
    dispatcher: CollectingDispatcher, domain: Mapping[str, Any], turn: Turn, *, phone: str = ""
) -> None:
    """Offer to prove a number, unless one is proven or no code could be sent."""
    if not await may_be_offered(turn):
        return
    given = json.dumps({"phone": phone}) if phone and "phone" in codes.kinds() else ""
    buttons = [
        button(label(domain, turn.language, "label_verify"), f"/{INTENT}{given}"),
        button(label(domain, turn.language, "label_no_thanks"), "/deny"),
    ]
    say(dispatcher, "utter_offer_verify", buttons=buttons)


class VerifyForm(Form):
    """Validates `verify_form`: where the code goes, and the code."""

    form = "verify_form"

    async def answers(
        self,
        asked: str | None,
        message: Said,
        slots: Mapping[str, Any],
        turn: Turn,
        dispatcher: CollectingDispatcher,
    ) -> dict[str, Any]:
        if asked is None:
            return {"outcome": "asking", **await self._target(message, turn, dispatcher)}
        if asked == "target":
            return await self._target(message, turn, dispatcher)
        return await self._code(message, slots, turn, dispatcher)

    def missing(self, slots: Mapping[str, Any]) -> str | None:
        if slots.get("outcome") == "gave_up":
            return None
        return next((name for name in ("target", "code") if not slots.get(name)), None)

    async def _target(self, message: Said, turn: Turn, dispatcher: CollectingDispatcher) -> dict[str, Any]:
        """A number or e-mail in these words; a code is on its way there."""
        words = message.entity("phone") or message.text
        if phone := contacts.normalise_phone(words):
            return await self._send("phone", phone, turn, dispatcher)
        if found := _EMAIL.search(message.text):
            return await self._send("email", found[0], turn, dispatcher)
        if re.search(r"\d{3}", message.typed):
            say(dispatcher, "utter_phone_invalid")
        return {}

    async def _send(
        self, kind: str, target: str, turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        if target in await linking.proven(turn.contact_id, kind):  # the channel vouched for it just now
            known = await requests.of_contact(turn.contact_id, open_only=False, limit=1)
            return {"target": target, "code": "right", "outcome": "linked" if known else "proven"}
        try:
            async with db.savepoint():
                await codes.dispatch(turn.conversation_id, kind, target, now=turn.at)
        except codes.TooMany as fault:
            say(dispatcher, "utter_code_too_many", minutes=int(fault.values["minutes"]))
            return {"outcome": "gave_up"}
        except codes.Unsendable:
            say(dispatcher, "utter_code_unsendable")
            return {"outcome": "gave_up"}
        except Invalid:
            say(dispatcher, "utter_phone_invalid")
            return {}
        return {"target": target}

    async def _code(
        self, message: Said, slots: Mapping[str, Any], turn: Turn, dispatcher: CollectingDispatcher
    ) -> dict[str, Any]:
        target = str(slots["target"])
        pressed = message.chosen("code")
        if pressed == "other":
            return {"target": None}
        if pressed == "again":
            return await self._send("email" if "@" in target else "phone", target, turn, dispatcher)
        digits = len(re.sub(r"\D", "", message.typed))
        if digits < linking.CODE_DIGITS - 1:
            return {}
        # Another number instead of the code; but six digits are the code, though some are valid numbers.
        if digits != linking.CODE_DIGITS and contacts.normalise_phone(message.typed):
            return await self._target(message, turn, dispatcher)
        return await self._try(message.typed, turn, dispatcher)

    async def _try(self, typed: str, turn: Turn, dispatcher: CollectingDispatcher) -> dict[str, Any]:
        talk = await Conversation.get(id=turn.conversation_id)
        tried = await linking.try_code(talk.identity_id, typed, now=turn.at)
        if tried.result == "right":
            linked = tried.linked is not None and tried.linked.merge_id is not None
            return {"code": "right", "outcome": "linked" if linked else "proven"}
        if tried.result == "wrong":
            say(dispatcher, "utter_code_wrong", count=tried.tries_left)
        else:
            say(dispatcher, "utter_code_over")
        return {}


class AskVerify(Action):
    """One question of the form."""

    def __init__(self, slot: str) -> None:
        self.slot = slot

    def name(self) -> str:
        return f"action_ask_verify_form_{self.slot}"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn = await turn_of(tracker)
        if self.slot == "target":
            only_phone = "email" not in codes.kinds()
            asked = "utter_ask_verify_phone" if only_phone else "utter_ask_verify_target"
            say(dispatcher, asked, asks="phone")
            return []
        target = str(tracker.slots["target"])
        buttons = [
            button(label(domain, turn.language, "label_code_again"), choose("code", "again")),
            button(label(domain, turn.language, "label_code_other"), choose("code", "other")),
        ]
        shown = codes.masked("email" if "@" in target else "phone", target)
        asked = "utter_ask_code" if _sent_now(tracker) else "utter_ask_code_again"
        say(dispatcher, asked, buttons=buttons, target=shown, minutes=codes.minutes())
        return []


def _sent_now(tracker: Tracker) -> bool:
    """Whether this message had a code sent: the form then filled in where it went."""
    return any(e["event"] == "slot" and e["name"] == "target" for e in since_said(tracker))


class SubmitVerify(Action):
    """Says what has come of it."""

    def name(self) -> str:
        return "action_submit_verify"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        turn, outcome = await turn_of(tracker), tracker.slots.get("outcome")
        if outcome == "linked":
            talk = await Conversation.get(id=turn.conversation_id)
            known = await contacts.get(BOT, talk.contact_id)
            see = [button(label(domain, turn.language, "label_intent_check_request"), "/check_request")]
            response = "utter_verified_name" if known.name else "utter_verified_linked"
            say(dispatcher, response, buttons=see, name=known.name)
        elif outcome == "proven":
            say(dispatcher, "utter_verified")
        elif outcome == "stopped":
            say(dispatcher, "utter_verify_stopped")
        return reset("target", "code")
