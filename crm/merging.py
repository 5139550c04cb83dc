"""One person, one contact: merging two contacts, and parting them again exactly as they were.

The absorbed contact's row stays untouched and out of sight (`merged_into_id`); what belonged to it moves, and
a journal says which row was whose. Parting moves those rows back, and what arrived in between goes to the
side of the identity it came through.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from crm import audit, db, happenings, reads, search, vault
from crm.actor import Actor, check
from crm.errors import Conflict, Invalid, NotFound
from crm.merged_fields import Fields, Step, completed, from_json, of, to_json, without
from crm.models import Contact, ContactMerge

# Tables with a contact: every row of the absorbed one moves.
MOVED: Final = (
    "identity", "conversation", "service_request", "rating", "callback", "possession", "consent",
    "live_session", "timeline_entry",
)  # fmt: skip
# Tables where both may hold the same, so only what the kept one lacks moves: owner's column, what is equal.
SHARED: Final = {
    "labelling": ("subject_id", "other.subject = t.subject AND other.label_id = t.label_id"),
    "proof": ("contact_id", "other.kind = t.kind AND other.value = t.value"),
}
_OWNED: Final = {"labelling": " AND t.subject = 'contact'"}


async def merge(
    actor: Actor, kept_id: int, absorbed_id: int, *, proof: str = "staff", now: datetime
) -> ContactMerge:
    """Make two contacts one: `kept_id` keeps its fields and gains what it lacks.

    Raises `Forbidden`, `NotFound`, `Invalid("contact_id", "same")` and `Conflict`: `merged` when one of them
    is part of another already, `erased`.
    """
    check(actor, "contact.merge")
    db.require_aware(now)
    if kept_id == absorbed_id:
        raise Invalid("contact_id", "same")
    async with db.transaction():
        kept, absorbed = await _held(kept_id, absorbed_id)
        for one in (kept, absorbed):
            if one.merged_into_id is not None:
                raise Conflict("merged", contact_id=one.merged_into_id)
            if one.erased_at is not None:
                raise Conflict("erased", contact_id=one.id)
        before, theirs = of(kept), of(absorbed)
        after = completed(before, theirs) | {"updated_at": now}
        journal = await ContactMerge.create(
            kept_id=kept_id,
            absorbed_id=absorbed_id,
            proof=proof,
            actor=actor.ref,
            sealed=await _sealed(kept_id, before, after, now),
            at=now,
        )
        await _move(journal)
        await Contact.filter(id=kept_id).update(**after)
        await Contact.filter(id=absorbed_id).update(merged_into_id=kept_id)
        await _reindex(kept_id, absorbed_id)
        await _tell("contact.merged", actor, journal, [kept_id], now)
    return journal


async def unmerge(actor: Actor, merge_id: int, *, now: datetime) -> ContactMerge:
    """Part two merged contacts. Both are as they were; what came since is with whose identity it came.

    Raises `Forbidden`, `NotFound` and `Conflict`: `undone` already, `merged` while the kept contact is itself
    part of another (part those first), `erased` when the person was erased meanwhile.
    """
    check(actor, "contact.merge")
    db.require_aware(now)
    async with db.transaction():
        await db.execute("UPDATE contact_merge SET undone_by = undone_by WHERE id = ?", merge_id)
        journal = await ContactMerge.get_or_none(id=merge_id)
        if journal is None:
            raise NotFound(f"merge {merge_id}")
        kept, absorbed = await _held(journal.kept_id, journal.absorbed_id)
        _may_part(journal, kept)
        await _restore_fields(journal, kept, now)
        await Contact.filter(id=absorbed.id).update(merged_into_id=None)
        await _move_back(journal)
        await _arrivals(journal)
        await _reindex(kept.id, absorbed.id)
        journal.undone_at, journal.undone_by = now, actor.ref
        await journal.save(update_fields=["undone_at", "undone_by"])
        await _tell("contact.unmerged", actor, journal, [kept.id, absorbed.id], now)
    return journal


async def resolve(contact_id: int) -> int:
    """The contact that this one is part of now; itself when it was never merged."""
    rows = await db.fetch(
        "WITH RECURSIVE up(id, into_id) AS (SELECT id, merged_into_id FROM contact WHERE id = ?"
        " UNION ALL SELECT c.id, c.merged_into_id FROM contact c JOIN up ON c.id = up.into_id)"
        " SELECT id FROM up WHERE into_id IS NULL",
        contact_id,
    )
    return int(rows[0]["id"]) if rows else contact_id


async def parts_of(contact_id: int) -> list[int]:
    """The contacts that were merged into this one, and into those."""
    rows = await db.fetch(f"{reads.WITH_PARTS}SELECT id FROM part ORDER BY id", contact_id)
    return [int(row["id"]) for row in rows if row["id"] != contact_id]


async def of_contact(actor: Actor, contact_id: int) -> list[ContactMerge]:
    """The merges that made this contact and still stand, newest first."""
    check(actor, "contact.read")
    return await ContactMerge.filter(kept_id=contact_id, undone_at=None).order_by("-id")


async def gather(now: datetime, *, limit: int = 100) -> int:
    """Bring home what was written to an absorbed contact by somebody who had its number before the merge; how
    many rows. It counts as the absorbed side's when the two are parted."""
    db.require_aware(now)
    count = 0
    for table in MOVED:
        rows = await db.fetch(
            f"SELECT t.id, m.id AS merge_id, m.kept_id FROM contact_merge m JOIN {table} t"
            " ON t.contact_id = m.absorbed_id WHERE m.undone_at IS NULL ORDER BY t.id LIMIT ?",
            limit,
        )
        for row in rows:
            await _bring_home(table, row["id"], row["merge_id"], row["kept_id"])
        count += len(rows)
    return count


