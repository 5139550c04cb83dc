"""The pool lends each connection to one task at a time, whatever happened to it before."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from tortoise.exceptions import OperationalError, TransactionManagementError

from crm import db as database
from crm.pool import Pool

pytestmark = pytest.mark.postgres


async def numbers(count: int) -> list[int]:
    async def one(number: int) -> int:
        rows = await database.fetch("SELECT ?::int AS number, pg_sleep(0.001)", number)
        return int(rows[0]["number"])

    return await asyncio.gather(*(one(number) for number in range(count)))


async def test_more_tasks_than_connections_wait_their_turn(pg):
    assert await numbers(60) == list(range(60))
    rows = await database.fetch(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
    )
    assert rows[0]["n"] <= 5 + 1  # the pool, and the one that listens


async def test_a_cancelled_statement_harms_nobody(pg):
    for _ in range(6):
        task = asyncio.create_task(database.fetch("SELECT pg_sleep(600)"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await numbers(20) == list(range(20))


async def test_a_cancelled_transaction_leaves_nothing_and_harms_nobody(pg):
    async def slow() -> None:
        async with database.transaction():
            await database.execute("INSERT INTO sequence (name, value) VALUES ('x', 1)")
            await database.fetch("SELECT pg_sleep(600)")

    for _ in range(6):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await database.fetch("SELECT * FROM sequence") == []
    assert await numbers(20) == list(range(20))


async def test_connections_that_the_server_ended_are_replaced(pg):
    await numbers(20)
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await asyncio.sleep(0.2)  # until this side has heard of it
    assert await numbers(20) == list(range(20))


async def test_a_transaction_left_open_is_undone(postgres_url):
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(postgres_url)

    pool = Pool(connect, 1)
    connection = await pool.acquire()
    await connection.execute("BEGIN")
    await connection.execute("INSERT INTO sequence (name, value) VALUES ('x', 1)")
    await pool.release(connection)
    again = await pool.acquire()
    assert not again.is_in_transaction()
    assert await again.fetch("SELECT * FROM sequence") == []
    await pool.release(again)
    await pool.release(again)  # twice is once
    await pool.close()


async def test_a_failure_passed_over_is_told_at_the_end_instead_of_losing_what_came_before(pg):
    async def careless() -> None:
        async with database.transaction():
            await database.execute("INSERT INTO sequence (name, value) VALUES ('x', 1)")
            with suppress(asyncpg.PostgresError, OperationalError):
                await database.execute("SELECT 1/0")

    with pytest.raises(TransactionManagementError, match="Nothing was stored"):
        await careless()
    assert await database.fetch("SELECT * FROM sequence") == []
    assert await numbers(20) == list(range(20))


async def test_what_failed_inside_its_own_savepoint_costs_nothing_else(pg):
    async with database.transaction():
        await database.execute("INSERT INTO sequence (name, value) VALUES ('x', 1)")
        with suppress(asyncpg.PostgresError, OperationalError):
            async with database.savepoint():
                await database.execute("SELECT 1/0")
    assert len(await database.fetch("SELECT * FROM sequence")) == 1
