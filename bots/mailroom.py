"""What a mailbox asks of the CRM, and what a mail of ours needs to know of its conversation."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bots.channels.offered_choices import offered
from crm import company, gate, identities, mail, mail_answers, ownership, refusals
from crm.inbox import Inbound
from crm.models import Conversation
from crm.outbox import Item


class Mailroom:
    """Fills `bots.channels.email.Mailroom`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def place(self, account: str) -> tuple[int, int, datetime, datetime] | None:
        found = await mail.place(account)
        return (found.uid_validity, found.last_uid, found.since, found.read_at) if found else None

    async def begin(self, account: str, validity: int, uid: int) -> None:
        await mail.begin(account, validity, uid, now=self._now())

    async def passed(self, account: str, validity: int, uid: int) -> None:
        await mail.passed(account, validity, uid, now=self._now())

    async def set_aside(self, account: str, external_id: str, verdict: str, reason: str, uid: int) -> None:
        await mail.set_aside(account, external_id, verdict, reason, uid=uid, now=self._now())

    async def answered(self, account: str, references: tuple[str, ...]) -> tuple[int, str] | None:
        found = await mail.answered(account, references)
        return (found.conversation_id, found.address) if found else None

    async def takes_part(self, conversation_id: int, address: str) -> bool:
        return await mail.takes_part(conversation_id, address)

    async def guard(self, account: str, inbound: Inbound, colleague: str) -> None:
        if colleague and inbound.conversation_id:
            await ownership.hand_over(inbound.conversation_id, reason="participant", now=self._now())
        elif await mail.is_busy(account, inbound.external_user, self._now()):
            identity = await identities.find(mail.CHANNEL, account, inbound.external_user)
            newest = Conversation.filter(identity_id=identity.id if identity else 0).order_by("-id")
            if found := await newest.first():
                await ownership.hand_over(found.id, reason="busy", now=self._now())

    async def keep_original(self, message_id: int, html: str) -> None:
        await mail.keep_original(message_id, html, now=self._now())

    async def bounced(self, references: tuple[str, ...], status: str) -> bool:
        return await mail.bounced(references, status, now=self._now())

    async def auto_reply(
        self, conversation_id: int, account: str, external_id: str, reason: str, uid: int
    ) -> None:
        await mail.auto_reply(conversation_id, account, external_id, reason, uid=uid, now=self._now())


async def dress(item: Item, public_url: str, author_name: str) -> Mapping[str, Any]:
    """What a mail says beside its text: its thread, who writes, and addresses behind its choices."""
    thread = await mail.thread(item.conversation_id, before_seq=item.seq, answers=item.in_reply_to)
    name = await company.name(item.lang or "ko")
    refuse = ""
    if item.purpose == gate.AD:
        contact_id: int = (await Conversation.get(id=item.conversation_id)).contact_id
        refuse = refusals.address(public_url, contact_id, mail.CHANNEL)
    links = {
        str(
            choice["value"]
        ): f"{public_url}/m/{mail_answers.sign(item.message_id, str(choice['value']), item.created_at)}"
        for choice in offered(item.choices, item.cards)
    }
    return {
        "subject": thread.subject,
        "answers": thread.answers,
        "references": list(thread.references),
        "number": thread.number,
        "company": name,
        "name": f"{author_name} · {name}" if author_name else "",
        "links": links,
        "unsubscribe": refuse,
    }
