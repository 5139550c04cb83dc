"""The database: transactions, raw SQL and wake-ups, on both kinds."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import db as database
from crm.errors import Invalid
from crm.models import Contact, Label

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def labels() -> list[str]:
    return sorted(row["name"] for row in await database.fetch("SELECT name FROM label"))


async def test_a_failed_transaction_leaves_nothing(any_db):
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await Label.create(name="one")
            raise ZeroDivisionError
    assert await labels() == []


async def test_an_inner_transaction_joins_the_outer(any_db):
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            async with database.transaction():
                await Label.create(name="one")
            raise ZeroDivisionError
    assert await labels() == []


async def test_a_savepoint_fails_alone(any_db):
    async with database.transaction():
        await Label.create(name="one")
        with pytest.raises(ZeroDivisionError):
            async with database.savepoint():
                await Label.create(name="two")
                raise ZeroDivisionError
        await Label.create(name="three")
    assert await labels() == ["one", "three"]


async def test_first_runs_before_the_first_statement_of_the_orm(any_db):
    order = []

    async def first() -> None:
        order.append("first")
        await database.execute("INSERT INTO label (name, colour) VALUES (?, ?)", "fence", "slate")

    async with database.transaction(first=first):
        order.append("before")
        assert await Label.all().count() == 1
        order.append("after")
        await Label.create(name="one")
    assert order == ["before", "first", "after"]
    assert await labels() == ["fence", "one"]


async def test_first_runs_before_a_savepoint(any_db):
    async def first() -> None:
        await Label.create(name="fence")

    async with database.transaction(first=first):
        with pytest.raises(ZeroDivisionError):
            async with database.savepoint():
                await Label.create(name="one")
                raise ZeroDivisionError
    assert await labels() == ["fence"]


async def test_a_transaction_without_a_statement_never_runs_first(any_db):
    async def first() -> None:
        raise AssertionError("ran")

    async with database.transaction(first=first):
        pass


async def test_a_cancelled_transaction_gives_its_connection_back(any_db):
    for turns in range(12):  # cancelled at each point of beginning and writing
        task = database.spawn(add(f"label {turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(add("last"), 60)
    assert "last" in await labels()


async def add(name: str) -> None:
    async with database.transaction():
        await Label.create(name=name)


async def test_a_task_that_outlives_its_transaction_is_refused(any_db):
    ended = asyncio.Event()

    async def late() -> None:
        await ended.wait()
        await database.fetch("SELECT 1 AS one")

    async with database.transaction():
        inherited = asyncio.create_task(late())
        fresh = database.spawn(late())
        await Label.create(name="one")
    ended.set()
    await fresh
    with pytest.raises(database.Escaped):
        await inherited


async def test_execute_tells_how_many_rows_changed(any_db):
    assert await database.execute("INSERT INTO label (name, colour) VALUES ('a', 'red'), ('b', 'red')") == 2
    assert await database.execute("UPDATE label SET colour = ? WHERE name = ?", "blue", "a") == 1
    assert await database.execute("UPDATE label SET colour = ? WHERE name = ?", "blue", "z") == 0
    assert await database.execute("DELETE FROM label") == 2


async def test_rows_are_read_whole_or_by_their_first_column(any_db):
    for name in ("one", "two"):
        await Label.create(name=name)
    await Contact.create(name="three", created_at=AT, updated_at=AT)
    rows = await database.read("SELECT name, colour FROM label ORDER BY name")
    assert [row["name"] for row in rows] == ["one", "two"]
    (row,) = await database.read(
        "SELECT created_at, erased_at FROM contact", times=("created_at", "erased_at")
    )
    assert (row["created_at"], row["erased_at"]) == (AT, None)
    assert await database.column("SELECT name, id FROM label WHERE name <> ? ORDER BY name", "one") == ["two"]
    assert await database.column("SELECT name FROM label WHERE name = ?", "three") == []


async def test_first_runs_before_rows_changed_or_read_by_sql(any_db):
    for work in (
        lambda: database.execute("DELETE FROM label WHERE name = ?", "nothing"),
        lambda: database.column("SELECT name FROM label"),
        lambda: database.read("SELECT name FROM label"),
    ):
        ran = []

        async def first(ran=ran) -> None:
            ran.append(await database.execute("DELETE FROM label WHERE name = ?", "nothing"))

        async with database.transaction(first=first):
            await work()
        assert ran == [0]


async def test_times_of_any_zone_come_back_as_the_same_instant(any_db):
    seoul = AT.astimezone(timezone(timedelta(hours=9)))
    rows = await database.fetch(
        "INSERT INTO lease (name, holder, until) VALUES (?, ?, ?) RETURNING until",
        "a",
        "b",
        database.stamp(seoul),
    )
    assert database.read_stamp(rows[0]["until"]) == AT
    earlier = database.stamp(AT - timedelta(microseconds=1))
    assert await database.fetch("SELECT name FROM lease WHERE until > ?", earlier)


async def test_a_time_of_another_zone_is_compared_as_the_instant_it_is(any_db):
    seoul = AT.astimezone(timezone(timedelta(hours=9)))
    await Contact.create(name="김민지", privacy_noticed_at=seoul, created_at=AT, updated_at=AT)
    assert await Contact.filter(privacy_noticed_at__lte=AT, privacy_noticed_at__gte=AT).count() == 1
    assert await Contact.filter(privacy_noticed_at__lte=seoul, privacy_noticed_at__gte=seoul).count() == 1
    rows = await database.fetch("SELECT id FROM contact WHERE privacy_noticed_at = ?", database.stamp(seoul))
    assert len(rows) == 1


async def test_a_naive_time_is_refused(any_db):
    with pytest.raises(Invalid):
        database.stamp(datetime(2026, 3, 4))


async def test_a_wake_up_comes_after_the_commit(any_db):
    order = []

    async def waiter() -> None:
        order.append(await database.wait("inbox", 5))

    task = database.spawn(waiter())
    await asyncio.sleep(0)
    async with database.transaction():
        database.after_commit("inbox")
        await Label.create(name="one")
        order.append("in transaction")
    await task
    assert order == ["in transaction", True]


async def test_what_happens_between_two_waits_is_not_missed(any_db):
    assert not await database.wait("jobs", 0.01)
    database.after_commit("jobs")
    assert await database.wait("jobs", 5)
    assert not await database.wait("jobs", 0.01)


async def test_a_rolled_back_transaction_wakes_nobody(any_db):
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            database.after_commit("inbox")
            raise ZeroDivisionError
    assert not await database.wait("inbox", 0.01)


OTHER = """
import asyncio, sys
from crm import db
async def main():
    await db.connect(sys.argv[1])
    async with db.transaction():
        db.after_commit("inbox")
        await db.execute("INSERT INTO label (name, colour) VALUES ('other', 'red')")
    await asyncio.sleep(0.2)
    await db.close()
