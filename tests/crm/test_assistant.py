"""The model in force: put there by workers that start while others write."""

import asyncio
import sqlite3
from datetime import UTC, datetime

from crm import assistant
from crm.database_url import database_file

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def test_the_newest_model_is_in_force_and_written_down_once(any_db: str) -> None:
    assert await assistant.in_force() == ""
    assert await assistant.put_in_force("one", AT)
    assert not await assistant.put_in_force("one", AT)
    assert await assistant.put_in_force("two", AT)
    assert await assistant.put_in_force("one", AT)
    assert await assistant.in_force() == "one"


async def test_a_worker_that_starts_while_another_process_writes_waits_for_it(sqlite: str) -> None:
    other = sqlite3.connect(database_file(sqlite), isolation_level=None, check_same_thread=False)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO sequence (name, value) VALUES ('theirs', 1)")
        starting = asyncio.create_task(assistant.put_in_force("one", AT))
        await asyncio.sleep(0.3)  # it waits for the lock by now, or has read what the other changes
        other.execute("COMMIT")
        assert await starting
    finally:
        other.close()
