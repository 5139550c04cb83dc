"""The waiting room of live support: who is next, and how long it takes, if that is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crm import db, hours, reads
from crm.live_rules import usual_wait
from crm.models import LiveSession, Staff
from crm.staff import is_present

MEASURED = 20  # waits looked at
NOT_OLDER = timedelta(days=30)


@dataclass(frozen=True)
class Wait:
    """Where a waiting customer stands. `minutes` is the median of the last waits of this team, None while too
    few were measured; `staffed`: somebody who could come is present."""

    ahead: int
    minutes: int | None
    open_now: bool
    opens_at: datetime | None
    staffed: bool
    staff_name: str
    staff_name_en: str

    @property
    def position(self) -> int:
        """1 is next."""
        return self.ahead + 1


async def standing(session: LiveSession, now: datetime) -> Wait:
    """The waiting customer's place, honestly."""
    calendar = await hours.load(session.team_id)
    open_now = calendar.is_open(now)
    staff = await Staff.get_or_none(id=session.staff_id) if session.staff_id else None
    return Wait(
        ahead=await _ahead(session),
        minutes=usual_wait(await _waits(session.team_id, now)),
        open_now=open_now,
        opens_at=None if open_now else calendar.next_open(now),
        staffed=is_present(staff, now) if staff else await _anybody(session.team_id, now),
        staff_name=staff.name if staff else "",
        staff_name_en=staff.name_en if staff else "",
    )


async def _ahead(session: LiveSession) -> int:
    """Waiting before this one for the same person, or for the same team where nobody is named."""
    if session.waiting_since is None:
        return 0
    whose, args = ("staff_id = ?", [session.staff_id]) if session.staff_id else ("staff_id IS NULL", [])
    if not session.staff_id and session.team_id:
        whose, args = "staff_id IS NULL AND team_id = ?", [session.team_id]
    since = db.stamp(session.waiting_since)
    rows = await db.fetch(
        f"SELECT count(*) AS n FROM live_session WHERE status = 'waiting' AND {whose}"
        " AND waiting_since <= ? AND (waiting_since < ? OR id < ?)",
        *args, since, since, session.id,
    )  # fmt: skip
    return int(rows[0]["n"])


async def _waits(team_id: int | None, now: datetime) -> list[timedelta]:
    team, args = ("team_id = ?", [team_id]) if team_id else ("team_id IS NULL", [])
    rows = await db.fetch(
        f"SELECT waiting_since, started_at FROM live_session WHERE status = 'ended' AND {team}"
        " AND waiting_since IS NOT NULL AND started_at IS NOT NULL AND waiting_since > ?"
        " ORDER BY waiting_since DESC LIMIT ?",
        *args, db.stamp(now - NOT_OLDER), MEASURED,
    )  # fmt: skip
    pairs = [(db.read_stamp(row["waiting_since"]), db.read_stamp(row["started_at"])) for row in rows]
    return [end - begin for begin, end in pairs if begin and end and end >= begin]


async def _anybody(team_id: int | None, now: datetime) -> bool:
    """Is a member of the team (anybody, without a team) present?"""
    sql = "SELECT s.* FROM staff s WHERE s.active = ? AND s.presence = 'present'"
    args: list[object] = [True]
    if team_id:
        sql += " AND s.id IN (SELECT staff_id FROM team_member WHERE team_id = ?)"
        args.append(team_id)
    rows = await db.fetch(f"{sql} LIMIT 50", *args)
    return any(is_present(reads.as_model(Staff, row), now) for row in rows)
