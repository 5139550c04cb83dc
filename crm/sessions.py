"""Signed-in browsers of staff. The cookie's token is random; only its hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm.actor import Actor
from crm.models import Session, Staff
from crm.zone import aware

SHORT = timedelta(hours=12)
LONG = timedelta(days=14)  # '이 기기에서 14일 유지'
# A look at every page need not be a write; presence and clean-up are content with this much.
SEEN_STEP = timedelta(minutes=1)


@dataclass(frozen=True)
class NewSession:
    """What the browser gets: the cookie's token, and the token that forms send back (CSRF)."""

    token: str
    csrf: str
    expires_at: datetime
    staff: Staff


@dataclass(frozen=True)
class SignedIn:
    """Who a cookie stands for."""

    staff: Staff
    csrf: str
    expires_at: datetime

    @property
    def actor(self) -> Actor:
        return actor_of(self.staff)


def actor_of(staff: Staff) -> Actor:
    """The actor that a staff member's writes are recorded as."""
    return Actor("staff", staff.id, staff.role, staff.name)


def hash_of(token: str) -> str:
    """SHA-256: enough for a token of 256 random bits, which nobody can guess."""
    return hashlib.sha256(token.encode()).hexdigest()


async def start(staff: Staff, *, now: datetime, keep: bool = False) -> NewSession:
    """Open a session of 12 hours, or 14 days with `keep`."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    expires = aware(now) + (LONG if keep else SHORT)
    await Session.create(
        token_hash=hash_of(token),
        staff_id=staff.id,
        csrf=csrf,
        created_at=now,
        expires_at=expires,
        last_seen_at=now,
    )
    return NewSession(token, csrf, expires, staff)


async def of_token(token: str, *, now: datetime) -> SignedIn | None:
    """Who a cookie stands for; None when it is unknown or over, or the person no longer works here."""
    session = await Session.get_or_none(token_hash=hash_of(token)).select_related("staff")
    if session is None or session.expires_at <= aware(now) or not session.staff.active:
        return None
    if now - session.last_seen_at >= SEEN_STEP:
        await Session.filter(id=session.id).update(last_seen_at=now)
    return SignedIn(session.staff, session.csrf, session.expires_at)


async def end(token: str) -> None:
    """Sign this browser out."""
    await Session.filter(token_hash=hash_of(token)).delete()


async def end_all(staff_id: int) -> int:
    """Sign every browser of a staff member out; return how many."""
    return await Session.filter(staff_id=staff_id).delete()


async def sweep(now: datetime) -> int:
    """Forget sessions that are over; return how many."""
    return await Session.filter(expires_at__lte=aware(now)).delete()
