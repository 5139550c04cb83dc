"""Happenings become cards and posts: database work only, in the transaction that moves the cursor.

A conversation has a thread from the moment when staff are concerned with it; while the bot alone talks with
a customer, Slack is quiet. A request is a card of its own from its first moment.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from crm import db, happenings, slack_cards, slack_views, staff_inbox
from crm.happenings import Happened
from crm.slack_cards import Card

READER = "slack"
STALE = timedelta(hours=24)  # what is older is not news: Slack was off meanwhile
HISTORY = 10  # messages that a new thread begins with
ALERT_AGAIN = timedelta(minutes=10)  # a waiting customer is told of at most once in each

# A conversation that staff are concerned with from now on.
BEGINS = frozenset({"conversation.handed_over", "conversation.taken_over", "conversation.assigned"})
SAID = frozenset({"message.received", "message.put", "message.noted"})
REDRAWS_CONVERSATION = frozenset(
    {
        "conversation.handed_back", "conversation.closed", "conversation.reopened", "conversation.snoozed",
        "conversation.woken", "conversation.changed", "conversation.reply_overdue", "message.received",
        "message.put", "contact.updated",
    }
)  # fmt: skip
REDRAWS_REQUEST = frozenset(
    {
        "request.status_changed", "request.assigned", "request.amended", "request.prioritised",
        "request.linked",
    }
)  # fmt: skip


async def begin() -> None:
    """Start reading at what happens from now on, the first time that Slack is on."""
    await db.execute(
        "INSERT INTO cursor (name, last_id, attempts) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
        READER,
        await happenings.latest(),
    )


class Following:
    """The handler of happenings. `now` says what is stale."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def __call__(self, happened: Happened) -> None:
        now = self._now()
        if now - happened.at > STALE:
            return
        if happened.kind == "contact.erased" and happened.contact_id:
            await slack_cards.withdraw(*await slack_views.of_contact(happened.contact_id), now=now)
            return
        if happened.request_id:
            await self._request(happened, happened.request_id, now)
        if happened.conversation_id:
            await self._conversation(happened, happened.conversation_id, now)

    async def _request(self, happened: Happened, request_id: int, now: datetime) -> None:
        if happened.kind == "request.opened" or happened.kind == "request.assigned":
            team = await slack_views.team_of("request", request_id)
            known = happened.kind == "request.opened" or await slack_cards.of("request", request_id)
            if known:
                await slack_cards.show("request", request_id, team, now=now)
        elif happened.kind in REDRAWS_REQUEST:
            await slack_cards.redraw("request", request_id, now=now)
        if happened.kind == "request.opened" or happened.kind in REDRAWS_REQUEST:
            row = await slack_views.request(request_id)
            if row and row["conversation_id"]:
                await slack_cards.redraw("conversation", row["conversation_id"], now=now)

    async def _conversation(self, happened: Happened, conversation_id: int, now: datetime) -> None:
        card: Card | None
        if happened.kind in BEGINS:
            await self._begin(conversation_id, now)
            return
        if happened.kind == "live.waiting":
            await self._waits(happened, conversation_id, now)
            return
        if happened.kind in SAID or happened.kind == "message.failed":
            card = await slack_cards.of("conversation", conversation_id)
            if card is not None:
                await self._said(happened, card, now)
        if happened.kind in REDRAWS_CONVERSATION:
            await slack_cards.redraw("conversation", conversation_id, now=now)

    async def _begin(self, conversation_id: int, now: datetime) -> Card | None:
        """The conversation's thread where it belongs now, with what was said last."""
        before = await slack_cards.of("conversation", conversation_id)
        team = await slack_views.team_of("conversation", conversation_id)
        card = await slack_cards.show("conversation", conversation_id, team, now=now)
        if card is not None and (before is None or before.id != card.id):
            for message_id in await slack_views.recent(conversation_id, HISTORY):
                await self._post(card, message_id, now)
        return card

    async def _waits(self, happened: Happened, conversation_id: int, now: datetime) -> None:
        """A customer is in the waiting room of a call; one who comes and goes is told of now and then."""
        card = await slack_cards.of("conversation", conversation_id) or await self._begin(
            conversation_id, now
        )
        if card is not None:
            live = int(happened.data["live_id"])
            key = f"call:{card.id}:{live}:{int(happened.at.timestamp() // ALERT_AGAIN.total_seconds())}"
            await slack_cards.put(
                "call", {"live": live}, account=card.account, key=key, card_id=card.id, now=now
            )

    async def _said(self, happened: Happened, card: Card, now: datetime) -> None:
        message_id = int(happened.data["message_id"])
        if happened.kind == "message.failed":
            data = {"key": "said.failed"}
            key = f"failed:{card.id}:{message_id}:{happened.id}"
            await slack_cards.put("word", data, account=card.account, key=key, card_id=card.id, now=now)
        elif not await staff_inbox.said_there(message_id):
            await self._post(card, message_id, now)

    async def _post(self, card: Card, message_id: int, now: datetime) -> None:
        await slack_cards.put(
            "message",
            {},
            account=card.account,
            key=f"message:{card.id}:{message_id}",
            card_id=card.id,
            message_id=message_id,
            now=now,
        )
