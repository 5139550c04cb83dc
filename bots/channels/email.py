"""E-mail: SMTP out, IMAP in. One mailbox is one account.

A mail is stored before the mailbox is told that it was seen, and its Message-ID names it for good: read again
(after a crash, or when the server gave every mail a new number) it changes nothing. Nothing is ever deleted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

import structlog
from aiohttp import web

from bots.channels import email_faults, email_incoming, email_outgoing, email_safe, email_server
from bots.channels.base import Caps, Outbound, Ports, Receive, Wire
from bots.channels.email_headers import Address, addresses, decode
from bots.channels.email_imap import POLL_SECONDS, Fetched, Folder
from bots.channels.email_incoming import Facts
from bots.channels.email_outgoing import CAPS as CAPS
from bots.channels.email_smtp import Postman
from crm.errors import CrmError, Invalid
from crm.inbox import Inbound

log = structlog.get_logger()

LARGEST = 32 * 1024 * 1024  # bytes of a mail that is taken whole: 20 MB of files in base64, and more
ATTEMPTS = 5  # at one mail that cannot be handled, before it is parked
OVERLAP = timedelta(days=2)  # looked at again when the server's numbers changed
WRONG_CLOCK = timedelta(hours=1)
EVER = datetime.min.replace(tzinfo=UTC)


class Mailroom(Protocol):
    """What a mailbox needs of the rest of the program (bots/mailroom.py)."""

    async def place(self, account: str) -> tuple[int, int, datetime, datetime] | None:
        """UIDVALIDITY, the last UID taken, when it was opened first and read last; None: never opened."""

    async def begin(self, account: str, validity: int, uid: int) -> None:
        """It is opened for the first time; what is there is none of ours."""

    async def passed(self, account: str, validity: int, uid: int) -> None:
        """Everything up to this UID is taken care of."""

    async def set_aside(self, account: str, external_id: str, verdict: str, reason: str, uid: int) -> None:
        """This mail became no message."""

    async def answered(self, account: str, references: tuple[str, ...]) -> tuple[int, str] | None:
        """The conversation that these Message-IDs belong to, and the customer's address there."""

    async def guard(self, account: str, inbound: Inbound, colleague: str) -> None:
        """Give the conversation to a person where the bot must not answer: to `colleague`, somebody else
        whom the customer had among the recipients, and to who writes like a machine."""

    async def takes_part(self, conversation_id: int, address: str) -> bool:
        """Whether the customer had this address among the recipients."""

    async def keep_original(self, message_id: int, html: str) -> None:
        """Keep how a stored mail looked; the same again changes nothing."""

    async def bounced(self, references: tuple[str, ...], status: str) -> bool:
        """A mail of ours came back. False: it is none of ours, or known."""

    async def auto_reply(
        self, conversation_id: int, account: str, external_id: str, reason: str, uid: int
    ) -> None:
        """A machine answered in this conversation."""


