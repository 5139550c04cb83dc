"""Service requests: opened, moved, assigned, amended, rated, found."""

import asyncio
import contextlib
from datetime import datetime, timedelta

import pytest

from crm import happenings, requests, timeline
from crm.actor import BOT, Actor
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.models import AuditEntry, Contact, RequestEvent, ServiceRequest, Team
from crm.request_rules import OPEN, STATUSES, TRANSITIONS, read_number
from tests.crm.makers import a_company, a_contact, a_staff, a_team


def customer(contact: Contact) -> Actor:
    return Actor("contact", contact.id)


async def opened(now: datetime, **values: object) -> ServiceRequest:
    contact = await Contact.first() or await a_contact(now)
    return await requests.open(BOT, contact.id, now=now, **{"symptom": "물이 안 빠져요", **values})  # type: ignore[arg-type]


async def walk(actor: Actor, request_id: int, *statuses: str, now: datetime) -> None:
    for status in statuses:
        await requests.change_status(actor, request_id, status, reason="이유", now=now)


async def test_a_request_gets_the_next_number_and_a_due_time_in_business_minutes(
    db: str, now: datetime
) -> None:
    await a_company(reply_target_minutes=15)
    first, second = await opened(now), await opened(now)
    assert (first.number, second.number) == ("SR-2026-000001", "SR-2026-000002")
    # noon in Seoul: lunch until one o'clock
    assert first.due_at == now + timedelta(minutes=75)


async def test_opening_and_giving_it_to_somebody_are_one_line_each_of_the_timeline(
    db: str, now: datetime
) -> None:
    await a_company()
    await a_team("수리팀", ["repair"], await a_staff(now, "minho", role="technician"))
    request = await opened(now)
    lines = (await timeline.of(BOT, request.contact_id)).items
    kinds = [line["kind"] for line in lines if line["kind"].startswith("request.")]
    assert sorted(kinds) == ["request.assigned", "request.opened"]


async def test_a_number_of_a_failed_opening_is_given_again(db: str, now: datetime) -> None:
    contact = await a_contact(now)
    with pytest.raises(Invalid):
        await requests.open(BOT, contact.id, symptom="물이 새요", files=["unknown"], now=now)
    assert (await opened(now)).number == "SR-2026-000001"


async def test_new_work_goes_round_the_present_members_of_the_team(any_db: str, now: datetime) -> None:
    one, two, away = (
        await a_staff(now, "jihun"),
        await a_staff(now, "hajun"),
        await a_staff(now, "seoyoung", presence="away"),
    )
    await a_team("수리", ["repair"], one, two, away)
    got = [(await opened(now)).assignee_id for _ in range(3)]
    assert got == [one.id, two.id, one.id]
    assert {r.status for r in await ServiceRequest.all()} == {"assigned"}


async def test_without_anybody_present_a_request_waits_and_is_given_out_later(db: str, now: datetime) -> None:
    staff = await a_staff(now, "jihun", presence="away")
    await a_team("수리", ["repair"], staff)
    request = await opened(now)
    assert (request.status, request.assignee_id) == ("received", None)
    assert await requests.assign_waiting(now) == 0
    from crm import staff as people

    await people.set_presence(staff, "present", now=now)
    for happened in await happenings.since(0):
        await requests.give_waiting(happened)
    await request.refresh_from_db()
    assert (request.status, request.assignee_id) == ("assigned", staff.id)


async def test_a_complaint_has_high_priority_at_least(db: str, now: datetime) -> None:
    assert (await opened(now, category="complaint")).priority == "high"
    assert (await opened(now, category="complaint", priority="urgent")).priority == "urgent"
    plain = await opened(now)
    contact = Actor("contact", plain.contact_id)
    assert (await requests.complain(contact, plain.id, "또 고장 났어요", now=now)).priority == "high"


@pytest.mark.parametrize("was", STATUSES)
@pytest.mark.parametrize("wanted", STATUSES)
async def test_only_the_transitions_of_the_table_are_possible(
    db: str, now: datetime, was: str, wanted: str
) -> None:
    request = await opened(now)
    manager = await a_staff(now, "yuna", role="manager")
    await ServiceRequest.filter(id=request.id).update(status=was)
    if wanted in TRANSITIONS[was]:
        moved = await requests.change_status(manager, request.id, wanted, reason="이유", now=now)
        assert moved.status == wanted
    else:
        with pytest.raises(Conflict, match="transition"):
            await requests.change_status(manager, request.id, wanted, reason="이유", now=now)


