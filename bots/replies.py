"""Answers of a channel whose provider asks and waits: what is said to a message while its request is open."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from bots.channels.base import Reply
from bots.composing import composer
from bots.web import i18n
from crm import db, identities, inbox, outbox, page_links, taking
from crm.errors import Conflict, CrmError
from crm.inbox import Inbound, Stored
from crm.models import Conversation

log = structlog.get_logger()
LOOK_SECONDS = 0.25  # between looks although nothing woke us


def _now() -> datetime:
    return datetime.now(UTC)


class Finishing:
    """Who waits for a received message to be handled: one look at the database serves all of them."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, inbox_id: int, seconds: float) -> bool:
        """Wait for at most `seconds`; True when all has been said to the message."""
        if not inbox_id:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(inbox_id, []).append(future)
        if self._looking is None or self._looking.done():
            self._looking = db.spawn(self._look(), name="answers awaited")
        done, _ = await asyncio.wait({future}, timeout=max(0.0, seconds))
        self._forget(inbox_id, future)
        return bool(done)

    async def _look(self) -> None:
        while self._waiting:
            try:
                for inbox_id in await inbox.is_done(list(self._waiting)):
                    for future in self._waiting.pop(inbox_id, ()):
                        if not future.done():
                            future.set_result(None)
            except Exception as fault:  # the database is away: those who wait give up in time
                log.warning("answers.not_looked", fault=type(fault).__name__)
            await db.wait("done", LOOK_SECONDS)

    def _forget(self, inbox_id: int, future: "asyncio.Future[None]") -> None:
        left = [one for one in self._waiting.get(inbox_id, ()) if one is not future]
        if left:
            self._waiting[inbox_id] = left
        else:
            self._waiting.pop(inbox_id, None)


class WithinRequest:
    """The port `Replies` of `bots.channels.base`."""

    def __init__(self, public_url: str, *, now: Callable[[], datetime] = _now) -> None:
        self._public_url = public_url
        self._compose = composer(public_url)
        self._now = now
        self._finishing = Finishing()

    async def finished(self, stored: Stored, seconds: float) -> bool:
        return await self._finishing.wait(stored.inbox_id, seconds)

    async def take(self, inbound: Inbound, stored: Stored, by: str) -> Reply:
        """Those of a later message are left to its own request, which is open as well. What goes to another
        address is the sender's alone: a code shown to who asked for it would prove nothing."""
        identity = await identities.find(inbound.channel, inbound.channel_account, inbound.external_user)
        if identity is None:
            return Reply()
        now = self._now()
        await taking.reclaim(now, identity_id=identity.id)
        waiting = [
            item
            for item in await outbox.waiting(identity.id)
            if not item.aside
            and (not stored.inbox_id or item.inbox_id is None or item.inbox_id <= stored.inbox_id)
        ]
        if not waiting:
            return Reply()
        held = await taking.hold(waiting, by, now)
        composed = {item.outbox_id: await self._compose(item) for item in held.items}
        taken = await taking.release(held, now)  # last: who dies before has written nothing
        messages = tuple(composed[item.outbox_id] for item in taken.items)
        return Reply(messages, f"{self._public_url}/c/{page_links.token(identity.id, now=now)}", taken)

    async def owe(self, stored: Stored, words: str) -> None:
        conversation = await Conversation.get(id=stored.conversation_id)
        lang = conversation.locale if conversation.locale in i18n.LANGUAGES else "ko"
        text = i18n.t(lang, f"channels.{words}")
        try:
            await outbox.put(
                conversation.id, author="system", text=text, purpose="duty", lang=lang, now=self._now()
            )
        except (Conflict, CrmError):  # a contact marked as spam hears nothing more than that it arrived
            log.info("message.withheld", conversation=conversation.id)

    async def owner(self, stored: Stored) -> str:
        conversation = await Conversation.get(id=stored.conversation_id)
        return str(conversation.owner)

    async def give_back(self, reply: Reply) -> None:
        if reply.taken is not None:
            await taking.give_back(reply.taken, self._now())