class EmailChannel:
    """One mailbox, with the server that takes its mails."""

    name: ClassVar[str] = email_incoming.CHANNEL
    caps: ClassVar[Caps] = CAPS
    exclusive = True  # two readers of one mailbox would take each mail twice

    def __init__(self, account: str, values: Mapping[str, str], ports: Ports) -> None:
        self.account = account
        self.sender = _address(values["mail_from"])
        self._smtp = email_server.read(values["smtp_url"]) if values["smtp_url"] else None
        self._imap = email_server.read(values["imap_url"]) if values["imap_url"] else None
        self._ports = ports
        self._postman = Postman(self._smtp) if self._smtp else None
        siblings = {name: _address(one["mail_from"]).address for name, one in ports.siblings.items()}
        self._ours = frozenset({self.sender.address, *siblings.values()})
        # accounts that read one mailbox share it by whom a mail is for
        sharing = [name for name, one in ports.siblings.items() if one["imap_url"] == values["imap_url"]]
        self._first = not sharing or account == min(sharing)
        self._others = frozenset(siblings[name] for name in sharing if name != account)
        self._failed: dict[int, int] = {}
        self.poll_seconds = POLL_SECONDS
        self._made_at = datetime.now(UTC)

    # --- in

    def parse(self, payload: Mapping[str, Any]) -> Inbound | None:
        """The message in a mail (`mail`: its bytes, `at`: when the server got it)."""
        return email_incoming.read(payload["mail"], self.account, self._ours, payload["at"]).inbound

    async def run(self, receive: Receive) -> None:
        """Read the mailbox until cancelled; raises when the connection is lost."""
        if self._imap is None:
            await asyncio.Event().wait()
            return
        async with Folder(self._imap, poll_seconds=self.poll_seconds) as folder:
            log.info("mail.opened", account=self.account, pushes=folder.pushes)
            while True:
                while await self._read(folder, receive):
                    pass
                await folder.wait()

    async def _read(self, folder: Folder, receive: Receive) -> int:
        """Take what is new, in order; how many there were."""
        place = await self._mailroom.place(self.account)
        if place is None:
            begin = await folder.before(self._made_at)
            await self._mailroom.begin(self.account, folder.validity, begin)
            return 1  # look again: something may have come since we were started
        validity, last, since, read_at = place
        if validity != folder.validity:
            return await self._renumbered(folder, since, read_at, receive)
        uids = await folder.newer(last)
        for uid in uids:
            await self._one(folder, uid, EVER, receive)
            await self._mailroom.passed(self.account, folder.validity, uid)
        return len(uids)

    async def _renumbered(self, folder: Folder, since: datetime, read_at: datetime, receive: Receive) -> int:
        """Every mail has another number: look again at the last days. What was taken is known by its
        Message-ID, and the place moves when all is looked at, so that a crash begins this anew."""
        log.warning("mail.renumbered", account=self.account)
        uids = await folder.since((read_at - OVERLAP).date())
        for uid in uids:
            await self._one(folder, uid, since, receive)
        last = max([*uids, folder.next_uid - 1])
        await self._mailroom.passed(self.account, folder.validity, last)
        return len(uids)

    async def _one(self, folder: Folder, uid: int, since: datetime, receive: Receive) -> None:
        """Take one mail. Raises what is not the mail's own fault, and anything the first times."""
        fetched = await folder.fetch(uid, largest=LARGEST)
        if fetched is None:
            return
        try:
            taken = await self.take(fetched, receive, uid=uid, since=since)
        except (OSError, asyncio.CancelledError):
            raise
        except Exception as fault:
            self._failed[uid] = self._failed.get(uid, 0) + 1
            if not isinstance(fault, CrmError) and self._failed[uid] < ATTEMPTS:
                raise
            log.error("mail.parked", account=self.account, uid=uid, fault=type(fault).__name__)
            name = f"uid:{folder.validity}:{uid}"
            await self._mailroom.set_aside(self.account, name, "parked", type(fault).__name__, uid)
            return
        self._failed.pop(uid, None)
        if taken:
            await folder.mark_seen(uid)

    async def take(self, fetched: Fetched, receive: Receive, *, uid: int = 0, since: datetime = EVER) -> bool:
        """Do what a mail asks for; it is stored or set aside when this returns. False: it is not for us.

        `since`: older mails are none of ours.
        """
        at = min(fetched.at or datetime.now(UTC), datetime.now(UTC))
        facts = await asyncio.to_thread(
            email_incoming.read, fetched.data, self.account, self._ours, at, whole=fetched.whole
        )
        if not self._for_us(facts):
            return False
        began = since.replace(microsecond=0)  # servers tell whole seconds, and a sender's clock may be wrong
        if at < began or (facts.written_at or at) < max(EVER + WRONG_CLOCK, began) - WRONG_CLOCK:
            await self._aside(facts, "old", uid)
            return False
        if facts.inbound is not None:
            await self._message(facts, facts.inbound, receive)
            return True
        if facts.bounce is not None:
            await self._mailroom.bounced(facts.bounce.references, facts.bounce.status)
        elif facts.verdict == "auto" and (found := await self._answered(facts)):
            await self._mailroom.auto_reply(found[0], self.account, facts.external_id, facts.reason, uid)
        await self._aside(facts, facts.reason, uid)
        return True

    def _for_us(self, facts: Facts) -> bool:
        """Of accounts that read one mailbox the one that a mail is for; the first takes the rest."""
        if self.sender.address in facts.recipients or facts.bounce is not None:
            return True
        return self._first and not self._others & facts.recipients

    async def _aside(self, facts: Facts, reason: str, uid: int) -> None:
        log.info("mail.set_aside", account=self.account, verdict=facts.verdict, reason=reason)
        await self._mailroom.set_aside(self.account, facts.external_id, facts.verdict, reason, uid)

    async def _message(self, facts: Facts, inbound: Inbound, receive: Receive) -> None:
        found = await self._answered(facts)
        colleague = ""
        if found:
            colleague = inbound.external_user if inbound.external_user != found[1] else ""
            if not colleague:
                inbound = replace(inbound, conversation_id=found[0])
            elif await self._mailroom.takes_part(found[0], colleague):
                about = {"mail": {**inbound.data["mail"], "colleague": True}}
                inbound = replace(
                    inbound, conversation_id=found[0], external_user=found[1], display_name="", data=about
                )
            else:
                colleague = ""  # a stranger who knows of our mail: a customer of their own
        await self._mailroom.guard(self.account, inbound, colleague)
        inbound, pictures = await self._with_files(facts, inbound)
        stored = await receive(inbound)
        if facts.original and stored.message_id:  # a crash in between brings the mail again, and so this
            html = email_safe.named(facts.original, pictures)
            await self._mailroom.keep_original(stored.message_id, html)

    async def _with_files(self, facts: Facts, inbound: Inbound) -> tuple[Inbound, Mapping[str, str]]:
        """Keep the files of a mail, those that cannot be taken by name; and which picture in it is which."""
        tokens: list[str] = []
        pictures: dict[str, str] = {}
        mail = dict(inbound.data["mail"])
        refused = list(mail.get("refused", ()))
        for file in facts.attachments:
            try:
                tokens.append(await self._ports.keep_file(inbound, file.name, file.data))
                pictures[file.cid] = tokens[-1]
            except Invalid:
                refused.append(file.name)
        data: dict[str, Any] = {**inbound.data, "mail": {**mail, "refused": refused} if refused else mail}
        if refused:
            data["refused"] = refused
        return replace(inbound, files=tuple(tokens), data=data), pictures

    async def _answered(self, facts: Facts) -> tuple[int, str] | None:
        return await self._mailroom.answered(self.account, facts.references) if facts.references else None

    @property
    def _mailroom(self) -> Mailroom:
        mailroom: Mailroom = self._ports.mailroom
        return mailroom

    # --- out

    def merge(self, messages: Sequence[Outbound]) -> Outbound:
        """All that the bot says to one mail as one mail."""
        return email_outgoing.merge(messages)

    def render(self, message: Outbound) -> list[Wire]:
        """One mail."""
        return email_outgoing.render(message, self.sender)

    async def send(self, message: Wire) -> str:
        """Hand the mail to the server; returns its Message-ID, the same whenever it is sent again."""
        if self._postman is None:
            raise RuntimeError("DANGOL_SMTP_URL is not set")
        contents = [await self._ports.read_file(file["token"]) for file in message.payload["files"]]
        mail = await asyncio.to_thread(email_outgoing.build, message, self.sender, contents)
        await self._postman.send(self.sender.address, email_outgoing.route(message.to), mail)
        return str(message.payload["message_id"])

    # --- set-up

    def routes(self, app: web.Application, receive: Receive) -> None:
        """Nobody calls us."""

    async def check(self) -> str:
        """Log in at both servers and say who we are."""
        if self._postman is None:
            raise RuntimeError("DANGOL_SMTP_URL is not set: answers cannot be sent")
        try:
            await self._postman.check(self.sender.address)
        except Exception as fault:
            told = email_faults.smtp(fault, self._postman.server, self.sender.address)
            raise RuntimeError(told) from fault
        if self._imap is None:
            return f"{self.sender.address}, sends; DANGOL_IMAP_URL is not set: nothing is received"
        try:
            async with Folder(self._imap) as folder:
                way = "told of new mail at once" if folder.pushes else "asks for new mail (no IDLE there)"
        except Exception as fault:
            raise RuntimeError(email_faults.imap(fault, self._imap)) from fault
        return f"{self.sender.address}, sends and receives, {way}"

    async def close(self) -> None:
        """Give the connections back."""
        if self._postman is not None:
            await self._postman.close()


def _address(value: str) -> Address:
    """The sender of a setting, whose name may be written in any way."""
    found = addresses(value)
    return replace(found[0], name=decode(found[0].name)) if found else Address("", "")


def make(account: str, values: Mapping[str, str], ports: Ports) -> EmailChannel:
    """The mailbox of one account's settings."""
    return EmailChannel(account, values, ports)
