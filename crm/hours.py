"""Business hours as staff enter them: spans by team or for the whole company, and own days off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm import audit, company, db, happenings, reads, writes, zone
from crm.actor import Actor, check
from crm.business_time import Calendar, Closure, Slot, Span, check_week, korean_holidays
from crm.checks import text
from crm.errors import Conflict, NotFound
from crm.models import BusinessHours, CompanyProfile, DayOff, Team

__all__ = [
    "Calendar",
    "Closed",
    "Closure",
    "Slot",
    "Span",
    "add_day_off",
    "load",
    "remove_day_off",
    "replace",
    "upcoming_closed",
    "week_of",
]


@dataclass(frozen=True)
class Closed:
    """A closed day of the settings page; `id` is set when it is the company's own day off."""

    day: date
    name: str
    id: int | None


async def load(
    team_id: int | None = None, *, tz: ZoneInfo | None = None, profile: CompanyProfile | None = None
) -> Calendar:
    """The calendar of a team. A team without spans of its own keeps the company's. `profile`: the company's,
    where it has been read already."""
    profile = profile or await company.get()
    week = await week_of(team_id)
    if team_id is not None and not any(week):
        week = await week_of(None)
    closed = [reads.as_model(DayOff, row) for row in await db.read("SELECT * FROM day_off")]
    days_off = {row.day: row.name for row in closed}
    return Calendar(week, tz or zone.current(), profile.korean_holidays, days_off)


async def week_of(team_id: int | None) -> tuple[tuple[Span, ...], ...]:
    """The spans entered for the team (None: the company), Monday first; all empty when none are entered."""
    week: list[list[Span]] = [[] for _ in range(7)]
    whose, args = ("IS NULL", []) if team_id is None else ("= ?", [team_id])
    rows = await db.read(
        f"SELECT weekday, opens, closes FROM business_hours WHERE team_id {whose} ORDER BY weekday, opens",
        *args,
    )
    for row in rows:
        week[row["weekday"]].append(Span(row["opens"], row["closes"]))
    return tuple(tuple(day) for day in week)


async def replace(
    actor: Actor, team_id: int | None, week: Sequence[Sequence[Span]], *, now: datetime
) -> tuple[tuple[Span, ...], ...]:
    """Save a whole week. A team's empty week means: as the company.

    Raises `Invalid` naming weekday and field, e.g. `friday.1.closes` `end_before_start`.
    """
    check(actor, "hours.write")
    checked = check_week(week)
    async with writes.transaction():
        if team_id is not None and not await Team.exists(id=team_id):
            raise NotFound("team")
        await BusinessHours.filter(team_id=team_id).delete()
        await BusinessHours.bulk_create(
            BusinessHours(team_id=team_id, weekday=weekday, opens=span.opens, closes=span.closes)
            for weekday, spans in enumerate(checked)
            for span in spans
        )
        await happenings.record("company.changed", now=now, fields=["hours"], team_id=team_id)
        await audit.record(actor, "hours.replaced", "team" if team_id else "company", team_id or 1, now=now)
    return checked


async def add_day_off(actor: Actor, day: date, name: str, *, now: datetime) -> DayOff:
    """Close the company on one day. Raises `Conflict` `already_off`."""
    check(actor, "hours.write")
    name = text("name", name, longest=60, required=True)
    async with writes.transaction():
        if await DayOff.exists(day=day):
            raise Conflict("already_off")
        row = await DayOff.create(day=day, name=name)
        await audit.record(actor, "day_off.added", "day_off", row.id, now=now)
    return row


async def remove_day_off(actor: Actor, day_off_id: int, *, now: datetime) -> None:
    """Open again on a day that was closed by `add_day_off`."""
    check(actor, "hours.write")
    async with writes.transaction():
        if not await DayOff.filter(id=day_off_id).delete():
            raise NotFound("day_off")
        await audit.record(actor, "day_off.removed", "day_off", day_off_id, now=now)


async def upcoming_closed(now: datetime, *, days: int = 365, tz: ZoneInfo | None = None) -> list[Closed]:
    """Public holidays (when applied) and own days off from today on, in order."""
    today = zone.aware(now).astimezone(tz or zone.current()).date()
    last = today + timedelta(days=days)
    found = {
        row.day: Closed(row.day, row.name, row.id) for row in await DayOff.filter(day__range=(today, last))
    }
    if (await company.get()).korean_holidays:
        for year in range(today.year, last.year + 1):
            for day, name in korean_holidays(year).items():
                if today <= day <= last:
                    found.setdefault(day, Closed(day, name, None))
    return [found[day] for day in sorted(found)]
