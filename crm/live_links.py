"""Links into a live session: signed, expiring, one a participant, and bound to the first browser that enters.

A link is `<participant>.<expires>.<signature>`. Looking at it (a messenger's preview does) binds nothing;
the page asks to enter, and the browser that did gets a secret of its own. That one may come back; another may
not.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm import db, reads, threads, vault
from crm.errors import Conflict, Invalid, NotFound
from crm.models import LiveParticipant, LiveSession
from crm.sessions import hash_of

SECRET_BYTES = 24
_IN_TEXT = re.compile(r"https?://[^\s/]+(?:/[^\s/]+)*/call/(\d{1,15})\.\d{1,15}\.[\w-]{24}")
AFTERWARDS = timedelta(days=7)  # of a call: its customer may still look at the summary and rate


@dataclass
class _Known:
    public_url: str = ""


_known = _Known()


def use(public_url: str) -> None:
    """Let links begin with this address."""
    _known.public_url = public_url.rstrip("/")


@dataclass(frozen=True)
class Place:
    """A participant and the session they belong to."""

    participant: LiveParticipant
    session: LiveSession

    @property
    def expired(self) -> str:
        """Why the link no longer works: `revoked`, or '' while it does."""
        return "revoked" if self.participant.revoked_at else ""


def token_of(participant: LiveParticipant) -> str:
    """The link's token. It stays the same while the participant's salt and expiry do."""
    expires = int(participant.expires_at.timestamp())
    return f"{participant.id}.{expires}.{_signature(participant.id, expires, participant.salt)}"


def path_of(participant: LiveParticipant) -> str:
    """The address below the public URL."""
    return f"/call/{token_of(participant)}"


def url_of(participant: LiveParticipant) -> str:
    """The whole address, for messages."""
    return f"{_known.public_url}{path_of(participant)}"


def new_salt() -> str:
    """What makes a link another link than the one before."""
    return secrets.token_urlsafe(12)


async def find(token: str, *, now: datetime) -> Place:
    """Whose link it is. Raises `Invalid("link", "forged" | "expired" | "revoked")`; binds nothing."""
    db.require_aware(now)
    participant_id, expires, signature = _parsed(token)
    row = await LiveParticipant.get_or_none(id=participant_id).select_related("session__staff", "staff")
    known = row.salt if row else "nobody"
    if not hmac.compare_digest(signature.encode(), _signature(participant_id, expires, known).encode()):
        raise Invalid("link", "forged")
    if row is None or int(row.expires_at.timestamp()) != expires:
        raise Invalid("link", "forged")
    if row.revoked_at is not None:
        raise Invalid("link", "revoked")
    if row.expires_at <= now and not _still(row.session, now):
        raise Invalid("link", "expired")
    return Place(row, row.session)


async def for_staff(text: str, url: str) -> str:
    """The text with customers' links into calls as the staff's own way in (`url`: the desk's origin): a
    colleague who followed the customer's would bind it to their browser, and shut the customer out."""
    found = {int(match[1]) for match in _IN_TEXT.finditer(text)}
    if not found:
        return text
    rows = await db.fetch(
        f"SELECT id, session_id FROM live_participant WHERE id IN ({db.placeholders(len(found))})"
        " AND side = 'customer'",
        *found,
    )
    sessions = {int(row["id"]): row["session_id"] for row in rows}

    def own(match: re.Match[str]) -> str:
        session = sessions.get(int(match[1]))
        return f"{url}/desk/calls/{session}/room" if session else match[0]

    return _IN_TEXT.sub(own, text)


def is_bound_to(participant: LiveParticipant, secret: str) -> bool:
    """Is this the secret of the browser that the link belongs to?"""
    return bool(participant.bound_hash) and hmac.compare_digest(participant.bound_hash, hash_of(secret))


async def enter(token: str, secret: str, *, now: datetime) -> tuple[Place, str]:
    """Enter by a link; answers the place and the secret that the browser has to keep.

    The first browser binds the link. Raises what `find` raises, and `Conflict("other_browser")`.
    """
    place = await find(token, now=now)
    fresh = secrets.token_urlsafe(SECRET_BYTES)
    async with db.transaction():
        bound = await db.execute(
            "UPDATE live_participant SET bound_hash = ?, bound_at = ? WHERE id = ? AND bound_hash = ''",
            hash_of(fresh), db.stamp(now), place.participant.id,
        )  # fmt: skip
        if bound:
            place.participant.bound_hash, place.participant.bound_at = hash_of(fresh), now
            return place, fresh
    await place.participant.refresh_from_db(fields=["bound_hash"])
    if secret and is_bound_to(place.participant, secret):
        return place, secret
    await db.execute(
        "UPDATE live_participant SET refused_opens = refused_opens + 1 WHERE id = ?", place.participant.id
    )
    raise Conflict("other_browser")


async def speaks(session: LiveSession, locale: str) -> None:
    """The customer chose this language on the call page: what they are told from now on is in it."""
    await LiveSession.filter(id=session.id).update(locale=locale)
    if session.conversation_id is not None:
        await threads.speaks(session.conversation_id, locale)


async def renew(participant_id: int, *, ttl: timedelta, now: datetime) -> LiveParticipant:
    """Another link for the same place: the old one and the browser bound to it are out."""
    async with db.transaction():
        row = await reads.held(LiveParticipant, participant_id)
        if row is None:
            raise NotFound("participant")
        row.salt, row.bound_hash, row.bound_at = new_salt(), "", None
        row.expires_at = now + ttl
        await row.save(update_fields=["salt", "bound_hash", "bound_at", "expires_at"])
    return row


def _still(session: LiveSession, now: datetime) -> bool:
    """Who is in a long call may come back to it; and see its summary for a week afterwards."""
    if session.status == "ended" and session.ended_at is not None:
        return now < session.ended_at + AFTERWARDS
    return session.status == "live"


def _parsed(token: str) -> tuple[int, int, str]:
    parts = token.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts[:2]):
        raise Invalid("link", "forged")
    return int(parts[0]), int(parts[1]), parts[2]


def _signature(participant_id: int, expires: int, salt: str) -> str:
    text = f"{participant_id}.{expires}.{salt}".encode()
    mac = hmac.new(vault.derived_key("live-link"), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:18]).decode()
