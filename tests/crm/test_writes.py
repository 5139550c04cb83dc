"""Rows written without the query builder are those that the ORM would write and read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from crm import db, reads, writes
from crm.errors import Invalid
from crm.models import Account, Contact, Product


async def test_an_inserted_row_reads_back_as_the_same_instance(any_db: str, now: datetime) -> None:
    made = await writes.insert(Contact, name="김민준", created_at=now, updated_at=now, verified=True)
    read = await Contact.get(id=made.id)
    columns = Contact._meta.db_fields
    assert [getattr(made, name) for name in columns] == [getattr(read, name) for name in columns]
    assert (read.locale, read.blocked, read.verified, read.account_id) == ("ko", False, True, None)


async def test_lists_and_times_of_other_zones_are_kept(any_db: str, now: datetime) -> None:
    seoul = now.astimezone(timezone(timedelta(hours=9)))
    made = await writes.insert(Product, code="P1", name="세탁기", aliases=["통돌이"], updated_at=seoul)
    read = await Product.get(id=made.id)
    assert (read.aliases, read.updated_at, read.currency) == (["통돌이"], now, "KRW")
    assert read.updated_at is not None
    assert read.updated_at.tzinfo is not None


async def test_defaults_that_can_be_changed_are_not_shared(any_db: str) -> None:
    one = await writes.insert(Product, code="P1", name="하나")
    one.aliases.append("x")
    assert (await writes.insert(Product, code="P2", name="둘")).aliases == []


async def test_what_the_table_does_not_have_is_refused(any_db: str) -> None:
    with pytest.raises(TypeError, match="colour"):
        await writes.insert(Product, code="P1", name="하나", colour="red")
    with pytest.raises(Invalid):
        await writes.insert(Product, code="P1", name="하나", updated_at=datetime(2026, 3, 4))


async def test_only_the_named_columns_are_updated(any_db: str, now: datetime) -> None:
    made = await writes.insert(Contact, name="김민준", created_at=now, updated_at=now)
    made.name, made.locale = "김민지", "en"
    await writes.update(made, ["name"])
    read = await Contact.get(id=made.id)
    assert (read.name, read.locale) == ("김민지", "ko")


async def test_a_held_row_is_the_row_or_nothing(any_db: str, now: datetime) -> None:
    made = await writes.insert(Account, name="봄상사", created_at=now)
    async with writes.transaction():
        held = await reads.held(Account, made.id)
        assert held is not None
        assert (held.name, held.created_at.astimezone(UTC)) == ("봄상사", now)
        assert await reads.held(Account, made.id + 1) is None


async def test_a_row_becomes_the_instance_that_the_orm_makes_of_it(any_db: str, now: datetime) -> None:
    made = await Contact.create(name="김민준", created_at=now, updated_at=now)
    (row,) = await db.fetch("SELECT * FROM contact WHERE id = ?", made.id)
    ours, theirs = reads.as_model(Contact, row), await Contact.get(id=made.id)
    assert dict(iter(ours)) == dict(iter(theirs))
    ours.name = "이서연"
    await ours.save(update_fields=["name"])
    assert (await Contact.get(id=made.id)).name == "이서연"
