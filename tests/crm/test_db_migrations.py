"""Migrations make the tables that the models describe, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tortoise.migrations.executor import MigrationExecutor

from crm import db as database
from crm import migrate


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    """These tests connect by themselves."""
    yield
    await database.close()


async def columns() -> dict[tuple[str, str], str]:
    """Every column of every table with its type."""
    if database.dialect() == "sqlite":
        rows = await database.fetch(
            'SELECT m.name AS place, p.name AS name, p.type || p."notnull" || ifnull(p.dflt_value, 0)'
            " AS kind FROM sqlite_master m,"
            " pragma_table_info(m.name) p WHERE m.type = 'table'"
        )
    else:
        rows = await database.fetch(
            "SELECT table_name AS place, column_name AS name,"
            " data_type || coalesce(character_maximum_length, 0) || is_nullable"
            " || coalesce(collation_name, '') || coalesce(column_default, '') AS kind"
            " FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        )
    return {(row["place"], row["name"]): row["kind"] for row in rows if "migrations" not in row["place"]}


async def indexed() -> set[tuple[str, str]]:
    """Every index by its table and definition, whatever its name."""
    if database.dialect() == "sqlite":
        rows = await database.fetch(
            "SELECT m.tbl_name AS place, (SELECT group_concat(name) FROM pragma_index_info(m.name)) AS keys,"
            ' l."unique" AS one FROM sqlite_master m, pragma_index_list(m.tbl_name) l'
            " WHERE m.type = 'index' AND l.name = m.name"
        )
        return {
            (row["place"], f"{row['keys']} {row['one']}") for row in rows if "migrations" not in row["place"]
        }
    rows = await database.fetch("SELECT tablename AS place, indexdef AS keys FROM pg_indexes")
    found = {(row["place"], row["keys"].split(" USING ")[1] + str("UNIQUE" in row["keys"])) for row in rows}
    return {one for one in found if "migrations" not in one[0] and not one[0].startswith("pg_")}


async def one_by_one() -> None:
    """All migrations, as an installation of the first release meets them."""
    await MigrationExecutor(database.client(), migrate._apps()).migrate(direction="forward")


async def bound() -> set[tuple[str, ...]]:
    """Every foreign key: table, column, table pointed at, what a deletion does."""
    if database.dialect() == "sqlite":
        rows = await database.fetch(
            'SELECT m.name AS place, f."from" AS name, f."table" AS other, f.on_delete AS deleted'
            " FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"
        )
    else:
        rows = await database.fetch(
            "SELECT conrelid::regclass::text AS place, pg_get_constraintdef(oid) AS name, '' AS other,"
            " confdeltype::text AS deleted FROM pg_constraint WHERE contype = 'f'"
        )
    return {(row["place"], row["name"], row["other"], row["deleted"]) for row in rows}


async def tables_of(url: str, make: str) -> tuple[Any, ...]:
    await database.connect(url)
    if make == "migrations":
        await one_by_one()
    else:
        await migrate.migrate()
    found = await columns(), await indexed(), await bound()
    await database.close()
    return found


async def test_no_migration_is_missing(db):
    assert await migrate.missing_migrations() == []


async def test_migrations_and_models_agree_on_sqlite(tmp_path: Path):
    migrated = await tables_of(f"sqlite://{tmp_path}/a.db", "migrations")
    assert migrated == await tables_of(f"sqlite://{tmp_path}/b.db", "models")


@pytest.mark.postgres
async def test_migrations_and_models_agree_on_postgres(empty_postgres_urls):
    first, second = empty_postgres_urls
    migrated = await tables_of(first, "migrations")
    assert migrated == await tables_of(second, "models")
    assert {kind for (_, name), kind in migrated[0].items() if name == "key" and kind.endswith("C")}


async def test_migrating_twice_does_nothing_the_second_time(tmp_path: Path):
    await database.connect(f"sqlite://{tmp_path}/a.db")
    assert await migrate.pending_migrations()
    assert await migrate.migrate()
    assert await migrate.pending_migrations() == []
    assert await migrate.migrate() == []


@pytest.mark.full
async def test_an_interrupted_first_migration_is_begun_anew(tmp_path: Path):
    await database.connect(f"sqlite://{tmp_path}/a.db")
    await migrate.migrate()
    await database.execute("DELETE FROM tortoise_migrations")
    await database.execute("DROP TABLE lane")
    assert await migrate.migrate()
    assert await database.fetch("SELECT * FROM lane") == []


async def test_tables_with_data_and_no_known_migration_are_left_alone(tmp_path: Path):
    await database.connect(f"sqlite://{tmp_path}/a.db")
    await migrate.migrate()
    await database.execute("DELETE FROM tortoise_migrations")
    await database.execute("INSERT INTO label (name, colour) VALUES ('a', 'red')")
    with pytest.raises(RuntimeError, match="label"):
        await migrate.migrate()


@pytest.mark.full
@pytest.mark.postgres
async def test_many_may_migrate_at_once(empty_postgres_urls):
    await database.connect(empty_postgres_urls[0])
    applied = await asyncio.gather(*(database.spawn(migrate.migrate()) for _ in range(3)))
    assert sorted(bool(one) for one in applied) == [False, False, True]
