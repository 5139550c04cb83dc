"""Choices of a mail as signed addresses: opening one shows what it says, pressing there says it.

Mail programs and virus scanners open every address of a mail, so opening alone does nothing.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from crm import choices, db, inbox, vault
from crm.errors import Invalid, NotFound
from crm.inbox import Inbound, Stored
from crm.models import Message

LIFE: Final = timedelta(days=30)
_MAC_BYTES: Final = 18


@dataclass(frozen=True)
class Offer:
    """What an address stands for: a choice of a message to somebody on a channel."""

    message_id: int
    value: str
    said: str
    locale: str
    channel: str
    account: str
    address: str


def sign(message_id: int, value: str, at: datetime) -> str:
    """The last part of the address of a choice of a message sent `at`."""
    body = f"{message_id}.{int((db.require_aware(at) + LIFE).timestamp())}.{value}"
    return f"{body}.{_mac(body)}"


async def read(token: str, now: datetime) -> Offer:
    """What a token offers. Raises `Invalid("link", "forged"|"expired")`, `NotFound` for an erased message."""
    body, _, mac = token.rpartition(".")
    if not hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(body).encode()):
        raise Invalid("link", "forged")
    number, expires, value = body.split(".", 2)
    if int(expires) < db.require_aware(now).timestamp():
        raise Invalid("link", "expired")
    message = await Message.get_or_none(id=int(number)).select_related("conversation__identity")
    found = choices.find(message.choices, message.cards, value) if message else None
    if message is None or found is None:
        raise NotFound("choice")
    identity = message.conversation.identity
    return Offer(
        message.id,
        value,
        choices.said(found),
        message.lang or message.conversation.locale,
        identity.channel,
        identity.channel_account,
        identity.external_id,
    )


async def press(offer: Offer, *, now: datetime) -> Stored:
    """The customer says it. Pressed again it changes nothing."""
    return await inbox.store(
        Inbound(
            channel=offer.channel,
            channel_account=offer.account,
            external_user=offer.address,
            external_id=f"choice:{offer.message_id}:{offer.value}",
            kind="choice",
            text=offer.said,
            choice=offer.value,
            locale=offer.locale,
            received_at=now,
            conversation_id=(await Message.get(id=offer.message_id)).conversation_id,
        ),
        now=now,
    )


def _mac(body: str) -> str:
    digest = hmac.new(vault.derived_key("mail"), body.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_MAC_BYTES]).decode()
