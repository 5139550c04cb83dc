"""Reading service requests: the board's columns, its counts, and one request with all that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from crm import db, zone
from crm.actor import Actor, check
from crm.errors import NotFound
from crm.models import Callback, File, Rating, RequestEvent, RequestLink, ServiceRequest, Staff
from crm.request_rules import OPEN, STATUSES, TRANSITIONS, read_number


@dataclass(frozen=True)
class Filters:
    """Which requests to show; None everywhere means all. `unassigned` overrides `assignee_id`."""

    team_id: int | None = None
    assignee_id: int | None = None
    unassigned: bool = False
    priority: str | None = None
    product_category: str | None = None
    visit_day: date | None = None  # local day
    query: str = ""  # part of a number, a customer's name, a product or a symptom


@dataclass(frozen=True)
class Column:
    """One status: how many there are, the newest cards, and the id to go on from (None: no more)."""

    status: str
    count: int
    cards: list[Mapping[str, Any]]
    after: int | None


@dataclass(frozen=True)
class Board:
    """The columns in the order of STATUSES; counts of open, late and tomorrow's visits within the filters."""

    columns: list[Column]
    open: int
    late: int
    visits_tomorrow: int


@dataclass
class _Where:
    """A WHERE clause in the making."""

    clauses: list[str] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    def add(self, clause: str, *args: Any) -> None:
        self.clauses.append(clause)
        self.args.extend(args)

    @property
    def joins(self) -> bool:
        """Whether a clause looks at the contact or the product."""
        return any("c." in clause or "p." in clause for clause in self.clauses)

    @property
    def sql(self) -> str:
        return "".join(f" AND {clause}" for clause in self.clauses)


JOINS = """
FROM service_request r
JOIN contact c ON c.id = r.contact_id
LEFT JOIN product p ON p.id = r.product_id"""

# What a card shows; a list tells the rest as well.
CARD = """r.id, r.number, r.status, r.priority, r.category, r.symptom, r.channel, r.version,
  r.assignee_id, r.visit_from, r.due_at, r.status_at, r.created_at, c.name AS contact_name,
  COALESCE(p.name, r.product_text) AS product, p.name_en AS product_name_en, s.name AS assignee_name,
  s.name_en AS assignee_name_en, g.score AS rating, o.kind AS possession_kind"""
LISTED = f"""{CARD}, r.product_text, r.contact_id, r.conversation_id, r.team_id, r.reopened, r.visit_to,
  r.updated_at, p.category AS product_category"""
FROM = f"""{JOINS}
LEFT JOIN staff s ON s.id = r.assignee_id
LEFT JOIN rating g ON g.request_id = r.id
LEFT JOIN possession o ON o.id = r.possession_id
WHERE r.status = ?"""
PER_COLUMN = 30  # cards of a status that a screen shows at first
COUNT_LIMIT = 1000  # counts of finished requests stop here: the board says 999+
CARD_TIMES = ("visit_from", "due_at", "status_at", "created_at")
LISTED_TIMES = (*CARD_TIMES, "visit_to", "updated_at")


async def board(
    actor: Actor,
    *,
    filters: Filters | None = None,
    per_column: int = PER_COLUMN,
    folded: Sequence[str] = ("closed", "cancelled"),
    now: datetime,
    tz: ZoneInfo | None = None,
) -> Board:
    """All columns in two statements; of `folded` ones only the count."""
    check(actor, "request.read")
    tz = tz or zone.current()
    where = _where(filters or Filters(), tz)
    counts, late, visits = await _counts(where, now, tz)
    shown = [status for status in STATUSES if status not in folded]
    cards = await _cards(where, shown, per_column + 1)
    by_status: dict[str, list[Mapping[str, Any]]] = {status: [] for status in STATUSES}
    for card in cards:
        by_status[card["status"]].append(card)
    columns = [_column(status, counts[status], by_status[status], per_column) for status in STATUSES]
    return Board(
        columns,
        open=sum(counts[status] for status in OPEN),
        late=late,
        visits_tomorrow=visits,
    )


