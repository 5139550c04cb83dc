"""How a change of a service request is written: row held, version counted, history kept."""

from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any

from crm import audit, db, happenings, reads, writes
from crm.actor import Actor, check
from crm.errors import Conflict, Forbidden, NotFound
from crm.models import RequestEvent, ServiceRequest
from crm.zone import aware

SEARCHED = {"product_text", "symptom"}  # what search looks at: request_search indexes it anew


@dataclass
class Writing:
    """A request held for change until the end of the transaction."""

    request: ServiceRequest
    actor: Actor
    now: datetime
    changes: dict[str, Any] = field(default_factory=dict)

    def set(self, **values: Any) -> None:
        """Change columns; written when the transaction's block ends."""
        self.request.update_from_dict(values)
        self.changes.update(values)

    async def note(self, kind: str, *, text: str = "", **data: Any) -> RequestEvent:
        """Add to the request's history."""
        return await note_event(self.request.id, kind, self.actor, self.now, text=text, **data)

    async def happened(self, kind: str, **data: Any) -> None:
        """Record a happening about this request: references and words of the domain, no personal values."""
        staff_id = self.actor.id if self.actor.is_staff else None
        await happenings.record(
            kind,
            now=self.now,
            contact_id=self.request.contact_id,
            conversation_id=self.request.conversation_id,
            request_id=self.request.id,
            staff_id=staff_id,
            number=self.request.number,
            actor=self.actor.ref,
            **data,
        )


async def note_event(
    request_id: int, kind: str, actor: Actor, now: datetime, *, text: str = "", **data: Any
) -> RequestEvent:
    """One line of a request's history: what, by whom, when and why."""
    return await writes.insert(
        RequestEvent, request_id=request_id, kind=kind, actor=actor.ref, data=data, text=text, at=now
    )


def writing(
    actor: Actor,
    request_id: int,
    act: str,
    *,
    now: datetime,
    expected_version: int | None = None,
    own: bool = False,
) -> "_Held":
    """Hold the request, yield it as `Writing`, write what was set and audit it, all in one transaction.

    With `own` a contact may do this to their own request. Raises `NotFound`, `Forbidden`, and `Conflict`
    `changed_meanwhile` (with the version in force) when `expected_version` is no longer that.
    """
    aware(now)
    if actor.kind != "contact" or not own:
        check(actor, "request.write")
    return _Held(actor, request_id, act, now, expected_version)


class _Held:
    """A class: a generator would cost 20 microseconds more, for the loop keeps asynchronous ones."""

    __slots__ = ("_act", "_actor", "_expected", "_id", "_now", "_transaction", "_work")

    def __init__(self, actor: Actor, request_id: int, act: str, now: datetime, expected: int | None) -> None:
        self._actor, self._id, self._act, self._now = actor, request_id, act, now
        self._expected = expected
        self._transaction = db.transaction()

    async def __aenter__(self) -> Writing:
        await self._transaction.__aenter__()
        try:
            self._work = Writing(await self._request(), self._actor, self._now)
        except BaseException as error:
            await self._transaction.__aexit__(type(error), error, error.__traceback__)
            raise
        return self._work

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                await self._write()
            except BaseException as fault:
                await self._transaction.__aexit__(type(fault), fault, fault.__traceback__)
                raise
        await self._transaction.__aexit__(kind, error, trace)

    async def _request(self) -> ServiceRequest:
        # the first statement is a write: it holds the row on PostgreSQL and the database on SQLite
        held = await db.read(
            "UPDATE service_request SET version = version + 1 WHERE id = ? RETURNING *", self._id
        )
        if not held:
            raise NotFound("request")
        request = reads.as_model(ServiceRequest, held[0])
        _check_own(self._actor, request)
        if self._expected is not None and request.version != self._expected + 1:
            raise Conflict("changed_meanwhile", version=request.version - 1, status=request.status)
        return request

    async def _write(self) -> None:
        request, changes = self._work.request, self._work.changes
        fields = sorted(changes)
        if SEARCHED & changes.keys():
            changes["unindexed"] = request.unindexed = True
        changes["updated_at"] = request.updated_at = self._now
        await writes.update(request, sorted(changes))
        if self._actor.is_staff:
            await audit.record(
                self._actor, self._act, "request", self._id,
                now=self._now, contact_id=request.contact_id, fields=fields,
            )  # fmt: skip


def _check_own(actor: Actor, request: ServiceRequest) -> None:
    """A contact does not learn that another's request exists."""
    if actor.kind == "contact" and request.contact_id != actor.id:
        raise NotFound("request")
    if actor.kind not in ("contact", "staff", "bot", "system"):
        raise Forbidden("request.write")
