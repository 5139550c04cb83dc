"""Many rows as one argument of one statement: one round trip, and a fifth of a statement's CPU for each."""

from collections.abc import Sequence
from typing import Any

from crm import db


def table(name: str, rows: Sequence[Sequence[Any]], **columns: str) -> tuple[str, list[Any]]:
    """`WITH name(columns) AS (rows) `, to be put before a statement, and its arguments, which come first.

    `columns` are names with PostgreSQL's types. `rows` must not be empty; SQLite takes 32,766 values at most.
    """
    names = ", ".join(columns)
    if db.dialect() == "postgres":  # arrays: one prepared statement for any number of rows
        arrays = ", ".join(f"?::{kind}[]" for kind in columns.values())
        turned: list[Any] = [list(column) for column in zip(*rows, strict=True)]
        return f"WITH {name}({names}) AS (SELECT * FROM unnest({arrays})) ", turned
    values = ", ".join([f"({db.placeholders(len(columns))})"] * len(rows))
    return f"WITH {name}({names}) AS (VALUES {values}) ", [value for row in rows for value in row]