async def column(
    actor: Actor,
    status: str,
    *,
    filters: Filters | None = None,
    after: int | None = None,
    limit: int = 50,
    tz: ZoneInfo | None = None,
) -> Column:
    """More cards of one column, older than the one with id `after`; the count is of these only."""
    check(actor, "request.read")
    where = _where(filters or Filters(), tz or zone.current())
    if after is not None:
        where.add("r.id < ?", after)
    cards = await _cards(where, [status], limit + 1)
    return _column(status, min(len(cards), limit), cards, limit)


async def list_requests(
    actor: Actor,
    *,
    filters: Filters | None = None,
    statuses: Sequence[str] = OPEN,
    after: int | None = None,
    limit: int = 50,
    tz: ZoneInfo | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """The board as one list, newest first, and the id to go on from."""
    check(actor, "request.read")
    where = _where(filters or Filters(), tz or zone.current())
    if after is not None:
        where.add("r.id < ?", after)
    sql, args = _newest(LISTED, where, statuses, limit + 1)
    rows = db.read_rows(await db.fetch(sql, *args), times=LISTED_TIMES) if statuses else []
    cards = sorted(rows, key=itemgetter("id"), reverse=True)
    return cards[:limit], cards[limit - 1]["id"] if len(cards) > limit else None


async def get(actor: Actor, request_id: int) -> dict[str, Any]:
    """One request with product, people, history, files, links, rating and what may be done next.

    `events` are dicts with kind, actor, name (of staff), data, text and at. A contact sees only their own
    request, without what staff said among themselves. Raises `NotFound`.
    """
    request = await ServiceRequest.get_or_none(id=request_id).select_related(
        "contact", "product", "assignee", "team", "possession"
    )
    if actor.kind != "contact":
        check(actor, "request.read")
    if request is None or (actor.kind == "contact" and request.contact.id != actor.id):
        raise NotFound("request")
    events = await RequestEvent.filter(request_id=request_id).order_by("at", "id")
    if actor.kind == "contact":
        events = [e for e in events if e.kind != "commented" or e.actor == actor.ref]
    return {
        "request": request,
        "events": await _events(events),
        "files": await File.filter(request_id=request_id).order_by("id"),
        "links": await _links(request_id),
        "rating": await Rating.get_or_none(request_id=request_id),
        "callbacks": await Callback.filter(request_id=request_id).order_by("-created_at"),
        "next": sorted(TRANSITIONS[request.status], key=STATUSES.index),
    }


async def get_own(contact_id: int, request_id: int) -> ServiceRequest:
    """A contact's own request with product and assignee. Raises `NotFound`, also for another's."""
    request = await ServiceRequest.get_or_none(id=request_id, contact_id=contact_id).select_related(
        "product", "assignee"
    )
    if request is None:
        raise NotFound("request")
    return request


def _where(filters: Filters, tz: ZoneInfo) -> _Where:
    where = _Where()
    for name in ("team_id", "assignee_id", "priority"):
        if getattr(filters, name) is not None and not (name == "assignee_id" and filters.unassigned):
            where.add(f"r.{name} = ?", getattr(filters, name))
    if filters.unassigned:
        where.add("r.assignee_id IS NULL")
    if filters.product_category is not None:
        where.add("p.category = ?", filters.product_category)
    if filters.visit_day is not None:
        start, end = _day(filters.visit_day, tz)
        where.add("r.visit_from >= ? AND r.visit_from < ?", db.stamp(start), db.stamp(end))
    if filters.query.strip():
        _search(where, filters.query.strip())
    return where


def _search(where: _Where, query: str) -> None:
    number = read_number(query)
    if number is not None and not any(
        ch.isalpha() for ch in query.lower().replace("sr", "").replace("번", "")
    ):
        where.add("r.number LIKE ?", f"%-{number.running:06d}")
        return
    like = "%" + query.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
    places = ("c.name", "p.name", "r.product_text", "r.symptom")
    where.add("(" + " OR ".join(f"{p} LIKE ? ESCAPE '!'" for p in places) + ")", *[like] * len(places))


def _day(day: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), tz)
    return start, datetime.combine(day + timedelta(days=1), time(), tz)


