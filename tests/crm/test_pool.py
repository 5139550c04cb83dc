"""The pool lends each connection to one task at a time, whatever happened to it before."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest
from tortoise.exceptions import OperationalError, TransactionManagementError

from crm import db as database
from crm import identities, inbox_views
from crm.actor import SYSTEM
from crm.models import Conversation
from crm.pool import STATEMENTS, Pool

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


async def test_a_table_that_changed_its_columns_is_read_as_it_now_is(pg):
    await database.execute("INSERT INTO sequence (name, value) VALUES ('x', 1)")
    before = await database.fetch("SELECT * FROM sequence")
    await database.execute("ALTER TABLE sequence ADD COLUMN more int DEFAULT 7")
    assert await database.fetch("SELECT * FROM sequence") == [{**before[0], "more": 7}]
    assert (await database.read("SELECT * FROM sequence"))[0]["more"] == 7


async def test_few_statements_stay_prepared_however_many_are_told(pg):
    for number in range(STATEMENTS + 60):
        assert await database.column(f"SELECT {number} AS n{number}") == [number]
    (kept,) = await database.column("SELECT count(*) FROM pg_prepared_statements")
    assert kept <= STATEMENTS + 10


async def test_a_page_of_a_long_inbox_is_not_planned_anew_each_time(pg, now):
    identity = await identities.find_or_create("web", "", "u1", now=now)
    await Conversation.bulk_create(
        [
            Conversation(
                contact_id=identity.contact_id, identity_id=identity.id, channel="web",
                last_message_at=now + timedelta(seconds=at), created_at=now,
            )
            for at in range(3000)
        ]
    )  # fmt: skip
    await database.execute("ANALYZE")
    for _ in range(9):
        assert len((await inbox_views.inbox_list(SYSTEM, view="all")).items) == 30
    (planned,) = await database.column(
        "SELECT custom_plans FROM pg_prepared_statements"
        " WHERE statement LIKE '%FROM conversation v%ORDER BY%' AND generic_plans + custom_plans >= 9"
    )
    assert planned == 0  # the limit is no parameter: with one PostgreSQL would take the page for a long list
