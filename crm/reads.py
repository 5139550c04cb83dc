"""Helpers of the hot reads, which are SQL because the ORM alone costs 2 to 3.5 times the driver's CPU."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

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
    return cast(M, _maker(model, prefix, db.dialect())(row))


@functools.cache
def _maker(model: type[Model], prefix: str, dialect: str) -> Callable[[Mapping[str, Any]], Model]:
    """`as_model` for one model, written out column by column: a loop over the columns takes twice as long.

    PostgreSQL's driver gives times, days and truth values as they are wanted.
    """
    meta = model._meta
    # a model's own __setattr__ looks for relations, and for an attribute that is not there yet
    known: dict[str, Any] = {"model": model, "new": model.__new__, "put": object.__setattr__}
    parts = [f"{name!r}: {value}" for name, value in _NEW.items()]
    for column, attribute, kind in (
        *meta.db_native_fields, *meta.db_default_fields, *meta.db_complex_fields
    ):  # fmt: skip
        value, type_ = f"row[{prefix + column!r}]", type(kind)
        as_it_is = (column, attribute, kind) in meta.db_native_fields or type_ in _PLAIN
        if not as_it_is and not (dialect == "postgres" and type_ in _POSTGRES_READS):
            known[f"read_{column}"] = _READERS.get(type_) or kind.to_python_value
            value = f"None if (value := {value}) is None else read_{column}(value)"
        parts.append(f"{attribute!r}: {value}")
    source = (
        "def make(row):\n made = new(model)\n put(made, '__dict__', {" + ", ".join(parts) + "})\n return made"
    )
    exec(source, known)  # noqa: S102  (names of the models' own columns, nothing else)
    return cast(Callable[[Mapping[str, Any]], Model], known["make"])


# What Tortoise's `_init_from_db` sets in an instance that was read.
_NEW: Final = {
    "_partial": "False", "_saved_in_db": "True", "_custom_generated_pk": "False", "_await_when_save": "{}",
}  # fmt: skip
_PLAIN: Final = (fields.CharField, fields.TextField, fields.IntField, fields.BigIntField)
_POSTGRES_READS: Final = (fields.DatetimeField, fields.DateField, fields.BooleanField)
_READERS: Final[dict[type[Any], Callable[[Any], Any]]] = {
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


async def _take(table: str, wanted: str, row_id: int) -> Sequence[Mapping[str, Any]]:
    if db.dialect() == "sqlite":
        sql = f"UPDATE {table} SET id = id WHERE id = ? RETURNING {wanted}"
    else:
        sql = f"SELECT {wanted} FROM {table} WHERE id = ? FOR NO KEY UPDATE"
    return await db.read(sql, row_id)
