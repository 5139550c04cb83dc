"""Times and documents on their way into the database and out of it."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson
import tortoise.backends.sqlite.executor  # writes times as they come; loaded after this it would win
import tortoise.fields.data

from crm.db import state
from crm.errors import Invalid


def require_aware(at: datetime) -> datetime:
    """The same instant in UTC. Raises `Invalid` for a naive datetime."""
    if at.tzinfo is None:
        raise Invalid("at", "naive_datetime")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


# SQLite compares times as text, so all of them are written in UTC and in one form.
sqlite3.register_adapter(datetime, lambda at: require_aware(at).isoformat(" "))
# Python 3.11 reads ISO 8601 in C; Tortoise's library takes 20 us for each time of each row.
vars(tortoise.fields.data)["parse_datetime"] = datetime.fromisoformat


def stamp(at: datetime) -> Any:
    """An aware datetime as an argument of raw SQL. Raises `Invalid` for a naive one."""
    at = require_aware(at)
    return at.isoformat(" ") if state.dialect() == "sqlite" else at


def read_stamp(value: Any) -> datetime | None:
    """A time column of a raw row as an aware datetime in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value.tzinfo is UTC else require_aware(value)


def read_rows(
    rows: list[dict[str, Any]],
    *,
    times: Sequence[str] = (),
    flags: Sequence[str] = (),
    documents: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The same rows with their columns `times`, `flags` (yes or no) and `documents` (JSON) read, in place."""
    if state.dialect() == "postgres":
        times = flags = ()  # the driver gives them as they are wanted, times in UTC
    for name in flags:
        for row in rows:
            row[name] = bool(row[name])
    for name in documents:
        for row in rows:
            value = row[name]
            row[name] = [] if value == "[]" else {} if value == "{}" else read_json(value)  # most are empty
    read = datetime.fromisoformat
    for name in times:
        for row in rows:
            if (value := row[name]) is not None:
                at = read(value)
                row[name] = at if at.tzinfo is UTC else require_aware(at)
    return rows


_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def write_json(value: Any, *, canonical: bool = False) -> str:
    """A value as the text of a JSON column; `canonical`: keys in order, so that equal values have one text.

    Raises `TypeError` for what JSON has no word for.
    """
    try:
        return orjson.dumps(value, option=_STRICT | (orjson.OPT_SORT_KEYS if canonical else 0)).decode()
    except orjson.JSONEncodeError:  # stricter: keys are text, whole numbers have 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=canonical)


def read_day(value: Any) -> date | None:
    """A date read by raw SQL, of either database."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def read_json(value: Any) -> Any:
    """A JSON column of a raw row. Whole numbers beyond 64 bits, which nothing of ours has, come as floats."""
    if type(value) is not str:
        return json.loads(value) if isinstance(value, bytes) else value
    if value == "[]":  # most are empty
        return []
    if value == "{}":
        return {}
    try:
        return orjson.loads(value)  # at a fifth of json.loads' CPU
    except orjson.JSONDecodeError:  # stricter: it takes no NaN
        return json.loads(value)
