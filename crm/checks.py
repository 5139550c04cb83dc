"""Small checks of a field's value, shared by the service modules. Each raises `Invalid` naming the field."""

from collections.abc import Collection, Mapping
from typing import Any

from crm.errors import Invalid


def text(field: str, value: object, *, longest: int, required: bool = False) -> str:
    """The value without outer blanks. Reasons: `not_text`, `required`, `too_long` (with `longest`)."""
    if not isinstance(value, str):
        raise Invalid(field, "not_text")
    value = value.replace("\x00", "").strip()  # PostgreSQL cannot store NUL
    if required and not value:
        raise Invalid(field, "required")
    if len(value) > longest:
        raise Invalid(field, "too_long", longest=longest)
    return value


def one_of(field: str, value: object, allowed: Collection[str]) -> str:
    """The value if it is one of `allowed`. Reason: `unknown`."""
    if not isinstance(value, str) or value not in allowed:
        raise Invalid(field, "unknown", allowed=sorted(allowed))
    return value


def whole(field: str, value: object, *, least: int, most: int) -> int:
    """A whole number in a range. Reasons: `not_a_number`, `out_of_range` (with `least`, `most`)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(field, "not_a_number")
    if not least <= value <= most:
        raise Invalid(field, "out_of_range", least=least, most=most)
    return value


def only(changes: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse a change of a field that is not meant to be changed. Reason: `not_changeable`."""
    for field in changes:
        if field not in allowed:
            raise Invalid(field, "not_changeable")
