"""Statuses, priorities and transitions of a service request, and how its number is read. Pure."""

import re
import unicodedata
from dataclasses import dataclass

from crm.errors import Conflict, Invalid

STATUSES = (
    "received",
    "assigned",
    "in_progress",
    "waiting_customer",
    "resolved",
    "closed",
    "cancelled",
)
OPEN = ("received", "assigned", "in_progress", "waiting_customer")
DONE = ("resolved", "closed")
TRANSITIONS: dict[str, frozenset[str]] = {
    "received": frozenset({"assigned", "cancelled"}),
    "assigned": frozenset({"in_progress", "cancelled"}),
    "in_progress": frozenset({"waiting_customer", "resolved", "cancelled"}),
    "waiting_customer": frozenset({"in_progress", "resolved", "cancelled"}),
    "resolved": frozenset({"closed", "assigned"}),
    "closed": frozenset({"assigned"}),
    "cancelled": frozenset(),
}
PRIORITIES = ("low", "normal", "high", "urgent")
CATEGORIES = ("repair", "visit", "complaint", "question", "other")
LINKS = ("related", "duplicate", "split")
REASON_LONGEST = 500


@dataclass(frozen=True)
class Number:
    """What a sloppily written number says: the running number, and the year if it was said."""

    running: int
    year: int | None


def may_follow(status: str, wanted: str) -> bool:
    """Whether a request in `status` may become `wanted`."""
    return wanted in TRANSITIONS[status]


def reopens(status: str, wanted: str) -> bool:
    """Whether this transition takes up finished work again."""
    return status in DONE and wanted == "assigned"


def check_transition(status: str, wanted: str, reason: str) -> None:
    """Raises `Invalid` for an unknown status or a missing reason (cancelling and reopening need one), and
    `Conflict` `transition` when the step is not allowed."""
    if wanted not in STATUSES:
        raise Invalid("status", "unknown", allowed=list(STATUSES))
    if not may_follow(status, wanted):
        raise Conflict("transition", status=status, wanted=wanted, allowed=sorted(TRANSITIONS[status]))
    if not reason and (wanted == "cancelled" or reopens(status, wanted)):
        raise Invalid("reason", "required")


def raised(priority: str, least: str) -> str:
    """The higher of two priorities."""
    return max(priority, least, key=PRIORITIES.index)


# Full (SR-2026-000123), with blanks or dots instead of hyphens, run together, and the bare running number.
_FULL = re.compile(r"(?:s\s*r)?[\s\-_.]*(20\d\d)[\s\-_.]+(?:#|no\.?\s*)?(\d{1,6})(?!\d)", re.I)
_TOGETHER = re.compile(r"(?:s\s*r)?[\s\-_.]*(20\d\d)(\d{6})(?!\d)", re.I)
_BARE = re.compile(r"(?<!\d)(?:s\s*r[\s\-_.#]*)?(\d{1,6})\s*번?(?!\d)", re.I)


def read_number(text: str) -> Number | None:
    """Understand '123번', 'SR 2026 123', 'sr-2026-000123', 'SR2026000123', also in full-width letters."""
    plain = unicodedata.normalize("NFKC", text).replace("–", "-").replace("—", "-")
    for pattern in (_FULL, _TOGETHER):
        if found := pattern.search(plain):
            return Number(int(found[2]), int(found[1]))
    if found := _BARE.search(plain):
        return Number(int(found[1]), None)
    return None
