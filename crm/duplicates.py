"""Contacts that may be one person, suggested to staff; nothing is merged by a likeness."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm import audit, db, writes
from crm.actor import Actor, check
from crm.errors import Invalid
from crm.models import NotDuplicate
from crm.search import CONTACT_KEY_LENGTH, NAME, fold, jamo

# A household shares address and phone, a common name many people: only together are they worth a look.
WEIGHTS: Final = {"phone": 0.5, "email": 0.5, "name": 0.3, "address": 0.25}
WORTH_A_LOOK: Final = 0.5
CANDIDATES: Final = 50  # looked at for each likeness
WINDOW: Final = 200  # contacts that one statement of the company-wide list looks at
LOOKED_AT: Final = 1000  # and that a page of it looks at in all

_COLUMNS = "c.id, c.name, c.phone, c.email, c.address, c.created_at"
_LIVING = "c.merged_into_id IS NULL AND c.erased_at IS NULL"


@dataclass(frozen=True)
class Suggestion:
    """A contact that may be the same person: `score` 0 to 1, and what is alike."""

    contact_id: int
    other_id: int
    name: str
    score: float
    alike: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two contacts that may be one, as rows with the columns below, and what is alike."""

    older: Mapping[str, Any]
    newer: Mapping[str, Any]
    alike: tuple[str, ...]


@dataclass(frozen=True)
class Pairs:
    """A page of pairs. `next`: what `after` is to be for the following one; None at the end."""

    items: list[Pair]
    next: int | None = None


def likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, tuple[str, ...]]:
    """How alike two contacts are, 0 to 1, and in what. Blanks, case and spaces do not count."""
    alike = tuple(field for field in WEIGHTS if fold(one[field]) and fold(one[field]) == fold(other[field]))
    return min(1.0, sum(WEIGHTS[field] for field in alike)), alike


async def suggest(actor: Actor, contact_id: int, *, limit: int = 5) -> list[Suggestion]:
    """Contacts that may be this person, likeliest first; those that staff told apart are left out."""
    check(actor, "contact.read")
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM contact c WHERE c.id = ? AND {_LIVING}", contact_id)
    if not rows:
        return []
    one, apart = rows[0], await _told_apart(contact_id)
    found = [_suggestion(one, other) for other in await _candidates(one) if other["id"] not in apart]
    worth = [item for item in found if item.score >= WORTH_A_LOOK]
    return sorted(worth, key=lambda item: (-item.score, item.other_id))[:limit]


