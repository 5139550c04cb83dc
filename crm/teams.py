"""Teams: groups of staff that work is given to by topic."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm import audit, happenings, writes
from crm.actor import Actor, check
from crm.checks import only, text
from crm.errors import Conflict, Invalid, NotFound
from crm.models import Staff, Team, TeamMember

CHANGEABLE = ("name", "name_en", "topics", "staff_ids")


async def list_teams() -> list[Team]:
    """All teams by id, with their members (`team.members`, each with `.staff`)."""
    return await Team.all().order_by("id").prefetch_related("members__staff")


async def of_staff(staff_id: int) -> list[int]:
    """Ids of the teams a staff member is in."""
    rows = await TeamMember.filter(staff_id=staff_id).order_by("team_id")
    return [row.team_id for row in rows]


async def create(
    actor: Actor,
    *,
    name: str,
    name_en: str = "",
    topics: Sequence[str] = (),
    staff_ids: Sequence[int] = (),
    now: datetime,
) -> Team:
    """Add a team. Raises `Invalid` by field, `Conflict` `name_taken`."""
    return await _save(
        actor, None, {"name": name, "name_en": name_en, "topics": topics, "staff_ids": staff_ids}, now
    )


async def update(actor: Actor, team_id: int, changes: Mapping[str, Any], *, now: datetime) -> Team:
    """Change name, topics or members (`staff_ids` replaces them)."""
    return await _save(actor, team_id, changes, now)


async def remove(actor: Actor, team_id: int, *, now: datetime) -> None:
    """Remove a team; its open work stays, without a team."""
    check(actor, "team.write")
    async with writes.transaction():
        if not await Team.filter(id=team_id).delete():
            raise NotFound("team")
        await audit.record(actor, "team.removed", "team", team_id, now=now)


async def join(staff_id: int, team_ids: Sequence[int]) -> None:
    """Make these the teams of a staff member. The caller checks permission and holds the transaction."""
    if await Team.filter(id__in=list(team_ids)).count() != len(set(team_ids)):
        raise Invalid("team_ids", "unknown")
    await TeamMember.filter(staff_id=staff_id).delete()
    await TeamMember.bulk_create(TeamMember(team_id=t, staff_id=staff_id) for t in sorted(set(team_ids)))


async def _save(actor: Actor, team_id: int | None, changes: Mapping[str, Any], now: datetime) -> Team:
    check(actor, "team.write")
    only(changes, CHANGEABLE)
    values = _checked(changes)
    async with writes.transaction():
        if "name" in values and await Team.filter(name=values["name"]).exclude(id=team_id or 0).exists():
            raise Conflict("name_taken", name=values["name"])
        team = Team() if team_id is None else await Team.get_or_none(id=team_id)
        if team is None:
            raise NotFound("team")
        await team.update_from_dict(values).save()
        if "staff_ids" in changes:
            await _set_members(team.id, changes["staff_ids"])
        await happenings.record("staff.changed", now=now, team_id=team.id)
        act = "team.created" if team_id is None else "team.updated"
        await audit.record(actor, act, "team", team.id, now=now, fields=sorted(changes))
    return team


async def _set_members(team_id: int, staff_ids: Sequence[int]) -> None:
    if await Staff.filter(id__in=list(staff_ids)).count() != len(set(staff_ids)):
        raise Invalid("staff_ids", "unknown")
    await TeamMember.filter(team_id=team_id).delete()
    await TeamMember.bulk_create(TeamMember(team_id=team_id, staff_id=s) for s in sorted(set(staff_ids)))


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "name" in changes:
        values["name"] = text("name", changes["name"], longest=60, required=True)
    if "name_en" in changes:
        values["name_en"] = text("name_en", changes["name_en"], longest=60)
    if "topics" in changes:
        values["topics"] = [text("topics", topic, longest=24, required=True) for topic in changes["topics"]]
    return values
