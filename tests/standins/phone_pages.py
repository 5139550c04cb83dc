"""The phones to look at: a page each in `pages/`, for the demo page to show in a frame. Loopback only."""

import time
from pathlib import Path

from aiohttp import web

PAGES = Path(__file__).parent / "pages"
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: http://127.0.0.1:* http://localhost:*;"
    " frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
)


def routes(app: web.Application, page: str) -> None:
    """`/phone` shows `page`; `/phone/started` says which start of the stand-in this is."""
    started = str(time.time_ns())
    known = {path.name for path in PAGES.iterdir()}

    async def show(request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("file", page)
        if name not in known:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY}
        return web.FileResponse(PAGES / name, headers=headers)

    async def which(_request: web.Request) -> web.Response:
        return web.Response(text=started)

    app.router.add_get("/phone", show)
    app.router.add_get("/pages/{file}", show)
    app.router.add_get("/phone/started", which)
