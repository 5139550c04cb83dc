"""What a database address means to Tortoise: drivers, pragmas, pool."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from crm.errors import Invalid

MODELS = ["crm.models"]
MIGRATIONS = "crm.migrations"
BUSY_TIMEOUT_MS = 10_000  # how long a SQLite write waits for another process's
CACHE_KIB = 64 * 1024  # of pages that a process may keep of the file, as it needs them (SQLite: 2 MiB)


def tortoise_config(url: str, *, synchronous: str = "FULL", pool: int = 5) -> dict[str, Any]:
    """Tortoise's configuration of a database address (`sqlite://path` or `postgres://…`)."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        name, connection = "sqlite", _sqlite(url, synchronous)
    elif scheme in ("postgres", "postgresql", "asyncpg"):
        name, connection = "postgres", _postgres(url, pool)
    else:
        raise Invalid("database_url", "unknown_scheme", scheme=scheme)
    # Tortoise caches SQL by connection name whatever the dialect: hence one name a dialect
    app = {"models": MODELS, "default_connection": name, "migrations": MIGRATIONS}
    return {"connections": {name: connection}, "apps": {"crm": app}, "use_tz": True, "timezone": "UTC"}


def database_file(url: str) -> str:
    """The path of a SQLite address."""
    return url.removeprefix("sqlite://").split("?")[0]


def _sqlite(url: str, synchronous: str) -> dict[str, Any]:
    path = database_file(url)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pragmas = {
        "busy_timeout": BUSY_TIMEOUT_MS,  # first: the others may have to wait, too
        "journal_mode": "WAL",
        "synchronous": synchronous,
        "foreign_keys": "ON",
        "cache_size": -CACHE_KIB,
        "secure_delete": "ON",  # what is erased is overwritten; not every build of SQLite does so by itself
        "journal_size_limit": 64 * 1024 * 1024,
    }
    return {"engine": "crm.sqlite", "credentials": {"file_path": path, **pragmas}}


def _postgres(url: str, pool: int) -> dict[str, Any]:
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    credentials: dict[str, Any] = {
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "host": query.pop("host", None) or parts.hostname,
        "port": int(query.pop("port", 0) or parts.port or 5432),
        "database": parts.path.lstrip("/"),
        "minsize": 1,
        "maxsize": pool,
        "statement_cache_size": 1000,
    }
    if "sslmode" in query:
        credentials["ssl"] = query["sslmode"]
    return {"engine": "crm.pool", "credentials": credentials}
