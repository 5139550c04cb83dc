"""Headers, cookies, CSRF, addresses and rate limits shared by every page."""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bots.web.app_keys import CONFIG, WebConfig

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CSRF_COOKIE = "dangol_csrf"
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"

NONCE = web.RequestKey("nonce", str)
FRAME_SOURCES = web.RequestKey("frame_sources", str)  # other origins that a handler's page shows in frames
FRAME_ANCESTORS = web.RequestKey("frame_ancestors", str)  # a handler widens what may frame its page
CONNECTS = web.RequestKey("connects", str)  # further origins that a page may reach, with a leading blank
SESSION_CSRF = web.RequestKey("session_csrf", str)  # set by the desk's authentication


def nonce(request: web.Request) -> str:
    """The one-time word that lets a page's own inline script or style run under the CSP."""
    if NONCE not in request:
        request[NONCE] = secrets.token_urlsafe(16)
    return request[NONCE]


def policy(request: web.Request) -> str:
    """The Content-Security-Policy of an HTML answer: own origin only, nothing inline without the nonce."""
    word = f"'nonce-{nonce(request)}'"
    ancestors = request.get(FRAME_ANCESTORS, "'self'")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {word}",
            f"style-src 'self' {word}",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "connect-src 'self'" + _socket_origin(request) + request.get(CONNECTS, ""),
            f"frame-src 'self' {request.get(FRAME_SOURCES, '')}".rstrip(),
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {ancestors}",
        ]
    )


def _socket_origin(request: web.Request) -> str:
    """Older Safari does not count a WebSocket of the same host as 'self'."""
    host = request.host
    return f" ws://{host} wss://{host}" if host and ";" not in host and " " not in host else ""


@web.middleware
async def headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the security headers on every answer, errors included."""
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        _harden(request, answer)
        raise
    if not response.prepared:
        _harden(request, response)
    return response


def _harden(request: web.Request, response: web.StreamResponse) -> None:
    given = response.headers
    given.setdefault("X-Content-Type-Options", "nosniff")
    given.setdefault("Referrer-Policy", "same-origin")
    given.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    given.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    given.setdefault(
        "Permissions-Policy",
        "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()",
    )
    if response.content_type == "text/html":
        given.setdefault("Content-Security-Policy", policy(request))
        given.setdefault("Cache-Control", "no-store")
    if request.path.startswith("/static/"):
        # Revalidated by the ETag, as module imports carry no hash. Icons do, and have to show offline too.
        kept = request.path.endswith(".svg") and "v" in request.query
        given.setdefault("Cache-Control", "public, max-age=31536000, immutable" if kept else "no-cache")
    if request.app[CONFIG].secure:
        given.setdefault("Strict-Transport-Security", "max-age=31536000")


# -- cookies and CSRF ------------------------------------------------------------------------------------


def set_cookie(
    request: web.Request, response: web.StreamResponse, name: str, value: str, *, max_age: int | None = None
) -> None:
    """Set a cookie that no script reads and no other site sends. `max_age` in seconds; None: the session."""
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.app[CONFIG].secure,
    )


def csrf_token(request: web.Request) -> str:
    """The word a form of this page must bring back. A page without login also calls `keep_csrf`."""
    if SESSION_CSRF in request:
        return request[SESSION_CSRF]
    return _sign(request.app[CONFIG], _anonymous(request))


def keep_csrf(request: web.Request, response: web.StreamResponse) -> None:
    """Give a visitor who is not signed in the cookie that their form's word is made from."""
    set_cookie(request, response, CSRF_COOKIE, _anonymous(request), max_age=86400)


async def check_csrf(request: web.Request) -> None:
    """Raise 403 unless the request comes from our own page with its word (field or header)."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden(text="csrf")
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        field_value = (await form(request)).get(CSRF_FIELD, "")
        given = field_value if isinstance(field_value, str) else ""
    known = SESSION_CSRF in request or CSRF_COOKIE in request.cookies
    if not known or not hmac.compare_digest(given.encode(), csrf_token(request).encode()):
        raise web.HTTPForbidden(text="csrf")


# What reading a form raises that is none: broken parts, an unknown charset, headers without end.
MALFORMED = (ValueError, LookupError, AssertionError, HttpProcessingError)


@contextmanager
def reading() -> Iterator[None]:
    """Answer 400 when what is read within is not the form that it says it is."""
    try:
        yield
    except MALFORMED as fault:
        raise web.HTTPBadRequest(text="form") from fault


async def form(request: web.Request) -> Mapping[str, Any]:
    """The fields of a form; files as aiohttp gives them. Raises 400 for what is none."""
    with reading():
        return await request.post()


_ANONYMOUS = web.RequestKey("csrf_anonymous", str)


def _anonymous(request: web.Request) -> str:
    if _ANONYMOUS not in request:
        request[_ANONYMOUS] = request.cookies.get(CSRF_COOKIE) or secrets.token_urlsafe(24)
    return request[_ANONYMOUS]


def _sign(config: WebConfig, value: str) -> str:
    return hmac.new(config.secret_key, b"csrf:" + value.encode(), hashlib.sha256).hexdigest()


# -- who is calling --------------------------------------------------------------------------------------


def client_address(request: web.Request) -> str:
    """The caller's address: the last one in X-Forwarded-For that no trusted proxy added, else the peer."""
    peer = request.remote or ""
    trusted = request.app[CONFIG].trusted_proxies
    if not _within(peer, trusted):
        return peer
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _within(hop, trusted):
            return hop
    return peer


def is_loopback(request: web.Request) -> bool:
    """Whether only this machine can reach us, the browser runs on it, through no proxy, and asked for a
    loopback name."""
    proxied = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"))
    if not request.app[CONFIG].loopback_only or proxied:
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return _within(request.remote or "", ["127.0.0.0/8", "::1"]) and host in ("localhost", "127.0.0.1", "::1")


def _within(address: str, networks: Iterable[str]) -> bool:
    try:
        known = ipaddress.ip_address(address)
        return any(known in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False


def own_origin(request: web.Request) -> str:
    """scheme://host of this server as the browser sees it."""
    config = request.app[CONFIG]
    return config.public_url.rstrip("/") if config.public_url else f"{request.scheme}://{request.host}"


def origin_allowed(request: web.Request) -> bool:
    """Whether the page that opened this request is ours or a site of CHAT_ORIGINS. No Origin header: a
    program, not a browser page, so there is no page to protect."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    if origin == own_origin(request) or urlsplit(origin).netloc == request.host:
        return True
    return origin in {allowed.rstrip("/") for allowed in request.app[CONFIG].chat_origins}


# -- rate limits -----------------------------------------------------------------------------------------


@dataclass
class RateLimit:
    """A token bucket per key: `burst` at once, then `rate` a second. `at` is a monotonic clock in seconds."""

    rate: float
    burst: int
    keep: int = 10_000
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, key: str, at: float) -> bool:
        """Use one token of `key`; False when there is none."""
        left, since = self._left.pop(key, (float(self.burst), at))
        left = min(float(self.burst), left + (at - since) * self.rate)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, at)
        if len(self._left) > self.keep:  # forget the key idle for longest
            self._left.pop(next(iter(self._left)))
        return allowed
