"""Labels: coloured words on conversations, requests and contacts."""

from datetime import datetime

from crm import audit, db, happenings
from crm.actor import Actor, check
from crm.checks import one_of
from crm.checks import text as checked_text
from crm.errors import Conflict, NotFound
from crm.models import Label, Labelling

COLOURS = ("slate", "blue", "amber", "green", "red")
# What can carry a label, and the permission it takes to put one there.
SUBJECTS = {"conversation": "conversation.write", "request": "request.write", "contact": "contact.write"}
NAME_LONGEST = 40


async def all_labels() -> list[Label]:
    """Every label, by name."""
    return await Label.all().order_by("name")


async def create(actor: Actor, name: str, *, colour: str = "slate", now: datetime) -> Label:
    """A new label. Raises `Conflict("taken")` for a name there already, `Invalid` naming the field."""
    check(actor, "label.write")
    name = checked_text("name", name, longest=NAME_LONGEST, required=True)
    one_of("colour", colour, COLOURS)
    async with db.transaction():
        label_id = await _insert(name, colour)
        await audit.record(actor, "label.created", "label", label_id, now=now)
        return await Label.get(id=label_id)


async def change(actor: Actor, label_id: int, *, name: str, colour: str, now: datetime) -> Label:
    """Rename or recolour a label. Raises `NotFound`, `Conflict("taken")`, `Invalid` naming the field."""
    check(actor, "label.write")
    name = checked_text("name", name, longest=NAME_LONGEST, required=True)
    one_of("colour", colour, COLOURS)
    async with db.transaction():
        changed = await db.execute(
            "UPDATE label SET name = ?, colour = ? WHERE id = ?"
            " AND NOT EXISTS (SELECT 1 FROM label o WHERE o.name = ? AND o.id <> ?)",
            name, colour, label_id, name, label_id,
        )  # fmt: skip
        if not changed:
            if await Label.filter(id=label_id).exists():
                raise Conflict("taken")
            raise NotFound(f"label {label_id}")
        await audit.record(actor, "label.changed", "label", label_id, now=now, fields=["colour", "name"])
        return await Label.get(id=label_id)


async def delete(actor: Actor, label_id: int, *, now: datetime) -> None:
    """Remove a label from everything that carries it. Raises `NotFound`."""
    check(actor, "label.write")
    async with db.transaction():
        if not await Label.filter(id=label_id).delete():
            raise NotFound(f"label {label_id}")
        await audit.record(actor, "label.deleted", "label", label_id, now=now)


async def put(actor: Actor, label_id: int, subject: str, subject_id: int, *, now: datetime) -> bool:
    """Put a label on something; False when it was there. Raises `NotFound` for an unknown label."""
    check(actor, SUBJECTS[one_of("subject", subject, SUBJECTS)])
    async with db.transaction():
        added = await db.execute(
            "INSERT INTO labelling (label_id, subject, subject_id) VALUES (?, ?, ?)"
            " ON CONFLICT (subject, subject_id, label_id) DO NOTHING",
            await _known(label_id), subject, subject_id,
        )  # fmt: skip
        if added:
            await _told(actor, "labelled", label_id, subject, subject_id, now)
    return bool(added)


async def remove(actor: Actor, label_id: int, subject: str, subject_id: int, *, now: datetime) -> bool:
    """Take a label off; False when it was not there."""
    check(actor, SUBJECTS[one_of("subject", subject, SUBJECTS)])
    async with db.transaction():
        there = Labelling.filter(label_id=label_id, subject=subject, subject_id=subject_id)
        if not await there.delete():
            return False
        await _told(actor, "unlabelled", label_id, subject, subject_id, now)
    return True


async def _known(label_id: int) -> int:
    """The id, its row held until commit. Raises `NotFound`."""
    if not await db.execute("UPDATE label SET id = id WHERE id = ?", label_id):
        raise NotFound(f"label {label_id}")
    return label_id


async def _insert(name: str, colour: str) -> int:
    rows = await db.fetch(
        "INSERT INTO label (name, colour) VALUES (?, ?) ON CONFLICT (name) DO NOTHING RETURNING id",
        name,
        colour,
    )
    if not rows:
        raise Conflict("taken")
    return int(rows[0]["id"])


async def _told(actor: Actor, act: str, label_id: int, subject: str, subject_id: int, now: datetime) -> None:
    if subject == "conversation":
        await happenings.record("conversation.changed", conversation_id=subject_id, label=label_id, now=now)
    if actor.is_staff:
        contact_id = subject_id if subject == "contact" else None
        await audit.record(
            actor, f"{subject}.{act}", subject, subject_id,
            now=now, contact_id=contact_id, fields=[f"label:{label_id}"],
        )  # fmt: skip
