"""What happens to every message that a channel received, before and after it is stored."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import structlog

from bots import logs
from bots.channels.base import Caps, Ports
from bots.channels.offered_choices import numbered, offered, read_choice, read_more
from bots.mailroom import Mailroom
from bots.replies import WithinRequest
from bots.web import i18n
from crm import (
    choices,
    db,
    deliveries,
    files,
    gathering,
    identities,
    inbox,
    linking,
    outbox,
    thread_edits,
    threads,
)
from crm.errors import Conflict, CrmError
from crm.inbox import Inbound, Stored
from crm.models import Conversation, Identity, Message
from nlu import letter

log = structlog.get_logger()
P = ParamSpec("P")
T = TypeVar("T")

DONE_WITH = frozenset({"start", "album", "clicked", "command"})  # of a message's data: read here alone


def _now() -> datetime:
    return datetime.now(UTC)


def _outlives(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """`work`; a database that is away is a `ConnectionError`, after which a channel brings the same again and
    holds nothing against the message."""

    @wraps(work)
    async def kept(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await work(*args, **kwargs)
        except Exception as fault:
            if db.is_away(fault):
                raise ConnectionError(type(fault).__name__) from fault
            raise

    return kept


class Receiver:
    """Stores what the accounts of one channel receive. Its methods fill the channel's `Ports`."""

    def __init__(self, channel: str, caps: Caps, *, now: Callable[[], datetime] = _now) -> None:
        self.channel = channel
        self._caps = caps
        self._now = now

    def ports(self, public_url: str, siblings: Mapping[str, Mapping[str, str]] | None = None) -> Ports:
        """What the channel may ask of us. `siblings`: the settings of all its accounts."""
        return Ports(
            public_url=public_url,
            read_file=read_file,
            keep_file=self.keep_file,
            edited=self.edited,
            reachable=self.reachable,
            moved=self.moved,
            reported=self.reported,
            replies=WithinRequest(public_url, now=self._now) if not self._caps.begins else None,
            siblings=siblings or {},
            mailroom=Mailroom(self._now),
        )

    @_outlives
    async def __call__(self, inbound: Inbound) -> Stored:
        """Store it; return where it lies. A typed number under a numbered list is the choice it names."""
        inbound = await self._commanded(await self._chosen(inbound))
        if inbound.kind == "choice" and (more := read_more(inbound.choice)):
            return await self._more(inbound, *more)
        if inbound.data.get("refused") and not inbound.files and not inbound.text:
            return await self._refused(inbound)
        proves = inbound.data.get("proven_phone") or inbound.data.get("start")
        told = await self._prove(inbound) if proves else ""
        data = {key: value for key, value in inbound.data.items() if key not in DONE_WITH}
        album = str(inbound.data.get("album") or "")
        inbound = replace(inbound, data=data)
        if album:
            return await gathering.gather(inbound, album, now=self._now())
        stored = await inbox.store(inbound, now=self._now())
        logs.stored(stored.inbox_id, self.channel, duplicate=stored.duplicate)
        if told and not stored.duplicate:
            conversation = await Conversation.get(id=stored.conversation_id)
            lang = conversation.locale if conversation.locale in i18n.LANGUAGES else "ko"
            await self._say(conversation, i18n.t(lang, f"channels.{told}", phone=inbound.text), lang)
        return stored

    @_outlives
    async def keep_file(self, inbound: Inbound, name: str, data: bytes) -> str:
        """Keep a file of whoever wrote `inbound`. Raises `Invalid`."""
        identity = await self._identity(inbound)
        kept = await files.store(data, name=name, owner=f"identity:{identity.id}", now=self._now())
        return kept.token

    @_outlives
    async def edited(self, inbound: Inbound) -> None:
        """Show that the customer changed a message of theirs."""
        identity = await identities.find(self.channel, inbound.channel_account, inbound.external_user)
        if identity and inbound.external_id:
            await thread_edits.edit(identity.id, inbound.external_id, inbound.text, now=self._now())

    @_outlives
    async def reachable(self, account: str, user: str, whether: bool) -> None:
        """The customer blocked us, or lets us write again. Of somebody who never wrote nothing is kept."""
        if whether:
            await identities.mark_reachable(self.channel, account, user, now=self._now())
        elif identity := await identities.find(self.channel, account, user):
            await identities.mark_unreachable(identity.id, now=self._now())

    @_outlives
    async def moved(self, account: str, before: str, after: str) -> None:
        """The channel gave a chat another id."""
        await identities.rename(self.channel, account, before, after)

    async def reported(self, report: deliveries.Report) -> None:
        """A provider says what became of a message."""
        await deliveries.report(report, now=self._now())

    async def _identity(self, inbound: Inbound) -> Identity:
        return await identities.find_or_create(
            self.channel,
            inbound.channel_account,
            inbound.external_user,
            display_name=inbound.display_name,
            locale=inbound.locale or "ko",
            now=self._now(),
        )

    async def _chosen(self, inbound: Inbound) -> Inbound:
        if inbound.kind == "choice":
            return await self._named(inbound)
        clicked = bool(inbound.data.get("clicked"))
        text = letter.bare(inbound.text)  # '1' between a greeting and thanks is the first choice still
        if inbound.kind != "message" or not 0 < len(text) <= (1000 if clicked else 60):
            return inbound
        said = await choices.newest(self.channel, inbound.channel_account, inbound.external_user)
        items = offered(said[1], said[2]) if said else []
        if not items or not (clicked or numbered(items, self._caps)):
            return inbound
        item = read_choice(text, items)
        return _as_choice(inbound, item) if item else inbound

    async def _commanded(self, inbound: Inbound) -> Inbound:
        """A command says its sentence in the language that the customer last spoke here."""
        command = inbound.data.get("command")
        known = command and await identities.find(
            inbound.channel, inbound.channel_account, inbound.external_user
        )
        spoken = await Conversation.filter(identity_id=known.id).order_by("-id").first() if known else None
        if spoken is None or spoken.locale not in i18n.LANGUAGES:
            return inbound
        words = i18n.t(spoken.locale, f"channels.command.{command}.says")
        return replace(inbound, text=words, locale=spoken.locale)

    async def _named(self, inbound: Inbound) -> Inbound:
        """A choice says its own words in full, whatever the channel could show of them."""
        newest = await choices.newest(self.channel, inbound.channel_account, inbound.external_user)
        item = await choices.known(newest[0], inbound.choice) if newest else None
        return replace(inbound, text=choices.said(item)) if item else inbound

    async def _prove(self, inbound: Inbound) -> str:
        """Take what the channel vouches for; returns the key of what the customer is told about a link."""
        identity = await self._identity(inbound)
        try:
            if phone := inbound.data.get("proven_phone"):
                await linking.prove(identity.id, "phone", str(phone), how="channel", now=self._now())
                return "phone_proven"
            if link := inbound.data.get("start"):
                joined = await linking.open_link(identity.id, str(link), now=self._now())
                return "" if joined.contact_id == identity.contact_id else "linked"
        except CrmError as fault:  # an old or foreign link: they are greeted as anybody else
            log.info("link.refused", channel=self.channel, reason=fault.code)
            return "link_ended" if fault.values.get("reason") in ("expired", "used") else ""
        return ""

    async def _refused(self, inbound: Inbound) -> Stored:
        """Staff see that something came; the customer hears what can be taken instead."""
        identity = await self._identity(inbound)
        conversation = await threads.reach(identity, now=self._now(), locale=inbound.locale or "")
        sent = Message.filter(conversation_id=conversation.id, external_id=inbound.external_id or "-")
        if earlier := await sent.first():
            return Stored(0, conversation.id, earlier.id, earlier.seq, duplicate=True)
        name = ", ".join(str(name) for name in inbound.data["refused"])
        message = await threads.append(
            conversation.id,
            direction="in",
            author="contact",
            text=f"[{name}]",
            external_id=inbound.external_id or "",
            now=self._now(),
        )
        lang = conversation.locale if conversation.locale in i18n.LANGUAGES else "ko"
        words = i18n.t(lang, "channels.file_refused", name=name, most=files.max_bytes() // 1024 // 1024)
        await self._say(conversation, words, lang)
        return Stored(0, conversation.id, message.id, message.seq, duplicate=False)

    async def _more(self, inbound: Inbound, seq: int, offset: int) -> Stored:
        """Say the choices that did not fit under message `seq`, with the tokens they have."""
        identity = await self._identity(inbound)
        conversation = await threads.reach(identity, now=self._now(), locale=inbound.locale or "")
        said = await Message.get_or_none(conversation_id=conversation.id, seq=seq, direction="out")
        rest = offered(said.choices, said.cards)[offset:] if said else []
        if rest:
            lang = said.lang if said and said.lang in i18n.LANGUAGES else "ko"
            await self._say(conversation, i18n.t(lang, "channels.more_choices"), lang, rest)
        last = conversation.message_seq
        return Stored(0, conversation.id, said.id if said else 0, last, duplicate=False)

    async def _say(
        self, conversation: Conversation, text: str, lang: str, offer: list[Mapping[str, Any]] | None = None
    ) -> None:
        try:
            await outbox.put(
                conversation.id,
                author="system",
                text=text,
                purpose="info",
                choices=offer or (),
                lang=lang,
                now=self._now(),
            )
        except Conflict:  # a contact marked as spam hears nothing
            log.info("message.withheld", conversation=conversation.id)


def _as_choice(inbound: Inbound, item: Mapping[str, Any]) -> Inbound:
    return replace(inbound, kind="choice", choice=str(item["value"]), text=choices.said(item))


async def read_file(token: str) -> bytes:
    """A stored file's bytes. Raises `NotFound`."""
    return (await files.read(token))[1]
