"""Running processes: their names as holders of lanes and leases, their heartbeats, model and metrics."""

import functools
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crm import db

LIVE_SECONDS = 15.0  # without a heartbeat for so long a process counts as gone


@functools.cache
def _machine() -> str:
    """This boot of this machine, as far as its process numbers mean the same."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()[:60]}/{boot[:8]}/{os.stat('/proc/self/ns/pid').st_ino}"


def _started(pid: int) -> str:
    """When a process started, in ticks since boot: tells a number's next user from its last."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def holder(kind: str) -> str:
    """A name for one worker, sender or reader of this process; never the same twice."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_started(pid)}/{kind}-{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """Whether the process of this holder surely ended; False for processes of other machines."""
    machine, pid, started, _ = name.rsplit("/", 3) if name.count("/") >= 5 else ("", "", "", "")
    return machine == _machine() and _started(int(pid)) != started


@dataclass(frozen=True)
class Running:
    """A process as its heartbeat row tells."""

    name: str
    kind: str
    host: str
    pid: int
    model: str
    metrics: dict[str, Any]
    seen_at: datetime


async def heartbeat(
    name: str, kind: str, *, now: datetime, model: str = "", metrics: Mapping[str, Any] | None = None
) -> None:
    """Say that this process runs. `name` is its `holder`; `model` what it has loaded."""
    await db.execute(
        "INSERT INTO process (name, kind, host, pid, model, metrics, started_at, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " model = excluded.model, metrics = excluded.metrics, seen_at = excluded.seen_at",
        name,
        kind,
        socket.gethostname()[:100],
        os.getpid(),
        model,
        json.dumps(dict(metrics or {})),
        db.stamp(now),
        db.stamp(now),
    )


async def gone(name: str) -> None:
    """Remove the row of a process that ends in order."""
    await db.execute("DELETE FROM process WHERE name = ?", name)


async def live(now: datetime, kind: str | None = None) -> list[Running]:
    """The processes seen within `LIVE_SECONDS`, of one kind or all."""
    rows = await db.fetch(
        "SELECT * FROM process WHERE seen_at > ? ORDER BY kind, name",
        db.stamp(now - timedelta(seconds=LIVE_SECONDS)),
    )
    return [_running(row) for row in rows if kind in (None, row["kind"]) and not is_dead(row["name"])]


def _running(row: Mapping[str, Any]) -> Running:
    seen_at = db.read_stamp(row["seen_at"])
    if seen_at is None:
        raise ValueError("a process without a heartbeat")
    known = {name: row[name] for name in ("name", "kind", "host", "pid", "model")}
    return Running(metrics=db.read_json(row["metrics"]), seen_at=seen_at, **known)


async def forget_old(now: datetime, *, days: int = 1) -> int:
    """Delete the rows of processes gone for `days`."""
    return await db.execute("DELETE FROM process WHERE seen_at < ?", db.stamp(now - timedelta(days=days)))
