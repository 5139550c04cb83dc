"""Signing in: Argon2id off the event loop, and a limit on wrong tries by login and by address."""

import asyncio
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm import sessions
from crm.errors import CrmError
from crm.models import LoginAttempt, Staff
from crm.sessions import NewSession
from crm.zone import aware

TRIES = 5
WINDOW = timedelta(minutes=15)
# OWASP's second choice for Argon2id: 19 MiB, two passes, one lane. Two at a time bound memory and cores.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


class WrongLogin(CrmError):
    """Login or password is wrong; `tries_left` of five in 15 minutes remain."""

    code = "wrong_login"


class LoginBlocked(CrmError):
    """Five wrong tries in 15 minutes from this address or for this login; `minutes` until the next."""

    code = "login_blocked"


class DemoRefused(CrmError):
    """A demo password works on this machine's own address only."""

    code = "demo_refused"


async def hash_password(password: str) -> str:
    """An Argon2id hash, computed in a thread (about 30 ms)."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _HASHER.hash, password)


async def verify_password(stored: str, password: str) -> bool:
    """Whether the password belongs to the stored hash, computed in a thread. An empty hash matches nothing,
    but takes as long, so that a guess does not tell which logins exist."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _verify, stored, password)


async def authenticate(
    login: str, password: str, *, address_key: str, loopback: bool, now: datetime, keep: bool = False
) -> NewSession:
    """Sign a staff member in. `address_key` names the browser's address; only its hash is kept.

    Raises `WrongLogin`, `LoginBlocked` or, for a demo password unless `loopback`, `DemoRefused`. Must not run
    inside a transaction: it waits for the hash.
    """
    login = login.strip().lower()[:40]
    keys = [_key("login", login), _key("address", address_key)]
    left, tries = await _count_try(keys, aware(now))
    staff = await Staff.get_or_none(login=login)
    if staff and staff.demo and not loopback:
        raise DemoRefused
    known = staff is not None and staff.active and staff.password_hash != ""
    right = await verify_password(staff.password_hash if staff and known else "", password[:1024])
    if staff is None or not known or not right:
        raise WrongLogin(tries_left=left)
    await LoginAttempt.filter(key=keys[0]).delete()
    await LoginAttempt.filter(id__in=tries).delete()
    return await sessions.start(staff, now=now, keep=keep)


async def sweep(now: datetime) -> int:
    """Forget tries that no longer count; return how many."""
    return await LoginAttempt.filter(at__lte=aware(now) - WINDOW).delete()


async def _count_try(keys: list[str], now: datetime) -> tuple[int, list[int]]:
    """Note the try before it is judged, so that parallel guesses count; return how many are left after it
    and the ids of the notes."""
    since = now - WINDOW
    oldest = [await LoginAttempt.filter(key=k, at__gt=since).order_by("-at").limit(TRIES) for k in keys]
    full = [tries[-1].at for tries in oldest if len(tries) >= TRIES]
    if full:
        wait = max(full) + WINDOW - now
        raise LoginBlocked(minutes=max(1, -(-int(wait.total_seconds()) // 60)))
    tries = [(await LoginAttempt.create(key=key, at=now)).id for key in keys]
    counts = [await LoginAttempt.filter(key=key, at__gt=since).count() for key in keys]
    if max(counts) > TRIES:
        raise LoginBlocked(minutes=int(WINDOW.total_seconds() // 60))
    return TRIES - max(counts), tries


def _key(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
