"""The trained model in force: workers swap to it between turns, `/readyz` asks whether one has."""

from datetime import datetime

from crm import db
from crm.models import AssistantModel


async def in_force() -> str:
    """The fingerprint of the model that shall answer; "" before the first was trained."""
    newest = await AssistantModel.all().order_by("-id").first()
    return newest.fingerprint if newest else ""


async def put_in_force(fingerprint: str, now: datetime) -> bool:
    """Let `fingerprint` answer from now on; return whether that is a change. `now` is aware."""
    db.require_aware(now)
    async with db.transaction():
        if await in_force() == fingerprint:
            return False
        await AssistantModel.create(fingerprint=fingerprint, at=now)
        return True
