"""`GET /desk/calls/files/{id}`: a recording as a stream, opened piece by piece, with ranges.

Who may see it is asked anew for every request; that they looked was audited by the page (`recordings.view`).
"""

import asyncio
import contextlib

from aiohttp import web

from bots import exports
from bots.web.desk.frame import Desk, api, json_answer, page
from bots.web.files import wanted
from crm import files, jobs, recordings
from crm.errors import NotFound
from media.sealed import Damaged, SealedReader

PIECE = 256 * 1024  # bytes opened at a time
HEADERS = {
    "Content-Type": "video/webm",
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@page
async def stream(desk: Desk) -> web.StreamResponse:
    """The bytes, or the asked part of them."""
    file, key = await recordings.file_of(desk.actor, desk.id())
    try:
        path = await files.storage().local(file.storage_key)
        reader = await asyncio.to_thread(SealedReader, path, key)
    except (FileNotFoundError, Damaged) as fault:
        raise NotFound("recording") from fault
    try:
        return await _send(desk.request, reader)
    finally:
        reader.close()


async def _send(request: web.Request, reader: SealedReader) -> web.StreamResponse:
    part = wanted(request.headers.get("Range", ""), reader.size)
    if part is not None and not part:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{reader.size}"})
    shown = range(reader.size) if part is None else part
    headers = {**HEADERS, "Content-Length": str(len(shown))}
    if part is not None:
        headers["Content-Range"] = f"bytes {shown.start}-{shown.stop - 1}/{reader.size}"
    response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):  # a player that jumps elsewhere asks anew
        for at in range(shown.start, shown.stop, PIECE):
            piece = await asyncio.to_thread(reader.slice, at, min(PIECE, shown.stop - at))
            await response.write(piece)
    return response


@api
async def export(desk: Desk) -> web.StreamResponse:
    """`POST /desk/api/calls/{id}/export`: one file side by side, made in the background; asked again, how far
    it is: `{"state", "progress", "url"}`."""
    await recordings.may_see(desk.actor, desk.id())
    done = [file for file in await recordings.of(desk.id()) if file.track == "mix"]
    if done:
        return json_answer({"state": "done", "progress": 1, "url": f"/desk/calls/files/{done[-1].id}"})
    if desk.request.query.get("again") != "1":
        await recordings.exporting(desk.actor, desk.id(), now=desk.now)
    job = await jobs.state(await exports.enqueue(desk.id(), desk.now))
    progress = (job or {}).get("result", {}).get("progress", 0)
    return json_answer({"state": (job or {}).get("state", ""), "progress": progress, "url": ""})


def routes(app: web.Application) -> None:
    app.router.add_get(r"/desk/calls/files/{id:\d+}", stream)
    app.router.add_post(r"/desk/api/calls/{id:\d+}/export", export)
