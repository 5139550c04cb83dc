"""Live sessions: asked for, waited for, held, ended, missed; on both databases where rows are contended."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import live_asking, live_links, live_people, live_sessions, live_ticks, live_views, vault
from crm.actor import SYSTEM, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.live_asking import Made
from crm.models import (
    Callback,
    Contact,
    Conversation,
    Happening,
    LiveEvent,
    LiveSession,
    RequestEvent,
    ServiceRequest,
)
from tests.crm.makers import a_company, a_contact, a_staff, a_team

NOON = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # Wednesday noon in Seoul
LATER = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def company(any_db: str) -> None:
    vault.use(b"a test's own secret, 32 bytes at least")
    await a_company()


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


async def a_request(contact: Contact) -> ServiceRequest:
    return await ServiceRequest.create(
        number="SR-2026-000123", contact_id=contact.id, product_text="세탁기", status_at=NOON,
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip


async def invited(agent: Actor, **values: object) -> Made:
    contact = await a_contact(NOON)
    return await live_asking.create(agent, contact.id, now=NOON, **values)  # type: ignore[arg-type]


async def kinds() -> list[str]:
    rows = await Happening.filter(kind__startswith="live.").order_by("id")
    return [row.kind.removeprefix("live.") for row in rows]


async def test_a_call_goes_from_invitation_to_the_record() -> None:
    agent = await a_staff(NOON)
    contact = await a_contact(NOON)
    request = await a_request(contact)
    made = await live_asking.create(agent, contact.id, request_id=request.id, now=NOON)
    await live_sessions.wait(made.customer.id, NOON + minutes(1))
    place = await live_people.take(agent, made.session.id, now=NOON + minutes(2))
    assert made.staff is not None
    assert place.id == made.staff.id
    for who in (made.customer, place):
        await live_people.joined(who.id, NOON + minutes(2))
    ended = await live_sessions.end(made.session.id, agent, now=NOON + minutes(9.5))
    assert (ended.status, ended.started_at, ended.ended_by) == ("ended", NOON + minutes(2), agent.ref)
    history = await RequestEvent.get(request_id=request.id, kind="live")
    assert (history.data["minutes"], history.data["participants"]) == (8, 2)
    assert await kinds() == ["invited", "waiting", "started", "joined", "joined", "ended"]
    again = await live_sessions.end(made.session.id, agent, now=NOON + minutes(20))
    assert again.ended_at == NOON + minutes(9.5)


async def test_the_conversation_becomes_the_agents_when_the_call_begins() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent)
    await live_sessions.wait(made.customer.id, NOON)
    await live_people.take(agent, made.session.id, now=NOON)
    conversation = await Conversation.get(id=made.session.conversation_id)
    assert (conversation.owner, conversation.assignee_id) == ("staff", agent.id)


async def test_a_customer_who_asks_twice_gets_the_same_session() -> None:
    contact = await a_contact(NOON)
    customer = Actor("contact", contact.id)
    first = await live_asking.create(customer, contact.id, now=NOON)
    second = await live_asking.create(customer, contact.id, now=NOON + minutes(3))
    assert first.session.id == second.session.id
    assert await kinds() == ["requested"]


async def test_nobody_asks_for_another_and_marketing_invites_nobody() -> None:
    contact = await a_contact(NOON)
    with pytest.raises(Forbidden):
        await live_asking.create(Actor("contact", contact.id + 1), contact.id, now=NOON)
    with pytest.raises(Forbidden):
        await live_asking.create(await a_staff(NOON, role="marketing"), contact.id, now=NOON)


async def test_times_that_cannot_be_are_refused() -> None:
    agent = await a_staff(NOON)
    contact = await a_contact(NOON)
    for at, reason in ((NOON - minutes(1), "past"), (NOON + timedelta(days=91), "too_far")):
        with pytest.raises(Invalid, match=reason):
            await live_asking.create(agent, contact.id, scheduled_at=at, now=NOON)


async def test_a_request_of_somebody_else_is_not_found() -> None:
    agent = await a_staff(NOON)
    request = await a_request(await a_contact(NOON))
    other = await a_contact(NOON, "박서연")
    with pytest.raises(NotFound):
        await live_asking.create(agent, other.id, request_id=request.id, now=NOON)


async def test_the_waiting_room_of_an_arranged_call_opens_a_quarter_of_an_hour_before() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent, scheduled_at=LATER)
    with pytest.raises(Conflict, match="not_yet"):
        await live_sessions.wait(made.customer.id, LATER - minutes(16))
    waiting = await live_sessions.wait(made.customer.id, LATER - minutes(15))
    assert waiting.status == "waiting"


async def test_reminders_of_an_arranged_call_are_asked_for_once_each() -> None:
    agent = await a_staff(NOON)
    at = NOON + timedelta(hours=30)
    await invited(agent, scheduled_at=at)
    asked = []
    for hours in (1, 6, 7, 29, 29.9, 31):
        asked.append(await live_ticks.remind(NOON + timedelta(hours=hours)))
    assert asked == [0, 1, 0, 0, 1, 0]
    assert (await kinds()).count("reminder_due") == 2


async def test_who_waits_too_long_is_offered_something_else_and_at_last_called_back() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent)
    await live_sessions.wait(made.customer.id, NOON)
    assert await live_ticks.look(NOON + minutes(4)) == 0
    assert await live_ticks.look(NOON + minutes(5)) == 1
    session = await LiveSession.get(id=made.session.id)
    assert (session.status, session.offered_at) == ("waiting", NOON + minutes(5))
    assert await live_ticks.look(NOON + minutes(29)) == 0
    await live_ticks.look(NOON + minutes(30))
    await live_ticks.look(NOON + minutes(31))
    await session.refresh_from_db()
    callback = await Callback.get(contact_id=made.session.contact_id)
    assert (session.status, session.callback_id) == ("missed", callback.id)
    assert (await kinds())[-2:] == ["offered", "missed"]


async def test_an_invitation_that_nobody_opened_lapses_without_a_callback() -> None:
    made = await invited(await a_staff(NOON))
    await live_ticks.look(NOON + timedelta(hours=2))
    assert (await LiveSession.get(id=made.session.id)).status == "missed"
    assert await Callback.all().count() == 0


async def test_a_missed_call_of_somebody_without_a_number_waits_in_the_queue() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent, scheduled_at=LATER)
    await Contact.filter(id=made.session.contact_id).update(phone="")
    await live_ticks.look(LATER + minutes(15))
    conversation = await Conversation.get(id=made.session.conversation_id)
    assert (conversation.owner, conversation.handover_reason) == ("staff", "live_missed")


async def test_an_empty_room_ends_after_two_minutes_and_not_when_somebody_came_back() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent)
    await live_sessions.wait(made.customer.id, NOON)
    await live_people.take(agent, made.session.id, now=NOON)
    await live_people.joined(made.customer.id, NOON)
    await live_people.left(made.customer.id, NOON + minutes(1))
    await live_people.joined(made.customer.id, NOON + minutes(2))
    assert await live_ticks.look(NOON + minutes(10)) == 0
    await live_people.left(made.customer.id, NOON + minutes(11))
    assert await live_ticks.look(NOON + minutes(13)) == 1
    assert (await LiveSession.get(id=made.session.id)).ended_by == SYSTEM.ref
    await made.customer.refresh_from_db()
    assert made.customer.present_ms == 10 * 60_000


async def test_a_live_call_is_entered_by_invitation_or_transfer_only() -> None:
    first, second = await a_staff(NOON), await a_staff(NOON, "yuna")
    made = await invited(first)
    await live_sessions.wait(made.customer.id, NOON)
    await live_people.take(first, made.session.id, now=NOON)
    with pytest.raises(Conflict, match="taken"):
        await live_people.take(second, made.session.id, now=NOON)
    assert second.id is not None
    expert = await live_people.invite(first, made.session.id, second.id, now=NOON)
    assert (await live_people.take(second, made.session.id, now=NOON)).id == expert.id
    await live_people.transfer(first, made.session.id, second.id, now=NOON)
    whole = await live_views.whole(made.session.id)
    assert whole.session.staff_id == second.id
    assert {place.staff_id: place.side for place in whole.places} == {
        None: "customer", first.id: "expert", second.id: "staff",
    }  # fmt: skip


async def test_whoever_comes_first_takes_a_waiting_customer() -> None:
    named, other = await a_staff(NOON), await a_staff(NOON, "yuna")
    made = await invited(named)
    await live_sessions.wait(made.customer.id, NOON)
    place = await live_people.take(other, made.session.id, now=NOON)
    session = await LiveSession.get(id=made.session.id)
    assert (session.status, session.staff_id, place.side) == ("live", other.id, "staff")
    assert made.staff is not None
    await made.staff.refresh_from_db()
    assert made.staff.revoked_at is not None


async def test_the_place_in_the_queue_counts_those_who_came_before_to_the_same_team() -> None:
    await a_team("수리", ["repair"])
    made = []
    for n in range(3):
        contact = await a_contact(NOON, f"손님{n}")
        made.append(await live_asking.create(Actor("contact", contact.id), contact.id, now=NOON))
        await live_sessions.wait(made[-1].customer.id, NOON + minutes(n))
    places = []
    for each in made:
        session = await LiveSession.get(id=each.session.id)
        wait = await live_views.standing(session, NOON + minutes(5))
        places.append((wait.position, wait.minutes, wait.staffed))
    assert places == [(1, None, False), (2, None, False), (3, None, False)]


async def test_a_wait_is_promised_only_when_it_was_measured() -> None:
    agent = await a_staff(NOON)
    for n in range(5):
        made = await invited(agent)
        at = NOON + timedelta(hours=n)
        await live_sessions.wait(made.customer.id, at)
        await live_people.take(agent, made.session.id, now=at + minutes(4))
        await live_sessions.end(made.session.id, agent, now=at + minutes(20))
    made = await invited(agent)
    wait = await live_views.standing(made.session, NOON + timedelta(hours=6))
    assert (wait.minutes, wait.staffed, wait.open_now) == (4, True, False)


async def test_a_session_called_off_cannot_be_entered() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent)
    await live_sessions.cancel(agent, made.session.id, now=NOON)
    with pytest.raises(Conflict, match="over"):
        await live_sessions.wait(made.customer.id, NOON)
    with pytest.raises(Conflict, match="not_allowed"):
        await live_sessions.cancel(agent, made.session.id, now=NOON)


async def test_holding_is_written_down_once() -> None:
    agent = await a_staff(NOON)
    made = await invited(agent)
    await live_sessions.wait(made.customer.id, NOON)
    await live_people.take(agent, made.session.id, now=NOON)
    done = [await live_sessions.hold(made.session.id, on=on, now=NOON) for on in (True, True, False)]
    assert done == [True, False, True]
    assert await LiveEvent.filter(kind__in=["held", "resumed"]).count() == 2


async def test_a_place_belongs_to_one_link() -> None:
    made = await invited(await a_staff(NOON))
    assert made.staff is not None
    tokens = {live_links.token_of(made.customer), live_links.token_of(made.staff)}
    assert len(tokens) == 2
