"""The socket of call pages: from the browser to the media process that holds the room."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import web

from bots.live_registry import LeaseRegistry
from media.relay import Relay


def routes(app: web.Application) -> None:
    """`GET /call/{token}/socket`; docs/live-support.md tells the frames."""
    relay = Relay(LeaseRegistry(), lambda: datetime.now(UTC))

    async def lifespan(_app: web.Application) -> AsyncIterator[None]:
        yield
        await relay.close()

    app.cleanup_ctx.append(lifespan)
    app.router.add_get("/call/{token}/socket", relay.handle)