async def _bring_home(table: str, row_id: int, merge_id: int, kept_id: int) -> None:
    async with db.transaction():
        await db.execute("UPDATE contact_merge SET undone_by = undone_by WHERE id = ?", merge_id)
        given = db.typed("?", "?", of=("text", "bigint"))
        told = await db.fetch(
            f"INSERT INTO merged_row (merge_id, side, kind, row_id) SELECT id, 'absorbed', {given}"
            " FROM contact_merge WHERE id = ? AND undone_at IS NULL"
            " ON CONFLICT (merge_id, kind, row_id) DO NOTHING RETURNING id",
            table, row_id, merge_id,
        )  # fmt: skip
        if told:
            await db.execute(f"UPDATE {table} SET contact_id = ? WHERE id = ?", kept_id, row_id)


async def _held(kept_id: int, absorbed_id: int) -> tuple[Contact, Contact]:
    """Both contacts, locked in the order in which messages come in: identity, conversation, contact."""
    for table in ("identity", "conversation"):
        await db.execute(
            f"UPDATE {table} SET contact_id = contact_id WHERE contact_id IN (?, ?)", kept_id, absorbed_id
        )
    for contact_id in sorted((kept_id, absorbed_id)):
        if not await reads.lock("contact", contact_id):
            raise NotFound(f"contact {contact_id}")
    return await Contact.get(id=kept_id), await Contact.get(id=absorbed_id)


def _may_part(journal: ContactMerge, kept: Contact) -> None:
    if journal.undone_at is not None:
        raise Conflict("undone")
    if kept.erased_at is not None:
        raise Conflict("erased", contact_id=kept.id)
    if kept.merged_into_id is not None:
        raise Conflict("merged", contact_id=kept.merged_into_id)


# --- fields


async def _sealed(contact_id: int, before: Fields, after: Fields, now: datetime) -> bytes:
    text = json.dumps({"before": to_json(before), "after": to_json(after)}, ensure_ascii=False)
    return await vault.seal_for(contact_id, text.encode(), now=now)


async def _step(journal: ContactMerge) -> Step:
    plain = await vault.unseal_for(journal.kept_id, bytes(journal.sealed))
    if plain is None:
        raise Conflict("erased", contact_id=journal.kept_id)
    told = json.loads(plain)
    theirs = of(await Contact.get(id=journal.absorbed_id))
    return Step(from_json(told["before"]), from_json(told["after"]), theirs)


async def _restore_fields(journal: ContactMerge, kept: Contact, now: datetime) -> None:
    """Take this merge out of the kept contact's fields; later merges into it are written anew."""
    later = await ContactMerge.filter(kept_id=kept.id, id__gt=journal.id, undone_at=None).order_by("id")
    steps = [await _step(one) for one in (journal, *later)]
    values, anew = without(steps, of(kept))
    for one, step in zip(later, anew, strict=True):
        one.sealed = await _sealed(kept.id, step.before, step.after, now)
        await one.save(update_fields=["sealed"])
    await Contact.filter(id=kept.id).update(**values)


# --- rows


async def _move(journal: ContactMerge) -> None:
    """Write down whose each row is, then give the absorbed contact's rows to the kept one."""
    for table in (*MOVED, *SHARED):
        for side, contact_id in (("kept", journal.kept_id), ("absorbed", journal.absorbed_id)):
            await _write_down(journal, table, side, contact_id)
    for table in MOVED:
        await db.execute(
            f"UPDATE {table} SET contact_id = ? WHERE contact_id = ?", journal.kept_id, journal.absorbed_id
        )
    for table, (column, same) in SHARED.items():
        await db.execute(
            f"UPDATE {table} AS t SET {column} = ? WHERE t.{column} = ?{_OWNED.get(table, '')}"
            f" AND NOT EXISTS (SELECT 1 FROM {table} other WHERE other.{column} = ? AND {same})",
            journal.kept_id, journal.absorbed_id, journal.kept_id,
        )  # fmt: skip


