"""Who is at the other end of a chat page: an unguessable session of ours, or a visitor that the embedding
site vouches for."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey

from bots.channels.web import CHANNEL
from bots.web.app_keys import WebConfig
from crm import page_links
from crm.errors import Invalid

TOKEN_BYTES = 24
ROOM = "page:"  # before the token of a conversation's own page (crm/page_links.py)


class BadVisitor(Exception):
    """The embedding site's token is forged, expired or incomplete."""


class ExpiredVisitor(BadVisitor):
    """The token is the site's own, but its time is over. `sub` is whom it named."""

    def __init__(self, sub: str) -> None:
        super().__init__("expired")
        self.sub = sub


@dataclass(frozen=True)
class Visitor:
    """The claims of a visitor token: `sub` is the site's own name for the person."""

    sub: str
    name: str = ""
    phone: str = ""


@dataclass(frozen=True)
class ChatSession:
    """`token` goes to the page alone; `external_user` is what the CRM knows, from which no token follows."""

    token: str
    external_user: str
    visitor: Visitor | None = None
    channel: str = CHANNEL  # another one behind a signed address of that conversation
    account: str = ""


def _signer(config: WebConfig) -> URLSafeSerializer:
    return URLSafeSerializer(config.secret_key, salt="web-chat-session")


def open_session(config: WebConfig, given: str | None, visitor: Visitor | None) -> ChatSession:
    """The session of `given`, or a new one when it is absent, forged or another visitor's."""
    sub = visitor.sub if visitor else ""
    known = _read(config, given) if given else None
    if given and known and known[1] == sub:
        return _session(given, known[0], visitor)
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    token = _signer(config).dumps([secret, sub])
    return _session(token if isinstance(token, str) else token.decode(), secret, visitor)


async def open_room(given: str | None, now: datetime) -> ChatSession | None:
    """The session of a page that shows another channel's conversation, behind its signed address.

    None when `given` is no such token. Raises `Invalid("link", "forged"|"expired")`.
    """
    if not given or not given.startswith(ROOM):
        return None
    identity = await page_links.open_page(given.removeprefix(ROOM), now=now)
    return ChatSession(
        given, identity.external_id, channel=identity.channel, account=identity.channel_account
    )


def still_known(config: WebConfig, given: str | None, sub: str) -> Visitor | None:
    """The visitor `sub` of a session that began while the site vouched for them: a page that reconnects with
    the token it was loaded with goes on. None for any other session."""
    known = _read(config, given) if given else None
    return Visitor(sub) if known and known[1] == sub else None


async def resume(config: WebConfig, token: str, now: datetime) -> ChatSession | None:
    """The session behind a token that an upload or a reading of the history brings; None when forged."""
    try:
        if room := await open_room(token, now):
            return room
    except Invalid:
        return None
    known = _read(config, token)
    if known is None:
        return None
    return _session(token, known[0], Visitor(known[1]) if known[1] else None)


def _session(token: str, secret: str, visitor: Visitor | None) -> ChatSession:
    if visitor:
        digest = hashlib.sha256(visitor.sub.encode()).hexdigest()
        return ChatSession(token, f"visitor:{digest}", visitor)
    return ChatSession(token, hashlib.sha256(secret.encode()).hexdigest())


def _read(config: WebConfig, token: str) -> tuple[str, str] | None:
    try:
        value: Any = _signer(config).loads(token)
    except BadSignature:
        return None
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):
        return value[0], value[1]
    return None


def read_visitor(config: WebConfig, token: str, now: datetime) -> Visitor:
    """The visitor of an embedding site's JWT (HS256 by CHAT_VISITOR_SECRET; sub, exp, name?, phone?).

    Raises `BadVisitor`, also when no secret is set, and `ExpiredVisitor` when only its time is over.
    """
    if not config.chat_visitor_secret:
        raise BadVisitor("no secret is set")
    try:
        decoded = jwt.decode(token, OctKey.import_key(config.chat_visitor_secret), algorithms=["HS256"])
        jwt.JWTClaimsRegistry(
            now=lambda: int(now.timestamp()), sub={"essential": True}, exp={"essential": True}
        ).validate(decoded.claims)
    except ExpiredTokenError as error:
        raise ExpiredVisitor(str(decoded.claims["sub"])[:500]) from error
    except (JoseError, ValueError) as error:
        raise BadVisitor(type(error).__name__) from error
    claims = decoded.claims
    return Visitor(
        sub=str(claims["sub"])[:500],
        name=str(claims.get("name") or "")[:100],
        phone=str(claims.get("phone") or "")[:32],
    )