async def pairs(actor: Actor, *, after: int | None = None, limit: int = 30) -> Pairs:
    """Pairs among all contacts, the newest contact's first, each pair once: the list that staff work through.

    Every contact is held against the nearest older one that is like it. A call looks at `WINDOW` contacts a
    time, `LOOKED_AT` at most: a page may hold few pairs, or none, and still have a next one.
    Raises `Forbidden` for who may not merge.
    """
    check(actor, "contact.merge")
    found: list[Pair] = []
    for _ in range(LOOKED_AT // WINDOW):
        newer = await _window(after)
        found += await _pairs_of(newer)
        if len(found) > limit:
            cut = int(found[limit].newer["id"])  # a contact's pairs stand on one page
            return Pairs([pair for pair in found if pair.newer["id"] > cut], cut + 1)
        if len(newer) < WINDOW:
            return Pairs(found)
        after = int(newer[-1]["id"])
    return Pairs(found, after)


async def tell_apart(actor: Actor, contact_id: int, other_id: int, *, now: datetime) -> None:
    """Two people, not one: never suggest this pair again."""
    check(actor, "contact.merge")
    if contact_id == other_id:
        raise Invalid("contact_id", "same")
    first, second = sorted((contact_id, other_id))
    async with writes.transaction():
        _, made = await NotDuplicate.get_or_create(
            first_id=first, second_id=second, defaults={"actor": actor.ref, "at": now}
        )
        if made:
            await audit.record(
                actor, "contact.told_apart", "contact", first, now=now, contact_id=first, fields=[str(second)]
            )


def _suggestion(one: Mapping[str, Any], other: Mapping[str, Any]) -> Suggestion:
    score, alike = likeness(one, other)
    return Suggestion(int(one["id"]), int(other["id"]), str(other["name"]), round(score, 2), alike)


async def _candidates(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Living contacts with the same phone, e-mail or whole name; each a short walk on an index."""
    found: dict[int, dict[str, Any]] = {}
    for field in ("phone", "email"):
        if one[field]:
            sql = f"SELECT {_COLUMNS} FROM contact c WHERE c.{field} = ? AND c.id <> ? AND {_LIVING} LIMIT ?"
            found.update({row["id"]: row for row in await db.fetch(sql, one[field], one["id"], CANDIDATES)})
    if key := _name_key(one):
        sql = (
            f"SELECT {_COLUMNS} FROM contact_key k JOIN contact c ON c.id = k.contact_id"
            f" WHERE k.key = ? AND c.id <> ? AND {_LIVING} ORDER BY k.contact_id LIMIT ?"
        )
        found.update({row["id"]: row for row in await db.fetch(sql, key, one["id"], CANDIDATES)})
    return list(found.values())


async def _told_apart(contact_id: int) -> set[int]:
    rows = await db.fetch(
        "SELECT first_id, second_id FROM not_duplicate WHERE first_id = ? OR second_id = ?",
        contact_id, contact_id,
    )  # fmt: skip
    return {int(row["second_id"] if row["first_id"] == contact_id else row["first_id"]) for row in rows}


async def _window(after: int | None) -> list[dict[str, Any]]:
    """Living contacts older than that one, newest first."""
    older, given = ("c.id < ? AND ", [after]) if after is not None else ("", [])
    sql = f"SELECT {_COLUMNS} FROM contact c WHERE {older}{_LIVING} ORDER BY c.id DESC LIMIT ?"
    return await db.fetch(sql, *given, WINDOW)


# An inner LIMIT keeps each look short, however many share a switchboard's number or a common name; `max`
# outside of it keeps PostgreSQL from walking the primary key instead.
_OLDER = (
    "(SELECT max(x.id) FROM (SELECT c.id{and_address} FROM {table} WHERE {same} AND c.id < w.id AND {living}"
    " AND NOT EXISTS (SELECT 1 FROM not_duplicate n WHERE n.first_id = c.id AND n.second_id = w.id)"
    f"{{order}} LIMIT {CANDIDATES}) x{{where}})"
)
_BY_FIELD = {
    field: _OLDER.format(
        table="contact c", same=f"c.{field} = w.{field} AND w.{field} <> ''", living=_LIVING,
        and_address="", order="", where="",
    )
    for field in ("phone", "email")
}  # fmt: skip
_FOLDED = "lower(replace({}, ' ', ''))"
_BY_NAME = _OLDER.format(
    table="contact_key k JOIN contact c ON c.id = k.contact_id", same="k.key = w.name_key",
    living=_LIVING, and_address=", c.address", order=" ORDER BY k.contact_id DESC",
    where=f" WHERE {_FOLDED.format('x.address')} = {_FOLDED.format('w.address')}",
)  # fmt: skip


async def _pairs_of(newer: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Each of these with the nearest older contacts of the same phone, e-mail, or name and address."""
    if not newer:
        return []
    asked = [[row["id"], row["phone"], row["email"], row["address"], _name_key(row)] for row in newer]
    row = f"({db.typed('?', '?', '?', '?', '?', of=('bigint', 'text', 'text', 'text', 'text'))})"
    found = await db.fetch(
        f"WITH w(id, phone, email, address, name_key) AS (VALUES {', '.join([row] * len(asked))})"
        f" SELECT w.id, {_BY_FIELD['phone']} AS by_phone, {_BY_FIELD['email']} AS by_email,"
        f" {_BY_NAME} AS by_name FROM w",
        *[value for values in asked for value in values],
    )
    of = {row["id"]: {row["by_phone"], row["by_email"], row["by_name"]} - {None} for row in found}
    others = await _rows_of(set().union(*of.values()))
    pairs = [(others[other], one) for one in newer for other in sorted(of[one["id"]], reverse=True)]
    told = [(older, one, *likeness(one, older)) for older, one in pairs]
    return [Pair(older, one, alike) for older, one, score, alike in told if score >= WORTH_A_LOOK]


def _name_key(one: Mapping[str, Any]) -> str:
    """The key of a whole name; "" where the address that a name needs beside it is missing."""
    return (NAME + jamo(one["name"]))[:CONTACT_KEY_LENGTH] if one["name"] and one["address"] else ""


async def _rows_of(ids: Collection[int]) -> dict[int, dict[str, Any]]:
    if not ids:
        return {}
    marks = ", ".join("?" * len(ids))
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM contact c WHERE c.id IN ({marks})", *ids)
    return {row["id"]: row for row in rows}