async def _counts(where: _Where, now: datetime, tz: ZoneInfo) -> tuple[dict[str, int], int, int]:
    """How many by status, and of the open ones how many are late and how many have a visit tomorrow.

    Finished ones are counted to `COUNT_LIMIT`: they only ever grow.
    """
    start, end = _day(now.astimezone(tz).date() + timedelta(days=1), tz)
    source = JOINS if where.joins else "FROM service_request r"
    finished = [status for status in STATUSES if status not in OPEN]
    rows = await db.fetch(
        f"""SELECT r.status, COUNT(*) AS count, SUM(CASE WHEN r.due_at < ? THEN 1 ELSE 0 END) AS late,
        SUM(CASE WHEN r.visit_from >= ? AND r.visit_from < ? THEN 1 ELSE 0 END) AS visits
        {source} WHERE r.status IN ({db.placeholders(len(OPEN))}){where.sql} GROUP BY r.status"""
        + f""" UNION ALL SELECT {db.typed("?", of=("text",))}, COUNT(*), 0, 0
        FROM (SELECT 1 {source} WHERE r.status = ?{where.sql} LIMIT {COUNT_LIMIT}) AS part"""
        * len(finished),
        *(db.stamp(now), db.stamp(start), db.stamp(end), *OPEN, *where.args),
        *(value for status in finished for value in (status, status, *where.args)),
    )
    counts = dict.fromkeys(STATUSES, 0) | {row["status"]: int(row["count"]) for row in rows}
    return counts, sum(int(row["late"] or 0) for row in rows), sum(int(row["visits"] or 0) for row in rows)


async def _cards(where: _Where, statuses: Sequence[str], limit: int) -> Sequence[Mapping[str, Any]]:
    """The newest `limit` cards of each status in one statement."""
    sql, args = _newest(CARD, where, statuses, limit)
    return await db.read(sql, *args, times=CARD_TIMES) if statuses else []


def _newest(shown: str, where: _Where, statuses: Sequence[str], limit: int) -> tuple[str, list[Any]]:
    part = f"SELECT * FROM (SELECT {shown}{FROM}{where.sql} ORDER BY r.id DESC LIMIT {int(limit)}) AS part"
    args = [value for status in statuses for value in (status, *where.args)]
    return " UNION ALL ".join([part] * len(statuses)), args


def _column(status: str, count: int, cards: Sequence[Mapping[str, Any]], limit: int) -> Column:
    shown = sorted(cards, key=itemgetter("id"), reverse=True)
    return Column(status, count, shown[:limit], shown[limit - 1]["id"] if len(shown) > limit else None)


async def _events(events: Sequence[RequestEvent]) -> list[dict[str, Any]]:
    """Events with the names of the staff they speak of."""
    ids = {int(e.actor.split(":")[1]) for e in events if e.actor.startswith("staff:")}
    for event in events:
        ids |= {event.data[k] for k in ("staff_id", "was") if isinstance(event.data.get(k), int)}
    names = dict(await Staff.filter(id__in=ids).values_list("id", "name")) if ids else {}
    return [_event(event, names) for event in events]


def _event(event: RequestEvent, names: dict[int, str]) -> dict[str, Any]:
    kind, _, ident = event.actor.partition(":")
    return {
        "id": event.id,
        "kind": event.kind,
        "actor": event.actor,
        "name": names.get(int(ident), "") if kind == "staff" else "",
        "to": names.get(event.data.get("staff_id") or 0, ""),
        "data": event.data,
        "text": event.text,
        "at": event.at,
    }


async def _links(request_id: int) -> list[dict[str, Any]]:
    """Linked requests from both ends, each with how it is linked."""
    out = await RequestLink.filter(source_id=request_id).select_related("target")
    back = await RequestLink.filter(target_id=request_id).select_related("source")
    others = [(row.kind, "to", row.target) for row in out] + [(row.kind, "from", row.source) for row in back]
    return [
        {
            "kind": kind,
            "direction": way,
            "id": r.id,
            "number": r.number,
            "status": r.status,
            "symptom": r.symptom,
        }
        for kind, way, r in others
    ]
