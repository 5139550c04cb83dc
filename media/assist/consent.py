"""What the customer has allowed. Pure: no window, no network; time is passed in.

Viewing comes first; control and the clipboard stand on it and end with it. A file is allowed one by one.
"""

import enum
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ANSWER_WITHIN: Final = timedelta(seconds=60)  # then the question counts as refused
NAG_WINDOW: Final = timedelta(minutes=10)
MOST_REFUSALS: Final = 3  # of one kind within NAG_WINDOW; after that staff must talk, not ask


class What(enum.StrEnum):
    """What may be asked for."""

    VIEW = "view"
    CONTROL = "control"
    CLIPBOARD = "clipboard"
    FILE = "file"


class Refusal(Exception):
    """The question is not put to the customer; the text is the reason's code: view_first, busy, enough."""


@dataclass(frozen=True)
class Question:
    """One question on the panel; `detail` is a file's name."""

    number: int
    what: What
    asked_at: datetime
    detail: str = ""


class Consent:
    """The customer's answers. Every change is the customer's own act, or the end of what it stood on."""

    def __init__(self) -> None:
        self._granted: set[What] = set()
        self._refused: deque[tuple[What, datetime]] = deque(maxlen=32)
        self._number = 0
        self.pending: Question | None = None

    def allows(self, what: What) -> bool:
        return what in self._granted

    @property
    def shares(self) -> bool:
        """Whether anything is shared at all."""
        return bool(self._granted)

    def ask(self, what: What, now: datetime, detail: str = "") -> Question | None:
        """Put a question; None when it is allowed already. Raises `Refusal`."""
        self.expire(now)
        if self.allows(what):
            return None
        if what is not What.VIEW and not self.allows(What.VIEW):
            raise Refusal("view_first")
        if self.pending:
            raise Refusal("busy")
        if sum(1 for w, at in self._refused if w is what and at > now - NAG_WINDOW) >= MOST_REFUSALS:
            raise Refusal("enough")
        self._number += 1
        self.pending = Question(self._number, what, now, detail)
        return self.pending

    def answer(self, number: int, granted: bool, now: datetime) -> Question | None:
        """The customer's answer; None when that question is not on the panel any more."""
        question = self.pending
        if question is None or question.number != number or self.expire(now):
            return None
        self.pending = None
        if not granted:
            self._refused.append((question.what, now))
        elif question.what is not What.FILE:
            self._granted.add(question.what)
        return question

    def expire(self, now: datetime) -> Question | None:
        """The question that nobody answered in time, now refused."""
        question = self.pending
        if question is None or now < question.asked_at + ANSWER_WITHIN:
            return None
        self.pending = None
        self._refused.append((question.what, now))
        return question

    def revoke(self, what: What) -> bool:
        """End one thing, and with viewing everything; whether it was allowed."""
        had = what in self._granted
        self._granted.discard(what)
        if what is What.VIEW:
            self._granted.clear()
        return had

    def stop(self) -> bool:
        """End everything; whether anything was shared or asked."""
        had = self.shares or self.pending is not None
        self._granted.clear()
        self.pending = None
        return had
