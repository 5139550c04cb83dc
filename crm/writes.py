"""How a service writes: a transaction that may look first, and rows made often."""

import functools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from tortoise.models import Model

from crm import db, reads

M = TypeVar("M", bound=Model)


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """A transaction that may read first: on SQLite it takes the write lock at once (see crm/db)."""
    async with db.transaction(first=_write_nothing):
        yield


async def _write_nothing() -> None:
    await db.execute("DELETE FROM day_off WHERE 1 = 0")


async def insert(model: type[M], **values: Any) -> M:
    """Make a row of the columns given, the others as the model says: `model.create` at half its CPU, for rows
    made in every turn. Only the database checks the values. Raises `TypeError` for an unknown column."""
    defaults, made = _defaults(model)
    if not defaults.keys() >= values.keys():
        raise TypeError(f"{model.__name__} has no {sorted(values.keys() - defaults.keys())}")
    row = {**defaults, **values}
    for name, make in made.items():
        if name not in values:
            row[name] = make()
    (key,) = await db.column(_statement(model), *map(_plain, row.values()))
    return reads.as_model(model, {**row, model._meta.db_pk_column: key})


async def update(row: Model, columns: Sequence[str]) -> None:
    """Write these columns of a row: `save(update_fields=...)` at a third of its CPU."""
    changes = ", ".join(f"{name} = ?" for name in columns)
    sql = f"UPDATE {row._meta.db_table} SET {changes} WHERE {row._meta.db_pk_column} = ?"
    await db.execute(sql, *(_plain(getattr(row, name)) for name in columns), row.pk)


@functools.cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """The default of every column, in the order of `_statement`; and of those that are made, how."""
    meta = model._meta
    columns = meta.fields_db_projection.items()
    every = {column: meta.fields_map[name].default for name, column in columns if column != meta.db_pk_column}
    return every, {column: default for column, default in every.items() if callable(default)}


@functools.cache
def _statement(model: type[Model]) -> str:
    names = list(_defaults(model)[0])
    table, key = model._meta.db_table, model._meta.db_pk_column
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({db.placeholders(len(names))}) RETURNING {key}"


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, datetime):
        return db.stamp(value)
    if isinstance(value, dict | list):
        return db.write_json(value) if value else str(value)  # most are empty
    return value
