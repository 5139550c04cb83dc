"""Bearer tokens of the REST API, made for a staff member whose rights they carry."""

import secrets
from datetime import datetime

from crm import audit, writes
from crm.actor import Actor, check
from crm.checks import text
from crm.errors import NotFound
from crm.models import AccessToken, Staff
from crm.sessions import hash_of

PREFIX = "dgl_"  # lets secret scanners and people recognise a leaked one


async def issue(actor: Actor, staff_id: int, name: str, *, now: datetime) -> str:
    """Make a token and return it; it cannot be shown again."""
    check(actor, "staff.write")
    name = text("name", name, longest=60)
    token = PREFIX + secrets.token_urlsafe(32)
    async with writes.transaction():
        if not await Staff.exists(id=staff_id, active=True):
            raise NotFound("staff")
        row = await AccessToken.create(
            token_hash=hash_of(token), staff_id=staff_id, name=name, created_at=now
        )
        await audit.record(actor, "token.issued", "token", row.id, now=now)
    return token


async def of_bearer(token: str, *, now: datetime) -> Staff | None:
    """The staff member a token stands for; None when unknown or revoked, or the person is inactive."""
    row = await AccessToken.get_or_none(token_hash=hash_of(token), revoked_at=None).select_related("staff")
    if row is None or not row.staff.active:
        return None
    if row.last_used_at is None or (now - row.last_used_at).total_seconds() >= 60:
        await AccessToken.filter(id=row.id).update(last_used_at=now)
    return row.staff


async def list_tokens(actor: Actor, staff_id: int | None = None) -> list[AccessToken]:
    """Tokens in force, newest first, with their staff members."""
    check(actor, "staff.write")
    query = AccessToken.filter(revoked_at=None)
    if staff_id is not None:
        query = query.filter(staff_id=staff_id)
    return await query.order_by("-created_at", "-id").select_related("staff")


async def revoke(actor: Actor, token_id: int, *, now: datetime) -> None:
    """End a token at once."""
    check(actor, "staff.write")
    async with writes.transaction():
        if not await AccessToken.filter(id=token_id, revoked_at=None).update(revoked_at=now):
            raise NotFound("token")
        await audit.record(actor, "token.revoked", "token", token_id, now=now)
