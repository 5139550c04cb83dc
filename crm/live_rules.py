"""Pure rules of live sessions: statuses, times, the company's policy, the honest wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from crm.checks import whole
from crm.errors import Conflict, Invalid

PURPOSES: Final = ("repair", "explain")
STATUSES: Final = ("scheduled", "invited", "waiting", "live", "ended", "missed", "cancelled")
OPEN: Final = ("scheduled", "invited", "waiting", "live")
BEFORE: Final = ("scheduled", "invited", "waiting")  # nobody has spoken yet
TRANSITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "scheduled": ("invited", "waiting", "live", "missed", "cancelled"),
    "invited": ("waiting", "live", "missed", "cancelled"),
    "waiting": ("invited", "live", "missed", "cancelled"),
    "live": ("ended",),
    "ended": (),
    "missed": (),
    "cancelled": (),
}

LINK_TTL: Final = timedelta(hours=2)  # of an invitation for now
AFTER_SCHEDULED: Final = timedelta(hours=2)  # a link of a scheduled session works that long after its time
GRACE: Final = timedelta(minutes=15)  # after the scheduled time nobody has come: missed
EARLY: Final = timedelta(minutes=15)  # before the scheduled time the waiting room opens
GIVEN_UP: Final = timedelta(minutes=30)  # of waiting, after which the session counts as missed
EMPTY_ROOM: Final = timedelta(minutes=2)  # everybody gone for that long ends a session
REMINDERS: Final = (timedelta(hours=24), timedelta(minutes=15))  # before the scheduled time
FURTHEST: Final = timedelta(days=90)
WAITS_MEASURED: Final = 5  # waits that must have been measured before one is promised


@dataclass(frozen=True)
class Policy:
    """What the company decided about live support; kept in its profile's settings under `live`.

    `wait_minutes`: after this an appointment is offered; `keep_days`: recordings are deleted after that;
    `rate_minor`: cost of a minute of staff in minor units (0: no cost is worked out).
    """

    wait_minutes: int = 5
    keep_days: int = 90
    rate_minor: int = 0

    @property
    def wait(self) -> timedelta:
        return timedelta(minutes=self.wait_minutes)

    @property
    def keep(self) -> timedelta:
        return timedelta(days=self.keep_days)


BOUNDS: Final = {"wait_minutes": (1, 60), "keep_days": (1, 1095), "rate_minor": (0, 10_000_000)}


def policy_of(settings: Mapping[str, Any]) -> Policy:
    """The policy in a profile's settings; what is missing or damaged there has its default."""
    given = settings.get("live")
    values: dict[str, int] = {}
    for name, value in given.items() if isinstance(given, Mapping) else ():
        least, most = BOUNDS.get(name, (1, 0))
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            values[name] = value
    return Policy(**values)


def check_policy(given: Mapping[str, Any]) -> dict[str, int]:
    """The changes of a policy. Raises `Invalid` naming the field."""
    for name in given:
        if name not in BOUNDS:
            raise Invalid(name, "not_changeable")
    return {
        name: whole(name, value, least=BOUNDS[name][0], most=BOUNDS[name][1]) for name, value in given.items()
    }


def check_move(was: str, to: str) -> None:
    """Raises `Conflict` `not_allowed` (with `status`) for a transition there is not."""
    if to not in TRANSITIONS[was]:
        raise Conflict("not_allowed", status=was)


def next_reminder(scheduled_at: datetime, now: datetime) -> datetime | None:
    """When the next reminder of a scheduled session is due; None when all are past."""
    due = (scheduled_at - before for before in REMINDERS)
    return min((at for at in due if at > now), default=None)


def usual_wait(waits: Sequence[timedelta]) -> int | None:
    """The median of the last waits in whole minutes, at least one; None while too few were measured."""
    if len(waits) < WAITS_MEASURED:
        return None
    return max(1, round(median(wait.total_seconds() for wait in waits) / 60))


def cost(present_ms: int, rate_minor: int) -> int:
    """What the staff's time cost: begun minutes x the rate, in minor units."""
    return -(-present_ms // 60_000) * rate_minor
