"""`GET /f/{address}`: a stored file at a signed, short-lived address, unable to act as a page of ours."""

import re
from datetime import UTC, datetime

from aiohttp import web

from crm import files
from crm.errors import CrmError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def signed(token: str) -> str:
    """The path under which whoever may see the file can fetch it for a day."""
    return f"/f/{files.sign(token, datetime.now(UTC))}"


async def serve(request: web.Request) -> web.Response:
    """The bytes, or the asked part of them. A forged, expired or unknown address is 404 alike."""
    try:
        token = files.verify(request.match_info["address"], datetime.now(UTC))
        file, data = await files.read(token)
    except CrmError as error:
        raise web.HTTPNotFound(text="not found") from error
    headers = {**files.headers(file), "Accept-Ranges": "bytes", "Referrer-Policy": "no-referrer"}
    part = wanted(request.headers.get("Range", ""), len(data))
    if part is None:
        return web.Response(body=data, headers=headers)
    if not part:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
    return web.Response(status=206, body=data[part.start : part.stop], headers=headers)


def wanted(header: str, size: int) -> range | None:
    """The part a Range header asks for: None for the whole, an empty range for one that cannot be had.

    Several parts at once are answered with the whole, as RFC 9110 section 14.2 allows.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        return range(max(0, size - int(match[2])), size)
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None  # not a range at all
    return range(first, min(last + 1, size)) if first < size else range(0)


def routes(app: web.Application) -> None:
    app.router.add_get("/f/{address}", serve)
