"""Web hooks of a provider of SMS: checked, read, stored, and only then answered."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from bots.channels.phone_provider import Provider

log = structlog.get_logger()
LONGEST_BODY = 1024 * 1024
MOST_EVENTS = 1000

Handler = Callable[[web.Request], Awaitable[web.Response]]


def hook(provider: Provider, take: Callable[[Any], Awaitable[None]]) -> Handler:
    """A handler that gives the JSON of a vouched-for request to `take`.

    403 for a request that is not the provider's, 400 for one that cannot be read, 413 for too much. A fault
    inside `take` becomes a 500, and the provider posts again.
    """

    async def handle(request: web.Request) -> web.Response:
        if (request.content_length or 0) > LONGEST_BODY:
            return web.Response(status=413)
        body = await request.read()
        if not provider.vouched(request.headers, body):
            log.warning("hook.refused", provider=provider.name, path=request.path)
            return web.Response(status=403)
        try:
            read = await asyncio.to_thread(json.loads, body) if len(body) > 100_000 else json.loads(body)
            if isinstance(read, list) and len(read) > MOST_EVENTS:
                return web.Response(status=413)
            await take(read)
        except ValueError:
            return web.Response(status=400)
        return web.Response()

    return handle
