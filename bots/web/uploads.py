"""`POST /channels/web/upload`: one file of a chat session, read in pieces and examined by its content."""

import time
from datetime import UTC, datetime

from aiohttp import BodyPartReader, web

from bots.web import chat_session, i18n, security
from bots.web.app_keys import CONFIG
from crm import files, identities
from crm.errors import Invalid

CHUNK = 64 * 1024
FORM_OVERHEAD = 64 * 1024  # bytes of a multipart body around its one file

BRAKE = web.AppKey("upload_brake", security.RateLimit)


class Rejected(Exception):
    """An answer other than 200, with a reason in the page's words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def upload(request: web.Request) -> web.Response:
    """Answer `{"upload", "name", "type", "size"}`; 401, 413, 415, 422 or 429 with `{"code", "text"}`."""
    try:
        return web.json_response(await _take(request), headers={"Cache-Control": "no-store"})
    except Rejected as rejected:
        lang = i18n.negotiate(request)
        limit = files.max_bytes() // (1024 * 1024)
        body = {"code": rejected.reason, "text": i18n.t(lang, f"chat.upload.{rejected.reason}", max=limit)}
        answer = web.json_response(body, status=rejected.status)
        if rejected.status == 413:
            answer.force_close()  # the rest of the body is not worth reading
        return answer


async def _take(request: web.Request) -> dict[str, object]:
    if not security.origin_allowed(request):
        raise web.HTTPForbidden(text="origin")
    now = datetime.now(UTC)
    session = await chat_session.resume(request.app[CONFIG], request.headers.get("X-Dangol-Session", ""), now)
    if session is None:
        raise Rejected(401, "session")
    if not request.app[BRAKE].take(session.external_user, time.monotonic()):
        raise Rejected(429, "busy")
    name, data = await _read(request, files.max_bytes())
    identity = await identities.find_or_create(
        session.channel, session.account, session.external_user, locale=i18n.negotiate(request), now=now
    )
    try:
        file = await files.store(data, name=name, owner=f"identity:{identity.id}", now=now)
    except Invalid as error:
        raise _as_rejection(error) from error
    return {"upload": file.token, "name": file.name, "type": file.type, "size": file.size}


def _as_rejection(error: Invalid) -> Rejected:
    if error.reason == "too_large":
        return Rejected(413, "too_large")
    return Rejected(422, "missing") if error.reason == "empty" else Rejected(415, "type")


async def _read(request: web.Request, most: int) -> tuple[str, bytes]:
    """The name and bytes of the field `file`, never holding more than `most` bytes."""
    if (request.content_length or 0) > most + FORM_OVERHEAD:
        raise Rejected(413, "too_large")
    if request.content_type != "multipart/form-data":
        raise Rejected(415, "type")
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                return part.filename or "file", await _bytes(part, most)
    except security.MALFORMED as error:
        raise Rejected(422, "missing") from error
    raise Rejected(422, "missing")


async def _bytes(part: BodyPartReader, most: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(CHUNK):
        data += chunk
        if len(data) > most:
            raise Rejected(413, "too_large")
    return bytes(data)


def routes(app: web.Application) -> None:
    app[BRAKE] = security.RateLimit(rate=0.5, burst=20)
    app.router.add_post("/channels/web/upload", upload)
