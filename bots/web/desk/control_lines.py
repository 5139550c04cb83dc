"""What was done by remote control, as a list to read: consents one by one, input in sums."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from bots.web.desk.frame import Desk
from crm import control_log
from crm.control_log import Heard
from crm.models import LiveSession

INPUT: Final = frozenset({"moved", "pressed", "released", "wheel", "key", "text"})
TOLD: Final = frozenset(
    {"asked", "granted", "refused", "expired", "revoked", "stopped", "clipboard", "file", "file_failed"}
)
COUNTED: Final = ("clicks", "keys", "wheel", "text")
PAUSE: Final = timedelta(minutes=1)  # a longer one begins a new sum


@dataclass
class Sum:
    """Input without a pause."""

    begin: datetime
    end: datetime
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))

    def add(self, line: Heard) -> None:
        """Count a line of it."""
        self.end = line.at
        match line.act:
            case "pressed":
                self.counts["clicks"] += 1
            case "key" if line.data.get("down"):
                self.counts["keys"] += 1
            case "wheel":
                self.counts["wheel"] += 1
            case "text":
                self.counts["text"] += _whole(line.data.get("length"))


def summed(lines: Iterable[Heard]) -> Iterator[Heard | Sum]:
    """The lines in order, with input that belongs together as one. Sums that only moved the mouse are left
    out."""
    current: Sum | None = None
    for line in lines:
        if line.act in INPUT:
            if current is None or line.at - current.end > PAUSE:
                if current and any(current.counts.values()):
                    yield current
                current = Sum(line.at, line.at)
            current.add(line)
            continue
        if current and any(current.counts.values()):
            yield current
        current = None
        yield line
    if current and any(current.counts.values()):
        yield current


async def lines(desk: Desk, session: LiveSession, begin: datetime) -> list[dict[str, Any]]:
    """Rows for the record of a call: a time since `begin`, and words."""
    found = summed(await control_log.heard(session.id))
    return [
        _row(desk, one.begin, begin, _sum(desk, one)) if isinstance(one, Sum)
        else _row(desk, one.at, begin, _words(desk, one))
        for one in found
    ]  # fmt: skip


def _row(desk: Desk, at: datetime, begin: datetime, text: str) -> dict[str, Any]:
    seconds = max(0, int((at - begin).total_seconds()))
    return {"clock": f"{seconds // 60:02}:{seconds % 60:02}", "text": text}


def _sum(desk: Desk, one: Sum) -> str:
    parts = [desk.t(f"desk.live.input.{name}", n=count) for name, count in one.counts.items() if count]
    return desk.t("desk.live.input_sum", parts=" · ".join(parts))


def _words(desk: Desk, line: Heard) -> str:
    """A line as a sentence; one of a kind that this version does not know is shown by its name."""
    if line.act not in TOLD:
        return line.act
    if line.act == "clipboard":
        way = "out" if line.data.get("way") == "out" else "in"
        return desk.t(f"desk.live.log.clipboard_{way}", n=_whole(line.data.get("length")))
    what = str(line.data.get("what", ""))
    known = what if what in ("view", "control", "clipboard", "file") else "control"
    return desk.t(
        f"desk.live.log.{line.act}",
        what=desk.t(f"desk.live.log.what_{known}"),
        name=str(line.data.get("name", ""))[:200],
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
