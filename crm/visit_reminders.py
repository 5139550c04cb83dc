"""Reminding a customer of tomorrow's visit: which visits are near, each told of once."""

from datetime import date, datetime, time, timedelta
from typing import Final

from crm import db, happenings, reads, zone
from crm.actor import SYSTEM
from crm.models import ServiceRequest
from crm.request_rules import OPEN
from crm.request_writes import note_event

HOUR: Final = 17  # of the day before, in the company's zone: people plan their evening, nobody is woken
LATEST: Final = timedelta(hours=2)  # before the visit; later there is nothing left to plan
KIND: Final = "visit_reminded"  # in the request's history


async def flag(now: datetime, *, limit: int = 100) -> int:
    """Record `request.visit_near` for visits of today and tomorrow; return how many. For a tick.

    Each once for each time agreed on. A visit that was arranged or changed since its reminder was due needs
    none: its customer has only just heard of it.
    """
    today, near = db.require_aware(now).astimezone(zone.current()).date(), 0
    for day in (today, today + timedelta(days=1)):
        due = _at(day - timedelta(days=1), HOUR)
        if now < due:
            continue
        for request_id in await _unheard(day, due, now, limit):
            near += await _flag(request_id, day, due, now)
    return near


async def _flag(request_id: int, day: date, due: datetime, now: datetime) -> bool:
    async with db.transaction():
        held = await db.fetch(
            "UPDATE service_request SET updated_at = updated_at WHERE id = ? RETURNING *", request_id
        )
        if not held or not await _unheard(day, due, now, 1, request_id=request_id):
            return False  # moved, done, or another front's
        request = reads.as_model(ServiceRequest, held[0])
        visit_from = request.visit_from.isoformat() if request.visit_from else ""
        await note_event(request_id, KIND, SYSTEM, now, visit_from=visit_from)
        await happenings.record(
            "request.visit_near", now=now, contact_id=request.contact_id, request_id=request_id,
            conversation_id=request.conversation_id, number=request.number, actor=SYSTEM.ref,
            visit_from=visit_from,
        )  # fmt: skip
    return True


async def _unheard(
    day: date, due: datetime, now: datetime, limit: int, *, request_id: int | None = None
) -> list[int]:
    """Open requests with a visit on this day whose customer has heard nothing of it since the reminder was
    due."""
    marks, one = ", ".join("?" for _ in OPEN), " AND r.id = ?" if request_id else ""
    rows = await db.fetch(
        f"SELECT r.id FROM service_request r WHERE r.status IN ({marks}){one}"
        " AND r.visit_from > ? AND r.visit_from >= ? AND r.visit_from < ?"
        " AND NOT EXISTS (SELECT 1 FROM request_event e WHERE e.request_id = r.id AND e.at >= ?"
        " AND e.kind IN ('opened', 'amended', 'visit_reminded')) ORDER BY r.visit_from LIMIT ?",
        *OPEN,
        *([request_id] if request_id else []),
        db.stamp(now + LATEST),
        db.stamp(_at(day, 0)),
        db.stamp(_at(day + timedelta(days=1), 0)),
        db.stamp(due),
        limit,
    )
    return [int(row["id"]) for row in rows]


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), zone.current())
