"""Files of messages and requests on the desk: upload by staff, and how a file is shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import BodyPartReader, web

from bots.web import i18n, security
from bots.web.app_keys import CONFIG
from bots.web.desk import words
from bots.web.desk.frame import Desk, api, json_answer
from bots.web.files import signed
from crm import files
from crm.actor import check
from crm.errors import Invalid

PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PLAYED = ("video/mp4", "video/webm", "audio/ogg", "audio/mpeg", "audio/mp4")


def file_view(desk: Desk, file: Mapping[str, Any], sender: str, at: datetime) -> dict[str, Any]:
    """What the templates need; a photo without a description is told by sender and time."""
    clock = i18n.clock(at, desk.tz, desk.lang)
    return {
        "url": signed(file["token"]),
        "name": file["name"],
        "size": words.size(file["size"]),
        "image": file["type"] in PICTURES,
        "plays": file["type"].partition("/")[0] if file["type"] in PLAYED else "",  # audio, video
        "width": file["width"],
        "height": file["height"],
        "alt": file["description"] or desk.t("desk.thread.photo", name=sender, time=clock),
    }


@api
async def upload(desk: Desk) -> web.StreamResponse:
    """Keep one file of the composer; answers its token."""
    check(desk.actor, "conversation.write")
    most = desk.request.app[CONFIG].upload_max_bytes
    name, data = "", b""
    if desk.request.content_type != "multipart/form-data":
        raise Invalid("file", "missing")
    with security.reading():
        async for part in await desk.request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                name, data = part.filename or "file", await _read(part, most)
    if not data:
        raise Invalid("file", "empty")
    file = await files.store(data, name=name, owner=f"staff:{desk.staff.id}", now=desk.now)
    return json_answer({"token": file.token, "name": file.name, "type": file.type, "size": file.size})


async def _read(part: BodyPartReader, most: int) -> bytes:
    """The bytes of a part. Raises `Invalid` `too_large` as soon as there are too many."""
    data = bytearray()
    while chunk := await part.read_chunk(65_536):
        data += chunk
        if len(data) > most:
            raise Invalid("file", "too_large", most=most)
    return bytes(data)


def routes(app: web.Application) -> None:
    app.router.add_post("/desk/api/files", upload)