async def _write_down(journal: ContactMerge, table: str, side: str, contact_id: int) -> None:
    column = SHARED[table][0] if table in SHARED else "contact_id"
    given = db.typed("?", "?", "?", of=("bigint", "text", "text"))
    await db.execute(
        f"INSERT INTO merged_row (merge_id, side, kind, row_id) SELECT {given}, t.id FROM {table} t"
        f" WHERE t.{column} = ?{_OWNED.get(table, '')}",
        journal.id, side, table, contact_id,
    )  # fmt: skip


async def _move_back(journal: ContactMerge) -> None:
    for table in (*MOVED, *SHARED):
        column = SHARED[table][0] if table in SHARED else "contact_id"
        await db.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ? AND id IN (SELECT row_id FROM merged_row"
            " WHERE merge_id = ? AND kind = ? AND side = 'absorbed')",
            journal.absorbed_id, journal.kept_id, journal.id, table,
        )  # fmt: skip


_IDENTITIES = "(SELECT id FROM identity WHERE contact_id = ?)"
_CONVERSATIONS = "(SELECT id FROM conversation WHERE contact_id = ?)"
_REQUESTS = "(SELECT id FROM service_request WHERE contact_id = ?)"
_POSSESSIONS = "(SELECT id FROM possession WHERE contact_id = ?)"
# What came in between, in this order, each by what came before it. Every ? is the absorbed contact.
_ARRIVED: Final = (
    ("conversation", f"identity_id IN {_IDENTITIES}"),
    (
        "service_request",
        f"conversation_id IN {_CONVERSATIONS} OR conversation_id IS NULL AND possession_id IN {_POSSESSIONS}",
    ),
    ("rating", f"request_id IN {_REQUESTS}"),
    (
        "callback",
        f"conversation_id IN {_CONVERSATIONS} OR conversation_id IS NULL AND request_id IN {_REQUESTS}",
    ),
    ("live_session", f"conversation_id IN {_CONVERSATIONS}"),
    ("consent", f"identity_id IN {_IDENTITIES}"),
    ("proof", f"identity_id IN {_IDENTITIES}"),
    (
        "timeline_entry",
        f"subject = 'conversation' AND subject_id IN {_CONVERSATIONS}"
        f" OR subject = 'request' AND subject_id IN {_REQUESTS}",
    ),
)
_NEW = "NOT IN (SELECT row_id FROM merged_row WHERE merge_id = ? AND kind = ?)"


async def _arrivals(journal: ContactMerge) -> None:
    """Give what came in between to the side of the identity that it came through; the rest stays."""
    for table, theirs in _ARRIVED:
        await db.execute(
            f"UPDATE {table} SET contact_id = ? WHERE contact_id = ? AND id {_NEW} AND ({theirs})",
            journal.absorbed_id, journal.kept_id, journal.id, table,
            *[journal.absorbed_id] * theirs.count("?"),
        )  # fmt: skip
    await _refusals_for_both(journal)
    # A request that came in between may have named a possession of the other side.
    for mine, other in ((journal.kept_id, journal.absorbed_id), (journal.absorbed_id, journal.kept_id)):
        await db.execute(
            f"UPDATE service_request SET possession_id = NULL WHERE contact_id = ? AND id {_NEW}"
            f" AND possession_id IN {_POSSESSIONS}",
            mine, journal.id, "service_request", other,
        )  # fmt: skip


async def _refusals_for_both(journal: ContactMerge) -> None:
    """A refusal of advertising that came in between through no known identity holds for either of the two:
    sending to somebody who refused is the fault that cannot be made good."""
    await db.execute(
        "INSERT INTO consent (contact_id, purpose, channel, granted, source, at, reported_at)"
        f" SELECT {db.typed('?', of=('bigint',))}, purpose, channel, granted, source, at, reported_at"
        f" FROM consent WHERE contact_id = ? AND id {_NEW} AND identity_id IS NULL AND granted = ?"
        " AND purpose IN ('ad', 'night_ad')",
        journal.absorbed_id, journal.kept_id, journal.id, "consent", False,
    )  # fmt: skip


# --- telling


async def _reindex(*contact_ids: int) -> None:
    for contact in await Contact.filter(id__in=contact_ids):
        await search.reindex_contact(contact)


async def _tell(
    kind: str, actor: Actor, journal: ContactMerge, contacts: Iterable[int], now: datetime
) -> None:
    staff_id = actor.id if actor.is_staff else None
    about: dict[str, Any] = {"merge_id": journal.id, "proof": journal.proof}
    for contact_id in contacts:
        await happenings.record(kind, contact_id=contact_id, staff_id=staff_id, **about, now=now)
    for contact_id in (journal.kept_id, journal.absorbed_id):
        await audit.record(
            actor, kind, "merge", journal.id, now=now, contact_id=contact_id, fields=[journal.proof]
        )