async def test_cancelling_and_reopening_need_a_reason(db: str, now: datetime) -> None:
    request = await opened(now)
    for act in (requests.cancel, requests.reopen):
        await ServiceRequest.filter(id=request.id).update(
            status="received" if act is requests.cancel else "closed"
        )
        with pytest.raises(Invalid, match="reason"):
            await act(BOT, request.id, reason=" ", now=now)


async def test_reopening_counts_and_forgets_that_it_was_resolved(db: str, now: datetime) -> None:
    request = await opened(now)
    await walk(BOT, request.id, "assigned", "in_progress", "resolved", now=now)
    again = await requests.reopen(customer(await Contact.get()), request.id, reason="또 그래요", now=now)
    assert (again.status, again.reopened, again.resolved_at) == ("assigned", 1, None)
    assert again.due_at is not None


async def test_history_keeps_who_when_and_why(db: str, now: datetime) -> None:
    request = await opened(now)
    staff = await a_staff(now)
    await walk(staff, request.id, "assigned", "in_progress", now=now)
    found = await requests.get(staff, request.id)
    assert [e["kind"] for e in found["events"]] == ["opened", "status", "status"]
    last = found["events"][-1]
    assert (last["actor"], last["name"], last["text"]) == (staff.ref, "seojun", "이유")
    assert found["next"] == ["waiting_customer", "resolved", "cancelled"]
    assert found["request"].assignee_id == staff.id  # who takes it has it


async def test_each_change_happens_once_and_by_staff_is_audited(db: str, now: datetime) -> None:
    request = await opened(now)
    staff = await a_staff(now)
    await requests.change_status(staff, request.id, "assigned", now=now)
    kinds = [h.kind for h in await happenings.since(0)]
    assert kinds == ["request.opened", "request.status_changed"]
    entry = await AuditEntry.get()
    assert (entry.act, entry.actor, entry.subject_id) == ("request.status", staff.ref, request.id)


async def test_who_acts_on_an_old_view_is_told(any_db: str, now: datetime) -> None:
    request = await opened(now)
    one, two = await a_staff(now, "seojun"), await a_staff(now, "yuna")
    await requests.change_status(one, request.id, "assigned", expected_status="received", now=now)
    with pytest.raises(Conflict, match="changed_meanwhile") as told:
        await requests.change_status(two, request.id, "assigned", expected_status="received", now=now)
    assert told.value.values["status"] == "assigned"
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await requests.set_priority(two, request.id, "high", expected_version=1, now=now)
    assert (await requests.set_priority(two, request.id, "high", expected_version=2, now=now)).version == 3


async def test_a_failed_change_leaves_nothing(any_db: str, now: datetime) -> None:
    request = await opened(now)
    with pytest.raises(Conflict):
        await requests.change_status(BOT, request.id, "closed", now=now)
    await request.refresh_from_db()
    assert (request.version, await RequestEvent.all().count()) == (1, 1)


