"""What hangs on a change of a request: its due time, who has it, its priority, its files.

Each runs inside a `writing` of crm/request_writes.py.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from crm import assignment, company, hours
from crm.actor import SYSTEM
from crm.errors import Invalid
from crm.models import File, ServiceRequest
from crm.request_rules import check_transition, reopens
from crm.request_writes import Writing

# Work that has begun should be done within one working day unless a visit is arranged.
WORK_MINUTES = 480


async def move(work: Writing, status: str, reason: str) -> None:
    """Change the status with everything that hangs on it."""
    request, was = work.request, work.request.status
    check_transition(was, status, reason)
    again = reopens(was, status)
    work.set(status=status, status_at=work.now, overdue_at=None, due_at=await _next_due(work, status))
    if again:
        work.set(reopened=request.reopened + 1, resolved_at=None, closed_at=None)
    elif status == "assigned" and request.assignee_id is None and work.actor.is_staff:
        work.set(assignee_id=work.actor.id)  # who takes it has it
    elif status == "resolved":
        work.set(resolved_at=work.now, resolution=reason)
    elif status == "closed":
        work.set(closed_at=work.now)
    await work.note("status", text=reason, was=was, status=status, reopened=again)
    await work.happened("request.status_changed", was=was, status=status, reopened=again)


async def _next_due(work: Writing, status: str) -> datetime | None:
    """When the next step is owed: as before until work begins, then the visit's end or a working day."""
    request = work.request
    if status == "assigned" and request.status == "received":
        return request.due_at
    if status == "assigned":
        return await reply_due(work.now, request.team_id, None)
    if status != "in_progress":
        return None
    if request.visit_to is not None and request.visit_to > work.now:
        return request.visit_to
    calendar = await hours.load(request.team_id)
    return calendar.add_business_minutes(work.now, WORK_MINUTES)


async def give(work: Writing, staff_id: int | None) -> None:
    was = work.request.assignee_id
    work.set(assignee_id=staff_id)
    await work.note("assigned", was=was, staff_id=staff_id)
    await work.happened("request.assigned", was=was, assignee_id=staff_id)
    if work.request.status == "received" and staff_id is not None:
        await move(work, "assigned", "")


async def assign_in_turn(work: Writing, team_id: int) -> bool:
    """Give the request to whose turn it is in the team; False when nobody is present."""
    chosen = await assignment.pick(team_id, work.now)
    if chosen is None:
        return False
    by_rule = Writing(work.request, SYSTEM, work.now)
    await give(by_rule, chosen.id)
    await work.request.save(update_fields=sorted(by_rule.changes))
    return True


async def prioritise(work: Writing, priority: str) -> None:
    was = work.request.priority
    if priority != was:
        work.set(priority=priority)
        await work.note("priority", was=was, priority=priority)
        await work.happened("request.prioritised", was=was, priority=priority)


async def attach(request: ServiceRequest, tokens: Sequence[str]) -> None:
    """Hang uploaded files on the request. Raises `Invalid` for an unknown one or one of another contact."""
    if not tokens:
        return
    rows = await File.filter(token__in=list(tokens)).select_related("conversation")
    known = {r.token for r in rows if not r.conversation or r.conversation.contact_id == request.contact_id}
    if known != set(tokens):
        raise Invalid("files", "unknown")
    await File.filter(token__in=list(tokens)).update(request_id=request.id)


async def reply_due(now: datetime, team_id: int | None, tz: ZoneInfo | None) -> datetime:
    profile = await company.get()
    calendar = await hours.load(team_id, tz=tz, profile=profile)
    return calendar.add_business_minutes(now, profile.reply_target_minutes)
