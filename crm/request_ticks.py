"""What happens to requests by itself: given out when somebody comes, closed after a while, found late."""

from datetime import datetime, timedelta

from crm import company, staff, teams, zone
from crm.actor import SYSTEM
from crm.happenings import Happened
from crm.models import ServiceRequest, TeamMember
from crm.request_moves import assign_in_turn, move
from crm.request_rules import OPEN
from crm.request_writes import writing


async def assign_waiting(now: datetime, *, team_id: int | None = None, limit: int = 100) -> int:
    """Give received requests that nobody has, of one team or all, to present staff; return how many."""
    waiting = ServiceRequest.filter(status="received", assignee_id=None, team_id__isnull=False)
    if team_id is not None:
        waiting = waiting.filter(team_id=team_id)
    given = 0
    for row in await waiting.order_by("id").limit(limit):
        async with writing(SYSTEM, row.id, "request.assigned", now=now) as work:
            if work.request.status == "received" and work.request.team_id is not None:
                given += await assign_in_turn(work, work.request.team_id)
    return given


async def close_resolved(now: datetime, *, limit: int = 100) -> int:
    """Close requests that have been resolved for the company's `auto_close_days`; return how many."""
    days = (await company.get()).auto_close_days
    old = zone.aware(now) - timedelta(days=days)
    rows = (
        await ServiceRequest.filter(status="resolved", resolved_at__lte=old)
        .order_by("resolved_at")
        .limit(limit)
    )
    closed = 0
    for row in rows:
        async with writing(SYSTEM, row.id, "request.status", now=now) as work:
            # somebody may have reopened or resolved it anew since it was listed
            if work.request.status == "resolved" and work.request.resolved_at == row.resolved_at:
                await move(work, "closed", "")
                closed += 1
    return closed


async def flag_overdue(now: datetime, *, limit: int = 100) -> int:
    """Mark open requests whose next step is late; return how many.

    Each yields one `request.reply_overdue` for one due time, recorded in the same transaction, so that a
    crashed or repeated tick never alerts twice.
    """
    rows = (
        await ServiceRequest.filter(status__in=OPEN, due_at__lt=zone.aware(now), overdue_at=None)
        .order_by("due_at")
        .limit(limit)
    )
    flagged = 0
    for row in rows:
        async with writing(SYSTEM, row.id, "request.overdue", now=now) as work:
            request = work.request
            if (
                request.overdue_at is None
                and request.due_at
                and request.due_at < now
                and request.status in OPEN
            ):
                work.set(overdue_at=now)
                await work.happened("request.reply_overdue", status=request.status)
                flagged += 1
    return flagged


async def give_waiting(happened: Happened) -> None:
    """Handler of happenings: when the first of a team comes, the team's waiting requests are given out.

    Only then: a request that somebody put back into the queue by hand stays there for a person to decide.
    """
    if happened.kind != "staff.presence_changed" or happened.data.get("presence") != "present":
        return
    for team_id in await teams.of_staff(happened.staff_id or 0):
        members = await TeamMember.filter(team_id=team_id).select_related("staff")
        others = [m.staff for m in members if m.staff_id != happened.staff_id]
        if not any(staff.is_present(other, happened.at) for other in others):
            await assign_waiting(happened.at, team_id=team_id)
