"""A statement runs on the event loop only when it is quick and waits for nobody; order and effects stay."""

import asyncio

from crm import db as database
from crm.sqlite import PROBATION, TRUSTED_AFTER, _Known

INSERT = "INSERT INTO sequence (name, value) VALUES (?, ?)"


async def names() -> set[str]:
    return {row["name"] for row in await database.fetch("SELECT name FROM sequence")}


async def test_a_statement_that_took_long_is_the_threads_for_a_while():
    known = _Known(writes=False, plain=True)
    for _ in range(TRUSTED_AFTER):
        assert known.distrust
        known.took(0.0001)
    assert not known.distrust
    known.took(0.5)
    assert known.distrust == PROBATION


async def test_what_a_failed_transaction_wrote_on_the_loop_is_undone(db):
    for name in "abcd":
        await database.execute(INSERT, name, 1)
    try:
        async with database.transaction():
            for name in "efgh":
                await database.execute(INSERT, name, 1)
            raise KeyError
    except KeyError:
        pass
    assert await names() == set("abcd")


async def test_a_savepoint_undoes_its_own_part_alone(db):
    async with database.transaction():
        await database.execute(INSERT, "kept", 1)
        try:
            async with database.savepoint():
                await database.execute(INSERT, "undone", 1)
                raise KeyError
        except KeyError:
            pass
        await database.execute(INSERT, "kept too", 1)
    assert await names() == {"kept", "kept too"}


async def test_a_long_row_of_quick_statements_lets_others_run(db):
    ran = 0

    async def other() -> None:
        nonlocal ran
        while True:
            ran += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for number in range(3000):
        await database.fetch("SELECT ? AS number", number)
    task.cancel()
    assert ran > 3


async def test_a_cancelled_statement_leaves_the_order_as_it_was(db):
    task = asyncio.create_task(database.execute(INSERT, "perhaps", 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.transaction():
        await database.execute(INSERT, "after", 1)
    assert "after" in await names()
