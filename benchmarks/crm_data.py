"""A company of any size for the benchmark `crm`, written by the driver in bulk.

For each contact 15 search keys and half a possession; for every fourth a conversation of two messages and a
service request; of the requests 750 are open, whatever the size, for that is what a staff has in hand; 20
conversations of 300 messages; names repeat as names do. Made with a fixed seed.
"""

import random
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import asyncpg
from tortoise.models import Model

from crm import models, search

NOW = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)
LONG_THREADS, LONG_THREAD = 20, 300
OPEN_REQUESTS = 750
FAMILY = list("김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구")
GIVEN = list("민서준지현우도윤예은하린수아진영훈경미선호철재성혜원태동건주희빈석나유채규환")
WORDS = [
    "세탁기",
    "냉장고",
    "정수기",
    "에어컨",
    "물이",
    "새요",
    "소리가",
    "커요",
    "작동이",
    "안",
    "돼요",
    "방문",
    "예약",
    "부탁드려요",
    "언제",
    "오시나요",
    "감사합니다",
    "필터",
    "교체",
    "탈수",
    "배수",
    "문이",
    "열려요",
    "전원",
    "불이",
    "꺼져요",
    "내일",
    "오전",
    "오후",
    "확인",
    "수리비",
    "얼마인가요",
    "washer",
    "leaking",
    "please",
    "help",
    "E21",
]
_BULKY = ("contact_key", "message_key", "message", "contact", "possession", "conversation", "service_request")


class Into(Protocol):
    """A database that takes many rows."""

    async def load(self, model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows; columns that are not named get the model's default."""


@dataclass
class Sqlite:
    """An unconnected SQLite file with all tables."""

    path: str

    def __enter__(self) -> "Sqlite":
        self._db = sqlite3.connect(self.path, isolation_level=None)
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-400000", "foreign_keys=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        marks = ", ".join("?" * len(_BULKY))
        self._indexes = self._db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''"
            f" AND tbl_name IN ({marks})",
            _BULKY,
        ).fetchall()
        for name, _ in self._indexes:
            self._db.execute(f'DROP INDEX "{name}"')
        return self

    def __exit__(self, *error: object) -> None:
        for _, sql in self._indexes:
            self._db.execute(sql)
        self._db.execute("ANALYZE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.close()

    async def load(self, model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names, rest = _rest(model, columns)
        marks = ", ".join("?" * (len(columns) + len(rest)))
        sql = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})'
        self._db.execute("BEGIN")
        self._db.executemany(sql, (_text(row) + rest for row in rows))
        self._db.execute("COMMIT")


