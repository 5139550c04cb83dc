"""How an address of the REST API is described and answered: token, limits, parameters, faults."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bots.staff import acts
from bots.web import i18n
from bots.web.desk import faults
from bots.web.desk.frame import number
from bots.web.rest.shapes import Fault, Nothing
from bots.web.security import RateLimit
from crm import sessions, tokens
from crm.actor import Actor
from crm.errors import CrmError, Invalid, NotFound
from crm.models import Staff

LIMIT = web.AppKey("rest_limit", RateLimit)
PER_SECOND, BURST = 20.0, 100  # of one token


@dataclass(frozen=True)
class Call:
    """One authorised call."""

    request: web.Request
    staff: Staff
    now: datetime
    query: Any
    body: Any

    @property
    def actor(self) -> Actor:
        return sessions.actor_of(self.staff)

    @property
    def id(self) -> int:
        """The number in the path. Raises `NotFound` for one that no database holds."""
        found = number(self.request.match_info["id"])
        if found is None:
            raise NotFound("id")
        return found

    async def act(self, name: str, **more: Any) -> acts.Done:
        """Do an act with the body's fields that were given."""
        given = self.body.model_dump(exclude_unset=True) if self.body is not None else {}
        return await acts.perform(self.actor, name, {**given, **more}, self.now)


@dataclass(frozen=True)
class Operation:
    """One method of one path: what OpenAPI says of it, and what does it."""

    method: str
    path: str
    summary: str
    answer: type[BaseModel]
    run: Callable[[Call], Awaitable[Any]]
    query: type[BaseModel] = Nothing
    body: type[BaseModel] | None = None
    status: int = 200
    tags: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.run.__name__


def handler(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of an operation."""

    async def answer(request: web.Request) -> web.StreamResponse:
        now = datetime.now(UTC)
        staff = await _bearer(request, now)
        if staff is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="api"'}
            return _fault(request, "unauthorized", 401, headers=challenge)
        if not request.app[LIMIT].take(str(staff.id), time.monotonic()):
            return _fault(request, "too_many", 429, headers={"Retry-After": "1"})
        try:
            query = _read(operation.query, dict(request.query))
            body = _read(operation.body, await _json(request)) if operation.body else None
            given = await operation.run(Call(request, staff, now, query, body))
        except CrmError as error:
            return _refusal(request, error)
        shape = operation.answer.model_validate(given)
        return web.json_response(text=shape.model_dump_json(by_alias=True), status=operation.status)

    return answer


async def _bearer(request: web.Request, now: datetime) -> Staff | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        return None
    return await tokens.of_bearer(token.strip(), now=now)


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except (ValueError, LookupError, RecursionError):
        raise Invalid("body", "not_json") from None


def _read(model: type[BaseModel], given: Any) -> Any:
    """Checked parameters. Raises `Invalid` naming the first wrong one."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "body"
        raise Invalid(name, acts.reason_of(first["type"])) from None


def _refusal(request: web.Request, error: CrmError) -> web.Response:
    lang = i18n.negotiate(request)
    fault = Fault(
        code=error.code,
        reason=str(error.values.get("reason", "")),
        field=str(error.values.get("field", "")),
        text=faults.words(error, lang),
    )
    return web.json_response(text=fault.model_dump_json(), status=faults.status(error))


def _fault(request: web.Request, code: str, status: int, *, headers: dict[str, str]) -> web.Response:
    text = i18n.t(i18n.negotiate(request), f"desk.error.{code}")
    body = Fault(code=code, text=text).model_dump_json()
    return web.json_response(text=body, status=status, headers=headers)
