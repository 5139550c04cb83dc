"""The response target: by when a person owes the customer an answer, in business time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crm import company, hours
from crm.zone import aware

SOON = timedelta(minutes=5)  # the desk turns amber


@dataclass(frozen=True)
class Standing:
    """How an owed answer stands: `state` is fine, soon or late; `minutes` until (negative: past) due."""

    state: str
    minutes: int


async def reply_due_at(at: datetime, team_id: int | None = None) -> datetime:
    """When an answer to something that arrived `at` is due: the company's target in the team's hours."""
    profile = await company.get()
    calendar = await hours.load(team_id, profile=profile)
    return calendar.add_business_minutes(at, profile.reply_target_minutes)


def standing(due_at: datetime, now: datetime) -> Standing:
    """Fine, soon (under five minutes) or late, with whole minutes left, rounded up."""
    left = aware(due_at) - aware(now)
    minutes = -(-int(left.total_seconds()) // 60)
    if left < timedelta():
        return Standing("late", int(left.total_seconds() // 60))
    return Standing("soon" if left < SOON else "fine", minutes)
