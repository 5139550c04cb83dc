"""`/readyz` is red, with the reason in words, whenever customers are not served."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bots import health
from crm import assistant, lanes, migrate, processes
from crm import db as database

Client = TestClient[Any, Any]


@pytest.fixture
async def front(db: str) -> AsyncIterator[Client]:
    """The three addresses on a database whose tables are of this release."""
    for name in await migrate.pending_migrations():
        await database.execute(
            _APPLIED, migrate.APP, name.partition(".")[2] or name, "2026-01-01 00:00:00+00:00"
        )
    app = web.Application()
    health.routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


_APPLIED = "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES (?, ?, ?)"


async def asked(front: Client) -> tuple[int, list[str]]:
    answer = await front.get("/readyz")
    return answer.status, (await answer.json())["faults"]


async def test_it_is_green_exactly_while_a_live_worker_has_the_current_model(front: Client) -> None:
    now = datetime.now(UTC)
    assert await asked(front) == (503, ["no live worker"])
    await assistant.put_in_force("a-model", now)
    await processes.heartbeat("one", "worker", now=now, model="an-older-model")
    assert await asked(front) == (503, ["no live worker has the current model"])
    await processes.heartbeat("one", "worker", now=now, model="a-model")
    assert await asked(front) == (200, [])
    await processes.heartbeat("one", "worker", now=now - timedelta(minutes=1), model="a-model")
    assert await asked(front) == (503, ["no live worker"])


async def test_it_is_red_while_a_lane_is_older_than_the_limit(front: Client) -> None:
    now = datetime.now(UTC)
    await assistant.put_in_force("a-model", now)
    await processes.heartbeat("one", "worker", now=now, model="a-model")
    await lanes.push("inbox", 1, now - timedelta(seconds=health.OLDEST_DUE_SECONDS / 2))
    assert (await asked(front))[0] == 200
    await lanes.push("outbox", 2, now - timedelta(hours=1))
    status, (fault,) = await asked(front)
    assert status == 503
    assert fault.startswith("queue outbox: the oldest is 36")


async def test_it_is_red_while_migrations_are_missing_and_when_the_database_is_away(front: Client) -> None:
    (newest,) = await database.column("SELECT name FROM tortoise_migrations ORDER BY name DESC LIMIT 1")
    await database.execute("DELETE FROM tortoise_migrations WHERE name = ?", newest)
    status, (fault,) = await asked(front)
    assert status == 503
    assert fault == f"migrations are missing: {newest} (run dangol migrate)"
    assert (await front.get("/healthz")).status == 200
    await database.close()
    status, (fault,) = await asked(front)
    assert status == 503
    assert fault.startswith("database: ")
