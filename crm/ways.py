"""Choosing the way out for a message that starts with us: a pure decision over facts.

The last channel used if its window is open, else the preferred one, else the cheapest that reaches; at last a
channel where the message waits until the customer comes back.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LAST, PREFERRED, CHEAPEST, WAITS, NONE = "last", "preferred", "cheapest", "waits", "none"
_LONG_AGO: Final = float("-inf")


@dataclass(frozen=True)
class Terms:
    """What a channel asks of messages that start with us; the composition fills these in.

    `window`: how long after the customer's last message we may write freely (None: always). `starts`: we may
    write outside it (a template, or an address). `address`: the kind of proven address that reaches there
    without anything written before (`phone`, `email`, or ''). `keeps`: what is sent waits there until they
    come back. `cost` of a message in minor units of the company's currency; `price`, where it depends on the
    text. `templates`: only an approved template goes out there (crm/message_templates.py).
    """

    window: timedelta | None = None
    cost: int = 0
    starts: bool = True
    address: str = ""
    keeps: bool = False
    account: str = ""  # the channel account from which an address is written to
    price: Callable[[str], int] | None = None
    templates: bool = False

    def cost_of(self, text: str) -> int:
        """What this text costs there."""
        return self.price(text) if self.price else self.cost


@dataclass(frozen=True)
class Way:
    """One way to a contact: an identity, or an address that has none yet."""

    channel: str
    terms: Terms
    identity_id: int | None = None
    external_id: str = ""
    account: str = ""
    last_inbound_at: datetime | None = None
    blocked: bool = False

    def is_open(self, at: datetime) -> bool:
        """May we write freely, as an answer to what the customer wrote?"""
        if self.last_inbound_at is None:
            return False
        return self.terms.window is None or at < self.last_inbound_at + self.terms.window

    def reaches(self, at: datetime) -> bool:
        """Does a message arrive now?"""
        return self.terms.starts or self.is_open(at)


@dataclass(frozen=True)
class Choice:
    """The way chosen and why; None when there is none. `passed`: ways not taken, with the reason."""

    way: Way | None
    why: str
    passed: tuple[tuple[str, str], ...] = ()

    @property
    def cost(self) -> int:
        return self.way.terms.cost if self.way else 0


def choose(
    ways: Sequence[Way],
    *,
    at: datetime,
    preferred: str = "",
    refused: Mapping[str, str] | None = None,
    tried: Collection[int | None] = (),
) -> Choice:
    """The one way for a message. `refused`: channels that may not be used, with the reason (the gate's);
    `tried`: identities that this message has failed to reach."""
    reasons = {way: _against(way, refused or {}, tried) for way in ways}
    usable = [way for way in ways if not reasons[way]]
    last = max((way for way in ways if way.last_inbound_at), key=_recent, default=None)
    reaching = sorted((way for way in usable if way.reaches(at)), key=_cheap)
    chosen, why = _pick(last, usable, reaching, preferred, at)
    passed = tuple((way.channel, reasons[way] or "closed") for way in ways if way not in reaching)
    return Choice(chosen, why, passed)


def _pick(
    last: Way | None, usable: Sequence[Way], reaching: Sequence[Way], preferred: str, at: datetime
) -> tuple[Way | None, str]:
    if last is not None and last in usable and last.is_open(at):
        return last, LAST
    for way in reaching:
        if way.channel == preferred:
            return way, PREFERRED
    if reaching:
        return reaching[0], CHEAPEST
    waiting = sorted((way for way in usable if way.terms.keeps), key=_recent, reverse=True)
    return (waiting[0], WAITS) if waiting else (None, NONE)


def _against(way: Way, refused: Mapping[str, str], tried: Collection[int | None]) -> str:
    if way.identity_id is not None and way.identity_id in tried:
        return "failed"
    return "blocked" if way.blocked else refused.get(way.channel, "")


def _recent(way: Way) -> tuple[float, int]:
    when = way.last_inbound_at.timestamp() if way.last_inbound_at else _LONG_AGO
    return when, way.identity_id or 0


def _cheap(way: Way) -> tuple[int, float, str, int]:
    when, identity_id = _recent(way)
    return way.terms.cost, -when, way.channel, identity_id
