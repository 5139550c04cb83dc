"""What a staff member can do, by name: the registry that the desk, Slack and the REST API share.

An act is a pydantic model of its arguments and a function `(actor, arguments, now) -> Done`. The face turns
`Done.key` and `Done.values` into words of its catalogue (`desk.done.<key>`) and offers `Done.undo`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crm.actor import Actor
from crm.errors import Forbidden, Invalid, NotFound

log = structlog.get_logger()

BIGGEST = 2**63 - 1  # what a database's integer holds
RowId = Annotated[int, Field(ge=1, le=BIGGEST)]
Count = Annotated[int, Field(ge=0, le=BIGGEST)]


class Arguments(BaseModel):
    """Arguments of an act: unknown names are refused, text is trimmed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True)
class Undo:
    """The act that takes another one back."""

    act: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What an act did: words to show (none when `key` is empty), its undoing, and values for the page."""

    key: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    undo: Undo | None = None
    result: dict[str, Any] = field(default_factory=dict)


A = TypeVar("A", bound=Arguments)
Run = Callable[[Actor, Any, datetime], Awaitable[Done]]


@dataclass(frozen=True)
class Act:
    """One entry of the registry."""

    name: str
    arguments: type[Arguments]
    run: Run


REGISTRY: dict[str, Act] = {}


def act(name: str) -> Callable[[Callable[[Actor, A, datetime], Awaitable[Done]]], Run]:
    """Register a function as the act `name`; its second parameter's annotation is the arguments' model."""

    def register(function: Callable[[Actor, A, datetime], Awaitable[Done]]) -> Run:
        model = next(
            kind
            for kind in function.__annotations__.values()
            if isinstance(kind, type) and issubclass(kind, Arguments)
        )
        REGISTRY[name] = Act(name, model, function)
        return function

    return register


async def perform(actor: Actor, name: str, args: Mapping[str, Any], now: datetime) -> Done:
    """Do the act `name`.

    Raises `NotFound` for an unknown name, `Invalid` for the first wrong argument, and what services raise.
    What the role does not allow is logged: nothing was done, so the audit chain has no entry of it.
    """
    known = REGISTRY.get(name)
    if known is None:
        raise NotFound(f"no act named {name}")
    try:
        arguments = known.arguments.model_validate(dict(args))
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(".".join(map(str, first["loc"])) or name, reason_of(first["type"])) from None
    try:
        return await known.run(actor, arguments, now)
    except Forbidden as error:
        refused(actor, name, error)
        raise


def refused(actor: Actor, what: str, error: Forbidden) -> None:
    """Log what a role does not allow and a person tried; `what` names an act or the pattern of a page."""
    log.warning("staff.refused", by=actor.ref, role=actor.role, what=what, needs=error.values["permission"])


def reason_of(kind: str) -> str:
    """Our stable word for a pydantic error type."""
    return {
        "missing": "missing",
        "string_too_long": "too_long",
        "too_long": "too_many_of",
        "string_too_short": "missing",
        "extra_forbidden": "unknown",
    }.get(kind, "wrong")
