"""The database: connecting, transactions, raw SQL and wake-ups. Only here are both dialects known.

Rules that it keeps for everyone:
- on SQLite a transaction's first statement is a write (reading first and writing later fails when another
  process wrote in between); `transaction(first=...)` runs that write before whatever comes first;
- a transaction inside a transaction joins it; an expected fault inside one goes into a `savepoint()`;
- a task started inside a transaction would inherit it, so background tasks start with `spawn()`;
- times are aware and stored in UTC.
"""

from crm.db.connecting import close, connect, exclusive
from crm.db.state import (
    Escaped,
    NotConnected,
    apps,
    client,
    dialect,
    in_transaction,
    run_first,
)
from crm.db.statements import (
    column,
    execute,
    execute_many,
    fetch,
    known_transaction,
    missing_numbers,
    padded,
    placeholders,
    read,
    settle,
    skip_locked,
    transaction_horizon,
    typed,
)
from crm.db.transactions import (
    is_away,
    limit_lock_waits,
    lost_lock,
    retried,
    savepoint,
    serialise,
    spawn,
    transaction,
)
from crm.db.values import read_day, read_json, read_rows, read_stamp, require_aware, stamp, write_json
from crm.db.waking import after_commit, wait, wake_here

__all__ = [
    "Escaped",
    "NotConnected",
    "after_commit",
    "apps",
    "client",
    "close",
    "column",
    "connect",
    "dialect",
    "exclusive",
    "execute",
    "execute_many",
    "fetch",
    "in_transaction",
    "is_away",
    "known_transaction",
    "limit_lock_waits",
    "lost_lock",
    "missing_numbers",
    "padded",
    "placeholders",
    "read",
    "read_day",
    "read_json",
    "read_rows",
    "read_stamp",
    "require_aware",
    "retried",
    "run_first",
    "savepoint",
    "serialise",
    "settle",
    "skip_locked",
    "spawn",
    "stamp",
    "transaction",
    "transaction_horizon",
    "typed",
    "wait",
    "wake_here",
    "write_json",
]
