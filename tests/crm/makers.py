"""Small makers for tests: a contact, a staff member, a team, a company with hours."""

from collections.abc import Sequence
from datetime import datetime

from crm.actor import Actor
from crm.models import BusinessHours, CompanyProfile, Contact, Staff, Team, TeamMember


async def a_contact(now: datetime, name: str = "김민지") -> Contact:
    return await Contact.create(name=name, phone="+821012342481", created_at=now, updated_at=now)


async def a_staff(
    now: datetime, login: str = "seojun", *, role: str = "agent", presence: str = "present"
) -> Actor:
    row = await Staff.create(
        login=login, name=login, role=role, presence=presence, presence_at=now, created_at=now
    )
    return Actor("staff", row.id, role, row.name)


async def a_team(name: str, topics: Sequence[str], *members: Actor) -> Team:
    team = await Team.create(name=name, topics=list(topics))
    for member in members:
        await TeamMember.create(team_id=team.id, staff_id=member.id)
    return team


async def a_company(**profile: object) -> None:
    """Open Monday to Friday 9–12 and 13–18, Saturday 10–14."""
    await CompanyProfile.create(id=1, name="새봄가전", name_en="Saebom", settings={}, **profile)
    spans = [(day, *span) for day in range(5) for span in ((540, 720), (780, 1080))] + [(5, 600, 840)]
    for weekday, opens, closes in spans:
        await BusinessHours.create(weekday=weekday, opens=opens, closes=closes)
