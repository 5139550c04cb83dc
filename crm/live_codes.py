"""The code by which the customer's desktop agent finds its session: eight digits, ten minutes, one use.

Only a keyed hash is kept. Guessing is braked by the front (per address) and here (codes a session may have).
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from crm import audit, live_events, live_links, live_sessions, vault, writes
from crm.actor import Actor, check
from crm.errors import Conflict, NotFound
from crm.live_links import Place
from crm.models import LiveParticipant
from crm.zone import aware

DIGITS: Final = 8
TTL: Final = timedelta(minutes=10)
A_SESSION: Final = 10  # codes that one session may ask for


async def issue(actor: Actor, session_id: int, *, now: datetime) -> str:
    """A fresh code for the customer's computer; one before it that waits is void.

    Raises `Conflict`: `over` unless the session is live, `too_many`.
    """
    check(actor, "live.write")
    aware(now)
    async with live_sessions.held(session_id) as session:
        if session.status != "live":
            raise Conflict("over", status=session.status)
        agents = LiveParticipant.filter(session_id=session_id, side="agent")
        if await agents.count() >= A_SESSION:
            raise Conflict("too_many")
        await agents.filter(joined_at=None).update(revoked_at=now, code_hash="", code_until=None)
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        await LiveParticipant.create(
            session_id=session_id, side="agent", name="", salt=live_links.new_salt(),
            expires_at=session.expires_at, code_hash=_hash(code), code_until=now + TTL,
        )  # fmt: skip
        await live_events.record(session_id, "control_asked", now=now)
        await audit.record(
            actor, "live.control_asked", "live", session_id, now=now, contact_id=session.contact_id
        )
    return code


async def redeem(code: str, *, now: datetime) -> tuple[Place, str]:
    """The agent's place and the key of its connection; the code is spent.

    Raises `NotFound` for an unknown or spent code, `Conflict("expired")`.
    """
    digits = "".join(one for one in code if one.isascii() and one.isdigit())
    async with writes.transaction():
        row = await LiveParticipant.get_or_none(code_hash=_hash(digits)) if len(digits) == DIGITS else None
        if row is None or row.revoked_at is not None:
            raise NotFound("code")
        until, row.code_hash = row.code_until, ""
        row.code_until = None
        await row.save(update_fields=["code_hash", "code_until"])
        if until is None or until <= now:
            row = None
    if row is None:
        raise Conflict("expired")
    return await live_links.enter(live_links.token_of(row), "", now=now)


def _hash(code: str) -> str:
    return hmac.new(vault.derived_key("live-code"), code.encode(), hashlib.sha256).hexdigest()