asyncio.run(main())
"""


async def test_a_commit_in_another_process_wakes_this_one(any_db):
    waiting = database.spawn(database.wait("inbox", 30))
    await asyncio.sleep(0)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", OTHER, any_db)
    assert await waiting
    assert await labels() == ["other"]
    assert await other.wait() == 0


HASTY = OTHER.replace("    await asyncio.sleep(0.2)\n", "").replace(
    "    async with db.transaction():\n", "    db.after_commit('jobs')\n    await asyncio.sleep(0.002)\n"
    "    async with db.transaction():\n",
)  # fmt: skip


@pytest.mark.postgres
async def test_what_a_process_says_last_is_heard_though_it_has_just_said_something(pg):
    waiting = database.spawn(database.wait("inbox", 30))
    await asyncio.sleep(0)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", HASTY, pg)
    assert await waiting
    assert await other.wait() == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_json_is_written_as_it_is_read(value):
    assert json.loads(database.write_json(value)) == value


WORDS = st.none() | st.integers() | st.text() | st.lists(st.text())  # what an audit's entry is made of


@given(st.dictionaries(st.text(), WORDS))
def test_equal_values_have_one_canonical_text_whoever_writes_it(value):
    usual = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    backwards = dict(reversed(value.items()))
    assert database.write_json(backwards, canonical=True) == usual


def test_json_has_no_word_for_a_time():
    with pytest.raises(TypeError):
        database.write_json({"at": AT})


@pytest.mark.postgres
async def test_a_lost_listening_connection_is_made_anew(pg):
    await database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )
    assert await database.wait("inbox", 10)  # said after listening again, since much may have been missed


@pytest.mark.parametrize("url", ["mysql://x", "dangol.db"])
async def test_an_unknown_address_is_refused(url):
    with pytest.raises(Invalid):
        await database.connect(url)
