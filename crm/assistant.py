"""The trained model in force: workers swap to it between turns, `/readyz` asks whether one has."""

from datetime import datetime

from crm import db
from crm.models import AssistantModel


async def in_force() -> str:
    """The fingerprint of the model that shall answer; "" before the first was trained."""
    newest = await AssistantModel.all().order_by("-id").first()
    return newest.fingerprint if newest else ""


async def put_in_force(fingerprint: str, now: datetime) -> bool:
    """Let `fingerprint` answer from now on; return whether that is a change. `now` is aware.

    One statement: a process that starts meets others that write, and SQLite does not let a transaction that
    has read before them write after them.
    """
    changed = await db.execute(
        "INSERT INTO assistant_model (fingerprint, at)"
        f" SELECT {db.typed('?', '?', of=('text', 'timestamptz'))} WHERE ? <> coalesce("
        "(SELECT fingerprint FROM assistant_model ORDER BY id DESC LIMIT 1), '')",
        fingerprint,
        db.stamp(now),
        fingerprint,
    )
    return bool(changed)
