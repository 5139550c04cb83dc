"""The callback queue: due times, attempts, giving up."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import callbacks
from crm.actor import BOT, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import Callback
from tests.crm.makers import a_company, a_contact, a_staff, a_team

MORNING = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)  # Wednesday 9:30 in Seoul
EVENING = datetime(2026, 3, 7, 9, 0, tzinfo=UTC)  # Saturday 18:00 in Seoul
MONDAY = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)


async def asked(now: datetime, **values: object) -> Callback:
    contact = await a_contact(now)
    return await callbacks.request(BOT, contact.id, phone="+821012342481", now=now, **values)  # type: ignore[arg-type]


async def test_a_wish_at_night_is_due_when_the_company_opens(db: str) -> None:
    await a_company()
    assert (await asked(EVENING)).due_at == MONDAY
    assert (await asked(MORNING)).due_at == MORNING + timedelta(minutes=30)


async def test_a_preferred_time_is_kept_or_moved_to_the_next_open_one(db: str) -> None:
    await a_company()
    lunch = datetime(2026, 3, 4, 3, 20, tzinfo=UTC)
    assert (await asked(MORNING, preferred_at=lunch)).due_at == datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
    with pytest.raises(Invalid, match="past"):
        await asked(MORNING, preferred_at=MORNING - timedelta(hours=1))


async def test_a_second_wish_changes_the_first(any_db: str) -> None:
    await a_company()
    first = await asked(MORNING, topic="수리비")
    again = await callbacks.request(
        Actor("contact", first.contact_id), first.contact_id, phone="+82212345678", now=EVENING
    )
    assert (again.id, again.phone, await Callback.all().count()) == (first.id, "+82212345678", 1)


async def test_nobody_answering_three_times_gives_up(db: str) -> None:
    await a_company()
    agent = await a_staff(MORNING)
    callback = await asked(MORNING)
    at = MORNING
    for tries in (1, 2):
        callback = await callbacks.attempt(agent, callback.id, "no_answer", "부재중", now=at)
        assert (callback.status, callback.attempts) == ("due", tries)
        assert callback.due_at == at + timedelta(minutes=30)
        at = callback.due_at
    callback = await callbacks.attempt(agent, callback.id, "busy", now=at)
    assert (callback.status, callback.attempts, callback.done_at) == ("given_up", 3, at)
    _, tried = await callbacks.get(agent, callback.id)
    assert [(t.outcome, t.note) for t in tried] == [
        ("no_answer", "부재중"),
        ("no_answer", "부재중"),
        ("busy", ""),
    ]
    with pytest.raises(Conflict, match="not_due"):
        await callbacks.attempt(agent, callback.id, "reached", now=at)


@pytest.mark.parametrize(("outcome", "status"), [("reached", "done"), ("wrong_number", "given_up")])
async def test_an_answer_or_a_wrong_number_ends_it(db: str, outcome: str, status: str) -> None:
    agent = await a_staff(MORNING)
    callback = await asked(MORNING)
    assert (await callbacks.attempt(agent, callback.id, outcome, now=MORNING)).status == status
    assert await callbacks.count_due(agent) == 0


async def test_the_queue_is_by_due_time_and_goes_round(db: str) -> None:
    await a_company()
    one, two = await a_staff(MORNING, "seojun"), await a_staff(MORNING, "yuna")
    await a_team("상담", ["callback"], one, two)
    later, sooner = await asked(EVENING), await asked(MORNING)
    queue = await callbacks.due(one)
    assert [(c.id, c.assignee_id) for c in queue] == [(sooner.id, one.id), (later.id, None)]
    assert [c.id for c in await callbacks.due(one, after=(queue[0].due_at, queue[0].id))] == [later.id]
    await callbacks.assign(two, later.id, two.id, now=EVENING)
    assert [c.id for c in await callbacks.due(two, assignee_id=two.id)] == [later.id]
    assert await callbacks.count_due(one, now=MORNING + timedelta(minutes=30)) == 1


async def test_a_contact_asks_and_cancels_only_for_themselves(db: str) -> None:
    callback = await asked(MORNING)
    stranger = Actor("contact", callback.contact_id + 1)
    with pytest.raises(Forbidden):
        await callbacks.request(stranger, callback.contact_id, phone="010", now=MORNING)
    with pytest.raises(NotFound):
        await callbacks.cancel(stranger, callback.id, now=MORNING)
    own = Actor("contact", callback.contact_id)
    assert (await callbacks.cancel(own, callback.id, now=MORNING)).status == "cancelled"
