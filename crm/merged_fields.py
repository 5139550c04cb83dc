"""What becomes of a contact's own fields when two turn out to be one person, and when they are parted again.

Pure. A field's history is a row of steps (a merge each, in order); taking one step out replays the others,
and what somebody changed between or after them is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

Fields = dict[str, Any]

FIRST_KNOWN: Final = ("name", "phone", "email", "address", "account_id", "preferred_channel")
EARLIEST: Final = ("customer_since", "privacy_noticed_at")
EITHER: Final = ("verified", "blocked")  # spam stays spam: nobody escapes a block by proving who they are
FIELDS: Final = (*FIRST_KNOWN, *EARLIEST, *EITHER, "notes", "updated_at")


@dataclass(frozen=True)
class Step:
    """One merge as the kept contact's fields saw it; `theirs` are the absorbed contact's."""

    before: Fields
    after: Fields
    theirs: Fields


def completed(kept: Mapping[str, Any], theirs: Mapping[str, Any]) -> Fields:
    """The kept contact's fields, completed by the other's: what is known stays, nothing is overwritten."""
    values = dict(kept)
    for name in FIRST_KNOWN:
        values[name] = kept[name] or theirs[name]
    for name in EARLIEST:
        values[name] = min((v for v in (kept[name], theirs[name]) if v is not None), default=None)
    for name in EITHER:
        values[name] = kept[name] or theirs[name]
    values["notes"] = "\n".join(note for note in (kept["notes"], theirs["notes"]) if note)
    return values


def without(steps: Sequence[Step], current: Mapping[str, Any]) -> tuple[Fields, list[Step]]:
    """The kept contact's fields as if the first of `steps` had not been, and the later steps anew."""
    values, after, anew = dict(steps[0].before), steps[0].after, []
    for step in steps[1:]:
        values = _carried(values, after, step.before)
        told = completed(values, step.theirs) | {"updated_at": step.after["updated_at"]}
        anew.append(Step(values, told, step.theirs))
        values, after = told, step.after
    return _carried(values, after, current), anew


def _carried(values: Fields, known: Mapping[str, Any], seen: Mapping[str, Any]) -> Fields:
    """`values` with whatever was changed from `known` to `seen` meanwhile."""
    return {name: _one(name, value, known[name], seen[name]) for name, value in values.items()}


def _one(name: str, value: Any, known: Any, seen: Any) -> Any:
    if seen == known:
        return value
    if name == "notes" and known and seen.endswith(known):  # a note was put in front: crm.contacts.note
        return (seen.removesuffix(known) + value).strip("\n")
    return seen


def of(row: Any) -> Fields:
    """The fields of a contact's row."""
    return {name: getattr(row, name) for name in FIELDS}


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as JSON knows them."""
    return {k: v.isoformat() if isinstance(v, date | datetime) else v for k, v in values.items()}


def from_json(values: Mapping[str, Any]) -> Fields:
    """The fields that `to_json` wrote."""
    read: Fields = dict(values)
    for name in ("privacy_noticed_at", "updated_at"):
        read[name] = datetime.fromisoformat(read[name]) if read[name] else None
    read["customer_since"] = date.fromisoformat(read["customer_since"]) if read["customer_since"] else None
    return read
