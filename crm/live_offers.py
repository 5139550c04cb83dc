"""Files that staff offer to the customer's controlled computer: kept here, fetched by the desktop agent."""

from datetime import datetime

from crm import audit, db, files
from crm.actor import Actor, check
from crm.models import File, LiveSession


async def keep(actor: Actor, session: LiveSession, *, name: str, data: bytes, now: datetime) -> File:
    """Keep it for the agent to fetch. Whether it is fetched is the customer's to say, and stands in the
    control log. Raises `Forbidden`, and what `files.store` raises."""
    check(actor, "live.write")
    kept = await files.store(data, name=name, owner=actor.ref, now=now)
    async with db.transaction():
        await audit.record(
            actor, "live.file_offered", "live", session.id, now=now, contact_id=session.contact_id
        )
    return kept
