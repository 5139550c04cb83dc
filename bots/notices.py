"""What a customer hears without having asked: their request moved on, was solved, or could not be read.

Runs in the worker, where the bot's words are. Each happening is consumed once (crm.happenings.consume).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from actions.context import Turn
from actions.request_cards import request_card
from actions.words import button, label, with_particles
from crm import choices, conversations, outbox, zone
from crm.happenings import Happened
from crm.models import Conversation, ServiceRequest

# A status that the customer is told of; the others are the company's own affair.
TOLD = ("assigned", "in_progress", "waiting_customer", "resolved", "cancelled")
FINISHED = ("resolved", "closed", "cancelled")


class Notices:
    """Writes notices in the customer's language with the words of the assistant's domain."""

    def __init__(self, domain: Mapping[str, Any]) -> None:
        self.domain = domain

    async def __call__(self, happened: Happened) -> None:
        """Handler of happenings; does nothing for those no customer is told of."""
        if happened.kind == "request.status_changed" and happened.request_id:
            await self._status(happened)
            await self._return(happened)
        elif happened.kind == "conversation.taken_over" and happened.conversation_id:
            await self._taken_over(happened)

    async def _status(self, happened: Happened) -> None:
        by = str(happened.data.get("actor", ""))
        status = str(happened.data.get("status", ""))
        if status not in TOLD or not by.startswith(("staff", "system")):
            return  # what customers do themselves is answered in their own turn
        request = await ServiceRequest.get(id=happened.request_id).select_related("conversation")
        if request.conversation is None:
            return
        turn = self._turn(request.conversation, happened.at)
        cards = [await request_card(request.id, turn, self.domain)]
        values = {"number": request.number, "product": request.product_text}
        buttons = self._scores(turn, request) if status == "resolved" else []
        await self._put(request.conversation, f"notice_{status}", happened.at, buttons, cards, **values)

    async def _return(self, happened: Happened) -> None:
        """A finished request gives its conversation back to the assistant, who also takes the rating."""
        if happened.conversation_id and happened.data.get("status") in FINISHED:
            by_staff = str(happened.data.get("actor", "")).startswith("staff")
            await conversations.request_closed(happened.conversation_id, by_staff=by_staff, now=happened.at)

    def _scores(self, turn: Turn, request: ServiceRequest) -> list[dict[str, str]]:
        return [
            button(
                label(self.domain, turn.language, f"label_score_{n}"),
                f'/rate_service{{"request_no": "{request.number}", "score": "{n}"}}',
            )
            for n in range(1, 6)
        ]

    async def _taken_over(self, happened: Happened) -> None:
        conversation = await Conversation.get(id=happened.conversation_id).select_related("assignee")
        if conversation.assignee is not None:
            name = conversation.assignee.name
            if conversation.locale == "en":
                name = conversation.assignee.name_en or name
            await self._put(conversation, "notice_taken_over", happened.at, name=name)

    async def parked(self, conversation_id: int, at: datetime) -> None:
        """Apologise for a message that could not be handled, and let a person see to it."""
        conversation = await Conversation.get(id=conversation_id)
        await self._put(conversation, "utter_sorry", at)
        await conversations.hand_over(conversation_id, reason="failed", now=at)

    async def _put(
        self,
        conversation: Conversation,
        response: str,
        at: datetime,
        buttons: list[dict[str, str]] | None = None,
        cards: list[dict[str, Any]] | None = None,
        **values: Any,
    ) -> None:
        text = label(self.domain, conversation.locale, response, **with_particles(values))
        pressable = [{"label": b["title"], "payload": b["payload"]} for b in buttons or []]
        minted, shown = choices.mint(pressable, cards or [])
        await outbox.put(
            conversation.id,
            author="system",
            text=text,
            purpose="info",
            choices=minted,
            cards=shown,
            lang=conversation.locale,
            now=at,
        )

    def _turn(self, conversation: Conversation, at: datetime) -> Turn:
        contact: int = conversation.contact_id
        return Turn(conversation.id, contact, None, at, zone.current(), conversation.locale)
