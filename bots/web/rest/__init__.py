"""The REST API for other programs: `/api/v1/…` with bearer tokens, described at `/api/openapi.json`."""

from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from bots.web.rest.calls import BURST, LIMIT, PER_SECOND, handler
from bots.web.rest.openapi import BASE, document
from bots.web.rest.operations import OPERATIONS
from bots.web.security import RateLimit

PATTERNS = {"{id}": r"{id:\d+}", "{slug}": r"{slug:[a-z0-9-]{1,80}}"}


async def described(request: web.Request) -> web.Response:
    return web.json_response(document(OPERATIONS, version=_version()))


def _version() -> str:
    try:
        return version("dangol")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


def routes(app: web.Application) -> None:
    app[LIMIT] = RateLimit(PER_SECOND, BURST)
    app.router.add_get("/api/openapi.json", described)
    for operation in OPERATIONS:
        path = BASE + operation.path
        for name, pattern in PATTERNS.items():
            path = path.replace(name, pattern)
        app.router.add_route(operation.method, path, handler(operation))
