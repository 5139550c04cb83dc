"""What becomes of messages that a channel without a beginning could not carry in an answer.

The sender comes by: answers of a turn wait until every open request of theirs has surely ended, others a
moment for their author to finish. Then, where the contact has proven a phone number and AlimTalk (or SMS) is
on, one notice with a link to the conversation's page goes there, and the messages are that link's. Otherwise
they wait for the customer's next message.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bots.web import i18n
from crm import company, db, lanes, outbox, page_links, routing, taking, writes
from crm.models import Conversation, Message, Route
from crm.outbox import Claim, Item
from crm.routing import Notice, Table

log = structlog.get_logger()

REQUEST_ENDS: Final = timedelta(seconds=62)  # Kakao's callback address lives a minute
GATHERS: Final = timedelta(seconds=5)  # in which a page that is open shows it, and its author writes on
USE: Final = "new_answer"  # of an approved template (crm/message_templates.py)
BY_LINK: Final = ("alimtalk", "sms")
CARRIES: Final = "carries"  # in a notice's data: whose waiting messages its link shows


def _now() -> datetime:
    return datetime.now(UTC)


class Waiting:
    """`Sender`'s `waits` for a channel that answers only."""

    def __init__(self, ways: Table, public_url: str, *, now: Callable[[], datetime] = _now) -> None:
        self._ways = {name: ways[name] for name in BY_LINK if name in ways}
        self._public_url = public_url
        self._now = now

    async def __call__(self, claim: Claim) -> None:
        """Send the notice if it is time and there is a way; release the lane in any case."""
        now = self._now()
        ready = [item for item in claim.items if _ready_at(item) <= now]
        if ready and ready[0] is claim.items[0]:
            await self._tell(ready, now)
        async with db.transaction():
            await lanes.fence(claim.lane, now)  # first: what is put from here on wakes the lane again
            left = await outbox.waiting(claim.lane.key)
            coming = [_ready_at(item) for item in left if not item.aside]
            due = now if any(item.aside for item in left) else None
            await lanes.release(
                claim.lane, due_at=due or min((at for at in coming if at > now), default=None)
            )

    async def _tell(self, items: Sequence[Item], now: datetime) -> None:
        told = [item for item in items if item.purpose != "ad" and item.reachable]
        if not told or not self._ways:
            return
        conversation = await Conversation.get(id=told[-1].conversation_id)
        if not await routing.ways_to(conversation.contact_id, self._ways):
            return
        async with writes.transaction():
            route = await self._notify(conversation, now)
            if route.message_id is not None:  # else it failed before, and nothing has changed since
                await taking.take(told, by_route(route.id), now)

    async def _notify(self, conversation: Conversation, now: datetime) -> Route:
        """One notice until the customer writes or opens the page: more would only cost."""
        heard = int(conversation.last_inbound_at.timestamp()) if conversation.last_inbound_at else 0
        lang = conversation.locale if conversation.locale in i18n.LANGUAGES else "ko"
        link = f"{self._public_url}/c/{page_links.token(conversation.identity_id, now=now)}"
        notice = Notice(
            key=f"waiting:{conversation.id}:{heard}:{conversation.seen_seq}",
            text=i18n.t(lang, "channels.kakao.reply_arrived"),
            lang=lang,
            data={CARRIES: conversation.identity_id},
            use=USE,
            values={"company": await company.name(lang), "link": link},
        )
        return await routing.notify(conversation.contact_id, notice, self._ways, now=now)


def _ready_at(item: Item) -> datetime:
    """When no open request can carry a message any more."""
    return item.created_at + (REQUEST_ENDS if item.inbox_id is not None else GATHERS)


def by_route(route_id: int) -> str:
    """The way's name of messages behind a notice's link."""
    return f"link:{route_id}"


async def link_failed(message_id: int, ways: Table, *, now: datetime) -> bool:
    """A notice with a link could not be sent: another address that reaches is tried, else what it carried
    waits again. False for a message that is no such notice."""
    message = await Message.get_or_none(id=message_id)
    if message is None or CARRIES not in message.data:
        return False
    route = await Route.get_or_none(message_id=message_id)
    begins = {name: terms for name, terms in ways.items() if terms.starts and terms.address}
    failed = await routing.failed(message_id, begins, now=now)
    if route is not None and (failed is None or failed.message_id is None):
        back = await taking.give_back_from(int(message.data[CARRIES]), by_route(route.id), now)
        log.info("waiting.link_failed", messages=back)
    return True
