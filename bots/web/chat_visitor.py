"""A visitor that an embedding site vouches for becomes a contact with a name and a phone number."""

from datetime import datetime

import structlog

from bots.channels.web import CHANNEL
from bots.web.chat_session import ChatSession
from crm import contacts, linking
from crm.actor import SYSTEM
from crm.errors import CrmError
from crm.formats import normalise_phone
from crm.models import Identity

log = structlog.get_logger(__name__)


async def introduce(session: ChatSession, *, now: datetime) -> None:
    """Fill in what is not known yet; what staff or the customer entered stays."""
    visitor = session.visitor
    if visitor is None:
        return
    identity = await Identity.get_or_none(
        channel=CHANNEL, channel_account="", external_id=session.external_user
    ).select_related("contact")
    if identity is None or identity.verified:
        return
    phone = normalise_phone(visitor.phone) if visitor.phone else None
    known = {"name": identity.contact.name, "phone": identity.contact.phone}
    told = {"name": visitor.name, "phone": phone or ""}
    changes = {field: value for field, value in told.items() if value and not known[field]}
    if changes:
        try:
            await contacts.update(SYSTEM, identity.contact_id, changes, now=now)
        except CrmError as error:  # a name or number of the site's that we do not take: the chat goes on
            log.info("visitor_not_taken_over", code=error.code)
    await linking.vouch(identity.id, visitor.sub, phone=visitor.phone, now=now)
