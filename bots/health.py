"""`/healthz` (the process answers), `/readyz` (the whole works) and `/metrics`."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bots import metrics
from crm import migrate, watch

# A due row older than this means that nobody works: an operator should look.
OLDEST_DUE_SECONDS = 120.0


def routes(app: web.Application) -> None:
    """Add the three addresses."""
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", prometheus)


async def healthz(request: web.Request) -> web.Response:
    """The front answers; says nothing of the rest."""
    return web.json_response({"ok": True})


async def readyz(request: web.Request) -> web.Response:
    """200 when customers are served; 503 with what is wrong."""
    try:
        faults = await find_faults(datetime.now(UTC))
    except Exception as error:
        faults = [f"database: {type(error).__name__}"]
    return web.json_response({"ready": not faults, "faults": faults}, status=503 if faults else 200)


async def find_faults(now: datetime) -> list[str]:
    """What keeps us from serving customers, each in one line."""
    if pending := await migrate.pending_migrations():
        return [f"migrations are missing: {', '.join(map(str, pending))} (run dangol migrate)"]
    figures = await watch.figures(now)
    faults = [
        f"queue {name}: the oldest is {queue.age_seconds:.0f} s old"
        for name, queue in figures.queues.items()
        if queue.age_seconds > OLDEST_DUE_SECONDS
    ]
    return faults + _workers(figures)


def _workers(figures: watch.Figures) -> list[str]:
    workers: list[Any] = [p for p in figures.processes if p.kind == "worker"]
    if not workers:
        return ["no live worker"]
    if figures.model and not any(w.model == figures.model for w in workers):
        return ["no live worker has the current model"]
    return []


async def prometheus(request: web.Request) -> web.Response:
    """All figures, for a scraper on this machine or behind the operator's proxy."""
    body = await metrics.exposition(datetime.now(UTC))
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
