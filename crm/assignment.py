"""Who gets new work: a team by topic, then its present members in turn."""

from datetime import datetime

from crm import db, reads
from crm.models import Staff, Team
from crm.zone import aware

# Where a topic goes that no team has taken.
GENERAL = "general"


async def team_for(topic: str) -> Team | None:
    """The team that takes `topic`, else the one that takes `general`, else the first; None without teams."""
    teams = [reads.as_model(Team, row) for row in await db.fetch("SELECT * FROM team ORDER BY id")]
    for wanted in (topic, GENERAL):
        for team in teams:
            if wanted in team.topics:
                return team
    return teams[0] if teams else None


async def pick(team_id: int, now: datetime) -> Staff | None:
    """The present member whose turn it is, remembered as served; None when nobody is present.

    Runs in the caller's transaction: the team's row is held until its end, so two requests that arrive at
    once go to two people.
    """
    from crm.staff import is_present

    aware(now)
    async with db.transaction():
        taken = await db.fetch(
            "UPDATE team SET last_assigned_id = last_assigned_id WHERE id = ? RETURNING last_assigned_id",
            team_id,
        )
        last = (taken[0]["last_assigned_id"] if taken else None) or 0
        rows = await db.read(
            "SELECT s.* FROM team_member m JOIN staff s ON s.id = m.staff_id"
            " WHERE m.team_id = ? ORDER BY s.id",
            team_id,
        )
        present = [staff for row in rows if is_present(staff := reads.as_model(Staff, row), now)]
        if not present:
            return None
        chosen = next((staff for staff in present if staff.id > last), present[0])
        await db.execute("UPDATE team SET last_assigned_id = ? WHERE id = ?", chosen.id, team_id)
        return chosen
