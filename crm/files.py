"""Files of messages and requests: examined by content, kept outside the web root, at signed addresses.

An address is `<token>.<expires>.<signature>`: the token cannot be guessed, and the signature with its time
makes a copied address worthless a day later.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from crm import db, vault
from crm.errors import Invalid, NotFound
from crm.file_types import EXTENSIONS, INLINE, examine
from crm.models import File
from crm.storage import Storage

ADDRESS_TTL: Final = timedelta(hours=24)
ADDRESS_STEP_S: Final = 3600  # expiry times are whole hours, so that a browser can cache a picture
UNATTACHED_TTL: Final = timedelta(hours=24)  # an upload that no message took
NAME_LONGEST: Final = 120
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]')


@dataclass
class _Kept:
    storage: Storage | None = None
    max_bytes: int = 20 * 1024 * 1024


_kept = _Kept()


def use(place: Storage, *, max_bytes: int) -> None:
    """Keep files in `place`, none larger than `max_bytes` (UPLOAD_MAX_MB)."""
    _kept.storage, _kept.max_bytes = place, max_bytes


def max_bytes() -> int:
    """The largest file accepted, in bytes."""
    return _kept.max_bytes


async def store(data: bytes, *, name: str, owner: str, now: datetime, description: str = "") -> File:
    """Examine and keep an upload of `owner` (`identity:7`, `staff:3`); a message takes it by its token.

    Raises `Invalid("file", reason)`: `too_large` (with `most` bytes), `empty`, `unknown_type` (with `known`
    extensions), `broken_image`, `too_many_pixels`. Call it outside a transaction: it writes to the storage.
    """
    db.require_aware(now)
    if len(data) > _kept.max_bytes:
        raise Invalid("file", "too_large", most=_kept.max_bytes)
    content = await asyncio.to_thread(examine, data)
    digest = await asyncio.to_thread(lambda: hashlib.sha256(content.data).hexdigest())
    key = secrets.token_hex(20)
    key = f"{key[:2]}/{key}"
    await storage().put(key, content.data)
    return await File.create(
        token=secrets.token_urlsafe(32),
        owner=owner,
        name=safe_name(name, content.type),
        type=content.type,
        size=len(content.data),
        sha256=digest,
        storage_key=key,
        description=description[:300],
        width=content.width,
        height=content.height,
        created_at=now,
    )


async def describe(token: str, *, owner: str, description: str) -> bool:
    """Say what an upload shows, while no message has taken it; False when it is not `owner`'s or taken."""
    waiting = File.filter(token=token, owner=owner, message_id=None)
    return bool(await waiting.update(description=description[:300]))


async def read(token: str) -> tuple[File, bytes]:
    """A file and its bytes. Raises `NotFound`, also when the bytes are gone."""
    file = await File.get_or_none(token=token)
    if file is None:
        raise NotFound("file")
    try:
        return file, await storage().get(file.storage_key)
    except FileNotFoundError as fault:
        raise NotFound("file") from fault


def sign(token: str, now: datetime, *, ttl: timedelta = ADDRESS_TTL) -> str:
    """The last part of a file's address, good for at least `ttl` and at most an hour longer."""
    expires = int((db.require_aware(now) + ttl).timestamp()) // ADDRESS_STEP_S * ADDRESS_STEP_S
    expires += ADDRESS_STEP_S
    return f"{token}.{expires}.{_signature(token, expires)}"


def verify(address: str, now: datetime) -> str:
    """The token of an address. Raises `Invalid("address", "forged"|"expired")`."""
    token, _, rest = address.partition(".")
    expires, _, signature = rest.partition(".")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
        raise Invalid("address", "forged")
    if not hmac.compare_digest(signature.encode(), _signature(token, int(expires)).encode()):
        raise Invalid("address", "forged")
    if datetime.fromtimestamp(int(expires), UTC) < now:
        raise Invalid("address", "expired")
    return token


def headers(file: File) -> dict[str, str]:
    """Response headers that keep a stored file from acting as a page of ours."""
    how = "inline" if file.type in INLINE else "attachment"
    fallback = f"file{EXTENSIONS.get(file.type, '')}"
    encoded = "".join(f"%{byte:02X}" for byte in file.name.encode())
    return {
        "Content-Type": "text/plain; charset=utf-8" if file.type == "text/plain" else file.type,
        "Content-Disposition": f"{how}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=3600",
    }


def safe_name(name: str, kind: str) -> str:
    """A name to show and to download under: no path, no control or direction marks, the type's extension."""
    base = _UNSAFE.sub("", re.split(r"[/\\]", name)[-1]).strip(" .")
    stem, dot, extension = base.rpartition(".")
    wanted = EXTENSIONS[kind]
    if f".{extension.lower()}" == wanted or (kind == "image/jpeg" and extension.lower() == "jpeg"):
        return f"{stem[:NAME_LONGEST]}{dot}{extension}" if stem else f"file{wanted}"
    return f"{(stem if dot and len(extension) <= 5 else base)[:NAME_LONGEST] or 'file'}{wanted}"


async def attach_to_request(tokens: list[str], request_id: int) -> int:
    """Show files with a request as well; how many there were."""
    return int(await File.filter(token__in=tokens).update(request_id=request_id))


async def count_of_request(request_id: int) -> int:
    """How many files a request has."""
    return int(await File.filter(request_id=request_id).count())


async def unlinked(conversation_id: int, now: datetime) -> list[File]:
    """The customer's files of the last day in a conversation that no request has yet, oldest first."""
    return await File.filter(
        conversation_id=conversation_id,
        request_id=None,
        message_id__not_isnull=True,
        owner__startswith="identity:",
        created_at__gte=now - UNATTACHED_TTL,
    ).order_by("id")


async def are_pictures(conversation_id: int, count: int) -> bool:
    """Whether the customer's newest `count` files there are pictures, all of them."""
    newest = File.filter(message__conversation_id=conversation_id, message__direction="in").order_by("-id")
    return all(one.type.startswith("image/") for one in await newest.limit(count))


async def sweep(now: datetime, *, limit: int = 100) -> int:
    """Delete uploads that nothing took within a day and files of erased persons; how many. For a tick."""
    lost = await db.fetch(
        "SELECT id, storage_key FROM file WHERE message_id IS NULL AND request_id IS NULL"
        " AND (created_at < ? OR owner = ?) ORDER BY id LIMIT ?",
        db.stamp(now - UNATTACHED_TTL),
        ERASED,
        limit,
    )
    for row in lost:
        await storage().delete(row["storage_key"])
        await File.filter(id=row["id"]).delete()
    return len(lost)


ERASED: Final = "erased"  # the owner of a file whose person is gone and whose bytes are to be deleted


def storage() -> Storage:
    """The place where bytes lie. Raises `RuntimeError` before `use`."""
    if _kept.storage is None:
        raise RuntimeError("files.use has not been called")
    return _kept.storage


def _signature(token: str, expires: int) -> str:
    mac = hmac.new(vault.derived_key("files"), f"{token}.{expires}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:18]).decode()
