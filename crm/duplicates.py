"""Contacts that may be one person, suggested to staff; nothing is merged by a likeness."""

from collections.abc import Mapping
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
NEWEST: Final = 100  # contacts for which a company-wide list is made

_COLUMNS = "c.id, c.name, c.phone, c.email, c.address"
_LIVING = "c.merged_into_id IS NULL AND c.erased_at IS NULL"


@dataclass(frozen=True)
class Suggestion:
    """A contact that may be the same person: `score` 0 to 1, and what is alike."""

    contact_id: int
    other_id: int
    name: str
    score: float
    alike: tuple[str, ...]


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


async def newest(actor: Actor, *, limit: int = 30) -> list[Suggestion]:
    """Suggestions among the newest contacts, each pair once: the list that staff work through."""
    check(actor, "contact.read")
    rows = await db.fetch(
        f"SELECT c.id FROM contact c WHERE {_LIVING} ORDER BY c.created_at DESC, c.id DESC LIMIT ?", NEWEST
    )
    pairs: dict[tuple[int, int], Suggestion] = {}
    for row in rows:
        for item in await suggest(actor, int(row["id"])):
            first, second = sorted((item.contact_id, item.other_id))
            pairs.setdefault((first, second), item)
    return sorted(pairs.values(), key=lambda item: -item.score)[:limit]


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
    if one["name"] and one["address"]:
        key = (NAME + jamo(one["name"]))[:CONTACT_KEY_LENGTH]
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