async def test_a_contact_reaches_only_their_own_requests(db: str, now: datetime) -> None:
    request = await opened(now)
    stranger = customer(await a_contact(now, "박도윤"))
    for attempt in (
        requests.cancel(stranger, request.id, reason="취소", now=now),
        requests.comment(stranger, request.id, "안녕하세요", now=now),
        requests.amend(stranger, request.id, {"symptom": "x"}, now=now),
        requests.rate(stranger, request.id, 5, now=now),
        requests.get(stranger, request.id),
        requests.get_own(stranger.id or 0, request.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Forbidden):
        await requests.assign(customer(await Contact.get(name="김민지")), request.id, None, now=now)


async def test_a_contact_cancels_only_what_is_open(db: str, now: datetime) -> None:
    request = await opened(now)
    own = Actor("contact", request.contact_id)
    assert (await requests.cancel(own, request.id, reason="잘 돼요", now=now)).status == "cancelled"
    with pytest.raises(Conflict, match="transition"):
        await requests.cancel(own, request.id, reason="잘 돼요", now=now)


async def test_a_second_rating_replaces_the_first_and_only_once_resolved(db: str, now: datetime) -> None:
    request = await opened(now)
    own = Actor("contact", request.contact_id)
    with pytest.raises(Conflict, match="not_resolved"):
        await requests.rate(own, request.id, 5, now=now)
    await walk(BOT, request.id, "assigned", "in_progress", "resolved", now=now)
    for wrong in (0, 6):
        with pytest.raises(Invalid, match="score"):
            await requests.rate(own, request.id, wrong, now=now)
    await requests.rate(own, request.id, 2, now=now)
    assert (await requests.rate(own, request.id, 5, "고마워요", now=now)).score == 5
    found = await requests.get(BOT, request.id)
    assert (found["rating"].score, found["rating"].comment) == (5, "고마워요")


async def test_an_answer_of_the_customer_ends_waiting_for_it(db: str, now: datetime) -> None:
    request = await opened(now)
    await walk(BOT, request.id, "assigned", "in_progress", "waiting_customer", now=now)
    await requests.comment(Actor("contact", request.contact_id), request.id, "내일 괜찮아요", now=now)
    assert (await ServiceRequest.get(id=request.id)).status == "in_progress"


async def test_amending_names_the_fields_and_refuses_a_visit_in_the_past(db: str, now: datetime) -> None:
    request = await opened(now)
    own = Actor("contact", request.contact_id)
    visit = now + timedelta(days=6)
    changed = await requests.amend(own, request.id, {"product_text": "냉장고", "visit_from": visit}, now=now)
    assert (changed.product_text, changed.visit_to) == ("냉장고", visit + timedelta(hours=1))
    event = await RequestEvent.get(kind="amended")
    assert event.data == {"fields": ["product_text", "visit_from", "visit_to"]}
    with pytest.raises(Invalid, match="visit_from: past"):
        await requests.amend(own, request.id, {"visit_from": now - timedelta(days=1)}, now=now)
    with pytest.raises(Invalid, match="status: not_changeable"):
        await requests.amend(own, request.id, {"status": "closed"}, now=now)


async def test_resolved_requests_close_after_the_companys_days(db: str, now: datetime) -> None:
    await a_company(auto_close_days=7)
    request = await opened(now)
    await walk(BOT, request.id, "assigned", "in_progress", "resolved", now=now)
    assert await requests.close_resolved(now + timedelta(days=6)) == 0
    assert await requests.close_resolved(now + timedelta(days=7)) == 1
    assert await requests.close_resolved(now + timedelta(days=8)) == 0
    assert (await ServiceRequest.get(id=request.id)).status == "closed"


async def test_a_late_request_alerts_once(db: str, now: datetime) -> None:
    await opened(now)
    late = now + timedelta(hours=3)
    assert [await requests.flag_overdue(late), await requests.flag_overdue(late)] == [1, 0]
    assert [h.kind for h in await happenings.since(0)].count("request.reply_overdue") == 1


async def test_two_matters_are_split_and_stay_linked(db: str, now: datetime) -> None:
    request = await opened(now, product_text="세탁기", address="서울 마포구")
    staff = await a_staff(now)
    other = await requests.split(staff, request.id, "건조기도 이상해요", product_text="건조기", now=now)
    assert (other.number, other.address, other.product_text) == ("SR-2026-000002", "서울 마포구", "건조기")
    there, back = await requests.get(staff, request.id), await requests.get(staff, other.id)
    assert [(x["kind"], x["direction"], x["id"]) for x in there["links"]] == [("split", "to", other.id)]
    assert [(x["kind"], x["direction"], x["id"]) for x in back["links"]] == [("split", "from", request.id)]


async def test_linking_twice_changes_nothing_and_unlinking_undoes_it(db: str, now: datetime) -> None:
    one, two, staff = await opened(now), await opened(now), await a_staff(now)
    for _ in range(2):
        await requests.link(staff, one.id, two.id, "duplicate", now=now)
    assert len((await requests.get(staff, one.id))["links"]) == 1
    await requests.unlink(staff, two.id, one.id, now=now)
    assert (await requests.get(staff, one.id))["links"] == []
    with pytest.raises(Invalid, match="itself"):
        await requests.link(staff, one.id, one.id, now=now)


async def test_marketing_may_look_but_not_change(db: str, now: datetime) -> None:
    request = await opened(now)
    marketing = await a_staff(now, "minseo", role="marketing")
    assert (await requests.get(marketing, request.id))["request"].id == request.id
    with pytest.raises(Forbidden):
        await requests.change_status(marketing, request.id, "assigned", now=now)


@pytest.mark.parametrize(
    "said",
    [
        "SR-2026-000123",
        "sr-2026-000123",
        "SR 2026 123",
        "sr2026000123",
        "SR-2026-123",
        "2026-000123",
        "123번",
        "123",
        "000123",
        "sr123",
        "접수번호 SR-2026-000123 이요",
        "ＳＲ－２０２６－０００１２３",
    ],
)
def test_a_sloppy_number_is_read(said: str) -> None:
    number = read_number(said)
    assert number is not None
    assert number.running == 123
    assert number.year in (None, 2026)


@pytest.mark.parametrize("said", ["세탁기", "", "SR", "01012345678"])
def test_what_is_no_number_is_not_read(said: str) -> None:
    assert read_number(said) is None


async def test_finding_stays_within_the_contact(db: str, now: datetime) -> None:
    request = await opened(now)
    stranger = await a_contact(now, "박도윤")
    assert (await requests.find("1번", contact_id=request.contact_id) or request).id == request.id
    assert await requests.find("SR-2026-1", contact_id=stranger.id) is None
    assert await requests.find("SR-2025-1") is None
    assert [r.id for r in await requests.of_contact(request.contact_id, open_only=True)] == [request.id]


async def test_the_board_counts_filters_and_pages(any_db: str, now: datetime) -> None:
    await a_company()
    staff = await a_staff(now, presence="away")
    team = await a_team("수리", ["repair"], staff)
    made = [await opened(now, symptom=f"증상 {i}") for i in range(5)]
    await walk(staff, made[4].id, "assigned", now=now)
    await requests.set_priority(staff, made[0].id, "urgent", now=now)
    tomorrow = now + timedelta(days=1)
    await requests.amend(staff, made[1].id, {"visit_from": tomorrow}, now=now)

    shown = await requests.board(staff, per_column=3, now=now)
    assert [(c.status, c.count, len(c.cards)) for c in shown.columns[:2]] == [
        ("received", 4, 3),
        ("assigned", 1, 1),
    ]
    assert (shown.open, shown.late, shown.visits_tomorrow) == (5, 0, 1)
    first = shown.columns[0]
    assert [c["number"][-1] for c in first.cards] == ["4", "3", "2"]
    rest = await requests.column(staff, "received", after=first.after, limit=3)
    assert ([c["id"] for c in rest.cards], rest.after) == ([made[0].id], None)
    assert first.cards[0]["contact_name"] == "김민지"
    assert shown.columns[1].cards[0]["assignee_name"] == "seojun"

    async def ids(**filters: object) -> list[int]:
        found = await requests.board(staff, filters=requests.Filters(**filters), now=now)  # type: ignore[arg-type]
        return sorted(card["id"] for column in found.columns for card in column.cards)

    every = sorted(r.id for r in made)
    assert await ids(team_id=team.id) == every
    assert await ids(team_id=team.id + 1) == []
    assert await ids(assignee_id=staff.id) == [made[4].id]
    assert await ids(unassigned=True) == every[:4]
    assert await ids(priority="urgent") == [made[0].id]
    assert await ids(visit_day=tomorrow.date()) == [made[1].id]
    assert await ids(query="증상 2") == [made[2].id]
    assert await ids(query="민지") == every
    assert await ids(query="3번") == [made[2].id]
    assert await ids(query="100%") == []
    listed, more = await requests.list_requests(staff, limit=4)
    assert ([c["id"] for c in listed], more) == (every[:0:-1], made[1].id)


def test_every_open_status_can_be_cancelled_and_nothing_follows_cancelled() -> None:
    assert all("cancelled" in TRANSITIONS[status] for status in OPEN)
    assert TRANSITIONS["cancelled"] == frozenset()


async def test_an_unknown_request_is_not_found(db: str, now: datetime) -> None:
    assert await Team.all().count() == 0
    with pytest.raises(NotFound):
        await requests.change_status(BOT, 99, "assigned", now=now)


async def test_of_two_who_act_at_once_one_wins(any_db: str, now: datetime) -> None:
    request = await opened(now)
    crowd = [await a_staff(now, f"agent{i}", presence="away") for i in range(4)]
    results = await asyncio.gather(
        *(requests.assign(a, request.id, a.id, expected_version=1, now=now) for a in crowd),
        return_exceptions=True,
    )
    refused = [r for r in results if isinstance(r, Conflict)]
    assert (len(refused), {r.reason for r in refused}) == (3, {"changed_meanwhile"})
    events = await RequestEvent.filter(request_id=request.id, kind="assigned").count()
    assert (events, (await ServiceRequest.get(id=request.id)).status) == (1, "assigned")


async def test_requests_opened_at_once_are_numbered_without_gaps(any_db: str, now: datetime) -> None:
    contact, staff = await a_contact(now), await a_staff(now, "jihun")
    await a_team("수리", ["repair"], staff)

    async def attempt(i: int) -> None:
        files = ["unknown"] if i % 3 == 0 else []  # every third one fails after it took its number
        with contextlib.suppress(Invalid):
            await requests.open(BOT, contact.id, symptom="물이 새요", files=files, now=now)

    await asyncio.gather(*(attempt(i) for i in range(12)))
    numbers = sorted(r.number for r in await ServiceRequest.all())
    assert numbers == [f"SR-2026-{i:06d}" for i in range(1, 9)]
