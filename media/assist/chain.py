"""A log that shows tampering: each entry carries the digest of all that came before it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

START = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One consent or one act. `at` is UTC in ISO 8601, `digest` SHA-256 in hex of the entry and the one
    before."""

    number: int
    at: str
    act: str
    data: Mapping[str, Any]
    digest: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Chain:
    """Appends entries; keeps only the last digest, for the entries themselves are sent away."""

    def __init__(self) -> None:
        self._number, self._last = 0, START

    def append(self, act: str, data: Mapping[str, Any], now: datetime) -> Entry:
        """The next entry. Raises `ValueError` for a naive `now`."""
        if now.tzinfo is None:
            raise ValueError("an entry needs an aware time")
        at = now.astimezone(UTC).isoformat(timespec="milliseconds")
        self._number += 1
        self._last = _digest(self._last, self._number, at, act, data)
        return Entry(self._number, at, act, dict(data), self._last)


def first_fault(entries: Iterable[Entry]) -> int | None:
    """The number at which the log was changed, cut or reordered; None when it is whole."""
    last = START
    for number, entry in enumerate(entries, 1):
        digest = _digest(last, number, entry.at, entry.act, entry.data)
        if entry.number != number or entry.digest != digest:
            return number
        last = digest
    return None


def _digest(last: str, number: int, at: str, act: str, data: Mapping[str, Any]) -> str:
    said = json.dumps(
        [last, number, at, act, data], ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(said.encode()).hexdigest()
