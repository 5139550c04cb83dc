"""Service requests with their history: those on the board, and months of older ones."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bots.demo.sources import read
from bots.demo.world import World
from crm import sequences
from crm.models import Contact, Possession, Rating, RequestEvent, ServiceRequest, Staff

STEPS = {
    "received": (),
    "assigned": ("assigned",),
    "in_progress": ("assigned", "in_progress"),
    "waiting_customer": ("assigned", "in_progress", "waiting_customer"),
    "resolved": ("assigned", "in_progress", "resolved"),
    "closed": ("assigned", "in_progress", "resolved", "closed"),
    "cancelled": ("cancelled",),
}
# Business minutes that a step takes, least and most.
TAKES = {
    "assigned": (2, 25),
    "in_progress": (40, 700),
    "waiting_customer": (15, 60),
    "resolved": (25, 120),
    "cancelled": (30, 400),
}
OLDEST_DAYS, NEWEST_DAYS = 158, 13
RATED_SHARE = 0.62
SCORES, SCORE_SHARES = (5, 4, 3, 2), (56, 30, 10, 4)


@dataclass
class Plan:
    """A request before it has a number: requests are numbered in the order of their opening."""

    contact: Contact
    possession: Possession | None
    symptom: str
    status: str
    created_at: datetime
    row: dict[str, Any]
    category: str = "repair"
    team: str = "수리"

    @property
    def resolution(self) -> str:
        return str(self.row.get("resolution", ""))


async def load(world: World) -> None:
    """All requests, oldest first, each with events, timeline and rating."""
    source = read("requests")
    plans = [plan for row in source["board"] for plan in _of_board(world, source, row)]
    plans += [_named(world, row, "closed") for row in source["history"]]
    plans += _older(world, source)
    events: list[RequestEvent] = []
    ratings: list[Rating] = []
    for plan in sorted(plans, key=lambda plan: plan.created_at):
        request = await _create(world, plan)
        events += _history(world, plan, request)
        ratings += _rating(world, source, plan, request)
        await request.save()
        world.requests[plan.contact.id] = request
    await RequestEvent.bulk_create(events, batch_size=100)
    await Rating.bulk_create(ratings, batch_size=100)
    await world.write_timeline()


def _of_board(world: World, source: Any, row: dict[str, Any]) -> list[Plan]:
    if "who" in row:
        return [_named(world, row, row["status"])]
    status = "cancelled" if "cancelled" in row else "closed"
    start = world.clock.ago(row["ago"])
    made = [_random(world, source, status, start + timedelta(minutes=17 * i)) for i in range(row["closed"])]
    if status == "cancelled":
        made[0].row["reason"] = row["cancelled"]
    return made


def _named(world: World, row: dict[str, Any], status: str) -> Plan:
    contact = world.contacts[row["who"]]
    product = world.products[row["product"]]
    owned = [p for p in world.possessions[contact.id] if p.product_id == product.id]
    created = world.clock.ago(row["ago"])
    return Plan(contact, owned[0], row["symptom"], status, created, dict(row), row.get("category", "repair"))


def _older(world: World, source: Any) -> list[Plan]:
    wanted = [fate for fate, count in source["older"].items() for _ in range(count)]
    for _ in source["history"]:
        wanted.remove("closed")
    world.random.shuffle(wanted)
    # matters of the care team that are still open are young, but older than the board's first
    young = {"care_resolved": 7, "care_in_progress": 8, "care_waiting_customer": 9, "care_assigned": 7}
    plans = []
    for i, fate in enumerate(wanted):
        days = young.get(fate) or OLDEST_DAYS - (OLDEST_DAYS - NEWEST_DAYS) * i // len(wanted)
        created = world.clock.days(-days, world.random.randrange(8, 21), world.random.randrange(60))
        if fate in young:
            created = world.clock.days(-days, 9, 5 + len(fate))
        if fate.startswith("care_"):
            plans.append(_care(world, source, fate.removeprefix("care_"), created))
        else:
            plans.append(_random(world, source, fate, created))
    return plans


def _random(world: World, source: Any, status: str, created: datetime) -> Plan:
    """A matter of something that somebody owned by then."""
    named = {contact.id for contact in world.contacts.values()}
    categories = {p.id: p.category for p in world.products.values()}
    while True:
        contact = world.random.choice(world.everybody)
        possession = world.random.choice(world.possessions[contact.id])
        matters = source["matters"].get(categories[possession.product_id])
        if matters and contact.id not in named and possession.since < created.date():
            break
    symptom, resolution = world.random.choice(matters)
    row = {"resolution": resolution, "reason": world.random.choice(source["cancel_reasons"])}
    return Plan(contact, possession, symptom, status, created, row)


def _care(world: World, source: Any, status: str, created: datetime) -> Plan:
    category, symptom, resolution = world.random.choice(source["care"])
    contact = world.random.choice(world.everybody[len(world.contacts) :])
    row = {"resolution": resolution, "reason": world.random.choice(source["cancel_reasons"])}
    return Plan(contact, None, symptom, status, created, row, category, "상담")


async def _create(world: World, plan: Plan) -> ServiceRequest:
    products = {p.id: p for p in world.products.values()}
    product = products[plan.possession.product_id] if plan.possession else None
    return await ServiceRequest.create(
        number=await sequences.next_number("SR", plan.created_at, world.clock.tz),
        contact_id=plan.contact.id,
        product_id=product.id if product else None,
        possession_id=plan.possession.id if plan.possession else None,
        product_text=product.name if product else "",
        symptom=plan.symptom,
        category=plan.category,
        status=plan.status,
        priority=_priority(world, plan),
        team_id=world.teams[plan.team].id,
        address=plan.contact.address,
        phone=plan.contact.phone,
        channel=world.identities[plan.contact.id][0].channel,
        status_at=plan.created_at,
        created_at=plan.created_at,
        updated_at=plan.created_at,
        **_times(world, plan),
    )


def _priority(world: World, plan: Plan) -> str:
    if "priority" in plan.row:
        return str(plan.row["priority"])
    if plan.category == "complaint":
        return "high"
    return "normal" if "who" in plan.row else world.random.choices(("normal", "high", "low"), (88, 8, 4))[0]


def _times(world: World, plan: Plan) -> dict[str, Any]:
    times: dict[str, Any] = {}
    if "due" in plan.row:
        times["due_at"] = world.clock.due(plan.row["due"])
    if "visit" in plan.row:
        start = world.clock.visit(**plan.row["visit"])
        times |= {"visit_from": start, "visit_to": start + timedelta(hours=1)}
    return times


def _history(world: World, plan: Plan, request: ServiceRequest) -> list[RequestEvent]:
    """Walk the steps to the status the request has, keeping who did what when."""
    staff = _worker(world, plan)
    opener = "bot" if plan.contact.id % 3 else f"contact:{plan.contact.id}"
    opened = {"category": plan.category, "priority": request.priority}
    events = [_event(request, "opened", opener, plan.created_at, opened)]
    _happened(world, request, "request.opened", plan.created_at, opened)
    if detail := plan.row.get("detail"):
        contact = f"contact:{plan.contact.id}"
        events.append(
            _event(request, "commented", contact, plan.created_at + timedelta(minutes=1), {}, detail)
        )
    was, at = "received", plan.created_at
    for status in STEPS[plan.status]:
        at = _when(world, plan, status, at)
        if status == "assigned":
            given = {"was": None, "staff_id": staff.id}
            events.append(_event(request, "assigned", "system", at, given))
            request.assignee_id = staff.id
        data = {"was": was, "status": status, "reopened": False}
        events.append(_event(request, "status", _actor(plan, status, staff), at, data, _reason(plan, status)))
        _happened(world, request, "request.status_changed", at, data)
        if status == "resolved":
            request.resolved_at, request.resolution = at, plan.resolution
        elif status == "closed":
            request.closed_at = at
        was = status
    request.status_at = request.updated_at = at
    request.version = len(events)
    return events


def _when(world: World, plan: Plan, status: str, at: datetime) -> datetime:
    if status == "closed":
        return world.clock.past(at, at + timedelta(days=7))
    waiting = timedelta(days=plan.row.get("waits", 0), minutes=35 if "waits" in plan.row else 0)
    if waiting and status == plan.status:
        return world.now - waiting
    return world.clock.work(at, world.random.randint(*TAKES[status]), world.now - waiting)


def _worker(world: World, plan: Plan) -> Staff:
    if "assignee" in plan.row:
        return world.staff[plan.row["assignee"]]
    crew = ("jihun", "hajun", "seoyoung", "hyunwoo") if plan.team == "수리" else ("seojun", "narae", "jiwoo")
    return world.staff[world.random.choice(crew)]


def _actor(plan: Plan, status: str, staff: Staff) -> str:
    if status == "cancelled":
        return f"contact:{plan.contact.id}"
    return "system" if status in ("assigned", "closed") else f"staff:{staff.id}"


def _reason(plan: Plan, status: str) -> str:
    if status == "cancelled":
        return str(plan.row["reason"])
    return plan.resolution if status == "resolved" else ""


def _rating(world: World, source: Any, plan: Plan, request: ServiceRequest) -> list[Rating]:
    if request.resolved_at is None:
        return []
    score = plan.row.get("rated")
    if score is None:
        if "who" in plan.row or world.random.random() > RATED_SHARE:
            return []
        score = world.random.choices(SCORES, SCORE_SHARES)[0]
    thanks = plan.row.get("thanks", "")
    if "who" not in plan.row and score >= 4 and world.random.random() < 0.4:
        thanks = world.random.choice(source["thanks"])
    at = world.clock.past(request.resolved_at, request.resolved_at + timedelta(hours=3))
    _happened(world, request, "request.rated", at, {"score": score})
    return [Rating(request_id=request.id, contact_id=request.contact_id, score=score, comment=thanks, at=at)]


def _event(
    request: ServiceRequest, kind: str, actor: str, at: datetime, data: dict[str, Any], text: str = ""
) -> RequestEvent:
    return RequestEvent(request_id=request.id, kind=kind, actor=actor, at=at, data=data, text=text)


def _happened(world: World, request: ServiceRequest, kind: str, at: datetime, data: dict[str, Any]) -> None:
    world.happened(request.contact_id, kind, at, "request", request.id, number=request.number, **data)
