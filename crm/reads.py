"""Helpers of the hot reads, which are SQL because the ORM alone costs 2 to 3.5 times the driver's CPU."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from tortoise import fields
from tortoise.models import Model

from crm import db
from crm.errors import Invalid

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page:
    """One page of a list; `next` is the cursor to pass as `after`, None at the end."""

    items: list[dict[str, Any]] = field(default_factory=list)
    next: str | None = None


# The common table `part`: the ids of a contact and of all that were merged into it, and into those.
WITH_PARTS = (
    "WITH RECURSIVE part(id) AS (SELECT id FROM contact WHERE id = ?"
    " UNION ALL SELECT c.id FROM contact c JOIN part ON c.merged_into_id = part.id) "
)


def as_model(model: type[M], row: Mapping[str, Any], prefix: str = "") -> M:
    """A row of `SELECT *` or `RETURNING *` as a saved instance: what Tortoise's own `_init_from_db` makes of
    it, at a third of its CPU. Its columns may stand in the row with a `prefix` to their names."""
    made = model.__new__(model)
    values = made.__dict__
    values["_partial"], values["_saved_in_db"] = False, True
    values["_custom_generated_pk"], values["_await_when_save"] = False, {}
    plain, read = _columns(model, prefix)
    for column, attribute in plain:
        values[attribute] = row[column]
    for column, attribute, reader in read:
        value = row[column]
        values[attribute] = value if value is None else reader(value)
    return made


@functools.cache
def _columns(
    model: type[Model], prefix: str
) -> tuple[list[tuple[str, str]], list[tuple[str, str, Callable[[Any], Any]]]]:
    """The columns taken as they are, and those to be read, each with its attribute."""
    meta = model._meta
    plain = [(prefix + column, attribute) for column, attribute, _ in meta.db_native_fields]
    read: list[tuple[str, str, Callable[[Any], Any]]] = []
    for column, attribute, kind in (*meta.db_default_fields, *meta.db_complex_fields):
        if type(kind) in (fields.CharField, fields.TextField, fields.IntField, fields.BigIntField):
            plain.append((prefix + column, attribute))
        else:
            read.append((prefix + column, attribute, _READERS.get(type(kind)) or kind.to_python_value))
    return plain, read


_READERS: dict[type[Any], Callable[[Any], Any]] = {
    fields.DatetimeField: db.read_stamp,
    fields.DateField: db.read_day,
    fields.JSONField: db.read_json,
    fields.BooleanField: bool,
}


def columns(model: type[Model], alias: str) -> str:
    """The select list of a joined table, for `joined`."""
    return ", ".join(f"{alias}.{name} AS {alias}_{name}" for name in model._meta.db_fields)


def joined(model: type[M], row: Mapping[str, Any], alias: str) -> M | None:
    """The instance in the columns that `columns` named; None where nothing joined."""
    if row[f"{alias}_{model._meta.db_pk_column}"] is None:
        return None
    return as_model(model, row, f"{alias}_")


def cursor(at: datetime, row_id: int) -> str:
    """The keyset position behind a row, as opaque text."""
    return f"{at.timestamp():.6f}:{row_id}"


def read_cursor(text: str) -> tuple[datetime, int]:
    """The position that `cursor` wrote. Raises `Invalid` for anything else."""
    try:
        stamp, _, row_id = text.partition(":")
        return datetime.fromtimestamp(float(stamp), UTC), int(row_id)
    except (ValueError, OverflowError, OSError) as fault:
        raise Invalid("after", "not_a_cursor") from fault


async def lock(table: str, row_id: int) -> bool:
    """Take a row until commit, as the transaction's first statement; False if it does not exist.

    A write on SQLite, where reading first and writing later fails under concurrency; PostgreSQL locks the
    row without writing a new version of it.
    """
    return bool(await _take(table, "id", row_id))


async def held(model: type[M], row_id: int) -> M | None:
    """`lock`, and the row as it then is; None if it does not exist."""
    rows = await _take(model._meta.db_table, "*", row_id)
    return as_model(model, rows[0]) if rows else None


async def _take(table: str, wanted: str, row_id: int) -> list[dict[str, Any]]:
    if db.dialect() == "sqlite":
        sql = f"UPDATE {table} SET id = id WHERE id = ? RETURNING {wanted}"
    else:
        sql = f"SELECT {wanted} FROM {table} WHERE id = ? FOR NO KEY UPDATE"
    return await db.fetch(sql, row_id)