def _text(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(v.isoformat(" ") if isinstance(v, datetime) else v for v in row)


class Postgres:
    """A connection to a PostgreSQL database with all tables."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._db = connection

    async def begin(self) -> None:
        self._indexes = await self._db.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1) AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)",
            list(_BULKY),
        )
        for row in self._indexes:
            await self._db.execute(f'DROP INDEX "{row["indexname"]}"')
        await self._db.execute("SET session_replication_role = replica")  # no foreign keys row by row

    async def end(self) -> None:
        await self._db.execute("SET maintenance_work_mem = '400MB'")
        for row in self._indexes:
            await self._db.execute(row["indexdef"])
        tables = await self._db.fetch(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'id'"
            " AND table_schema = 'public' AND data_type = 'bigint'"
        )
        for (table,) in tables:
            name = await self._db.fetchval("SELECT pg_get_serial_sequence($1, 'id')", table)
            if name:
                await self._db.execute(f'SELECT setval($1, (SELECT max(id) FROM "{table}"))', name)
        await self._db.execute("VACUUM ANALYZE")

    async def load(self, model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names, rest = _rest(model, columns)
        records = (tuple(row) + rest for row in rows)
        wanted = re.findall(r'"(\w+)"', names)
        await self._db.copy_records_to_table(model._meta.db_table, columns=wanted, records=records)


def _rest(model: type[Model], columns: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    """All columns to be written, and the values of those that are the same in every row."""
    rest: dict[str, Any] = {}
    for field, column in model._meta.fields_db_projection.items():
        known = model._meta.fields_map[field]
        if column in columns or known.null or known.generated:
            continue
        value = known.default() if callable(known.default) else known.default
        rest[column] = {"list": "[]", "dict": "{}"}.get(type(value).__name__, value)
    return ", ".join(f'"{name}"' for name in (*columns, *rest)), tuple(rest.values())


def names(rng: random.Random, count: int) -> list[str]:
    """People's names; families are of unlike size."""
    weights = [1 / (at + 1) for at in range(len(FAMILY))]
    families = rng.choices(FAMILY, weights, k=count)
    return [family + rng.choice(GIVEN) + rng.choice(GIVEN) for family in families]


def phone_of(contact_id: int) -> str:
    """A number of its own for every contact."""
    return f"+8210{(contact_id * 48271) % 100_000_000:08d}"


async def fill(into: Into, contacts: int) -> None:
    """Write the company."""
    rng = random.Random(410)
    called = names(rng, contacts)
    day = timedelta(days=1)
    since = [NOW - day * (contacts - at) / contacts * 2000 for at in range(contacts)]
    await _staff(into)
    await into.load(
        models.Contact,
        ["id", "name", "phone", "email", "address", "created_at", "updated_at"],
        (
            (
                at + 1,
                called[at],
                phone_of(at + 1),
                f"u{at + 1}@example.com",
                "서울 마포구 월드컵로 12",
                since[at],
                NOW,
            )
            for at in range(contacts)
        ),
    )
    await into.load(models.ContactKey, ["id", "key", "contact_id"], _contact_keys(called))
    await into.load(
        models.Possession,
        ["id", "contact_id", "product_id", "kind", "since"],
        ((at + 1, 2 * at + 1, at % 40 + 1, "purchase", date(2025, 3, 1)) for at in range(contacts // 2)),
    )
    await _threads(into, called, rng)
    await _requests(into, contacts // 4, rng)


async def _staff(into: Into) -> None:
    await into.load(models.CompanyProfile, ["id", "name"], [(1, "새봄가전")])
    await into.load(
        models.Team, ["id", "name", "topics"], [(1, "수리", '["repair"]'), (2, "상담", '["question"]')]
    )
    await into.load(
        models.Staff,
        ["id", "login", "name", "role", "presence", "created_at"],
        [(at, f"s{at}", f"직원{at}", "manager", "present", NOW) for at in range(1, 13)],
    )
    await into.load(
        models.TeamMember, ["id", "team_id", "staff_id"], [(at, at % 2 + 1, at) for at in range(1, 13)]
    )
    await into.load(
        models.BusinessHours,
        ["id", "weekday", "opens", "closes"],
        [(at + 1, at, 540, 1080) for at in range(7)],
    )
    await into.load(
        models.Product,
        ["id", "code", "name", "category"],
        [(at, f"P{at}", f"세탁기 {at}", "세탁기") for at in range(1, 41)],
    )
    await into.load(models.Label, ["id", "name"], [(1, "긴급"), (2, "단골")])


def _contact_keys(called: Sequence[str]) -> Iterator[tuple[int, str, int]]:
    by_name: dict[str, list[str]] = {}
    row = 0
    for at, name in enumerate(called, start=1):
        keys = by_name.get(name)
        if keys is None:
            keys = by_name[name] = sorted(search.contact_keys(name, ""))
        digits = search.phone_digits(phone_of(at))
        for key in (*keys, *(search.PHONE + digits[i:] for i in range(len(digits) - 2))):
            row += 1
            yield row, key, at


def _open_keys(called: Sequence[str], states: Sequence[str]) -> Iterator[tuple[str, int]]:
    for at, state in enumerate(states):
        if state == "open":
            who = 4 * at + 1
            for key in sorted(search.contact_keys(called[who - 1], phone_of(who))):
                yield key, who


async def _threads(into: Into, called: Sequence[str], rng: random.Random) -> None:
    count = len(called) // 4
    said = [" ".join(rng.choices(WORDS, k=rng.randint(3, 6))) for _ in range(5000)]
    keys = [sorted(search.message_keys(text)) for text in said]
    lengths = [LONG_THREAD if at < LONG_THREADS else 2 for at in range(count)]
    states = ["open" if rng.random() < 0.05 else "closed" for _ in range(count)]
    await into.load(
        models.Identity,
        ["id", "contact_id", "channel", "external_id", "created_at"],
        ((at + 1, 4 * at + 1, "web", f"u{at + 1}", NOW) for at in range(count)),
    )
    last = '{"from": "contact", "text": "세탁기 물이 새요", "kind": "text"}'
    await into.load(
        models.Conversation,
        [
            "id", "contact_id", "identity_id", "channel", "status", "owner", "assignee_id", "message_seq",
            "last_message_at", "last_message", "created_at",
        ],
        (
            (
                at + 1, 4 * at + 1, at + 1, "web", states[at], "staff" if at % 3 == 0 else "bot",
                at % 12 + 1 if at % 3 == 0 else None, lengths[at],
                NOW - timedelta(minutes=count - at), last, NOW,
            )
            for at in range(count)
        ),
    )  # fmt: skip
    await into.load(
        models.OpenKey,
        ["id", "key", "contact_id"],
        ((row, *pair) for row, pair in enumerate(_open_keys(called, states), start=1)),
    )
    which = [rng.randrange(len(said)) for _ in range(sum(lengths))]
    await into.load(
        models.Message,
        ["id", "conversation_id", "seq", "direction", "author", "text", "key", "created_at"],
        (
            (at, conversation, seq, "in" if seq % 2 else "out", "contact" if seq % 2 else "bot",
             said[which[at - 1]], f"k{at}", NOW)
            for at, conversation, seq in _numbered(lengths)
        ),
    )  # fmt: skip
    await into.load(
        models.MessageKey,
        ["id", "key", "message_id"],
        ((row, *pair) for row, pair in enumerate(_message_keys(which, keys), start=1)),
    )
    await into.load(
        models.Labelling,
        ["id", "label_id", "subject", "subject_id"],
        ((at + 1, at % 2 + 1, "conversation", 5 * at + 1) for at in range(count // 5)),
    )


def _numbered(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    row = 0
    for conversation, length in enumerate(lengths, start=1):
        for seq in range(1, length + 1):
            row += 1
            yield row, conversation, seq


def _message_keys(which: Sequence[int], keys: Sequence[Sequence[str]]) -> Iterator[tuple[str, int]]:
    for message, text in enumerate(which, start=1):
        for key in keys[text]:
            yield key, message


async def _requests(into: Into, count: int, rng: random.Random) -> None:
    opened = min(OPEN_REQUESTS, count // 2)
    alive = ("received", "assigned", "in_progress", "waiting_customer")
    done = rng.choices(["closed", "cancelled"], [9, 1], k=count)
    states = [alive[at % 4] if at >= count - opened else done[at] for at in range(count)]
    for at in range(count - opened - min(200, opened), count - opened):
        states[at] = "resolved"
    await into.load(
        models.ServiceRequest,
        [
            "id", "number", "contact_id", "conversation_id", "product_id", "symptom", "status", "team_id",
            "assignee_id", "due_at", "status_at", "created_at", "updated_at", "version",
        ],
        (
            (
                at + 1, f"SR-2025-{at + 1:06d}", 4 * at + 1, at + 1, at % 40 + 1, "물이 새요", states[at], 1,
                at % 12 + 1, NOW + timedelta(hours=1) if states[at] in alive else None, NOW, NOW, NOW, 1,
            )
            for at in range(count)
        ),
    )  # fmt: skip
    await into.load(
        models.RequestEvent,
        ["id", "request_id", "kind", "actor", "at"],
        ((at + 1, at + 1, "opened", "bot", NOW) for at in range(count)),
    )
