"""What a live session leaves behind: consents, recordings, the control log, the summary, erasure."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm import (
    control_log,
    files,
    live_after,
    live_asking,
    live_codes,
    live_consents,
    live_instead,
    live_people,
    live_sessions,
    live_summary,
    privacy,
    recordings,
    vault,
)
from crm import db as database
from crm.actor import Actor
from crm.control_log import Line
from crm.errors import Conflict, Forbidden, Invalid, NotFound
from crm.live_asking import Made
from crm.models import (
    AuditEntry,
    Callback,
    CompanyProfile,
    Consent,
    LiveSession,
    RecordingFile,
    RequestEvent,
    ServiceRequest,
)
from crm.storage import Folder
from tests.crm.makers import a_company, a_contact, a_staff

NOON = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # Wednesday noon in Seoul


@pytest.fixture(autouse=True)
async def company(db: str, tmp_path: Path) -> None:
    vault.use(b"a test's own secret, 32 bytes at least")
    files.use(Folder(tmp_path / "files"), max_bytes=1024)
    await a_company()
    await CompanyProfile.filter(id=1).update(settings={"live": {"rate_minor": 500, "keep_days": 30}})


async def a_call(agent: Actor, *, request: bool = False) -> Made:
    """A call that has begun."""
    contact = await a_contact(NOON)
    matter = None
    if request:
        matter = await ServiceRequest.create(
            number="SR-2026-000123", contact_id=contact.id, product_text="세탁기", status="in_progress",
            assignee_id=agent.id, status_at=NOON, created_at=NOON, updated_at=NOON,
        )  # fmt: skip
    made = await live_asking.create(agent, contact.id, request_id=matter.id if matter else None, now=NOON)
    await live_sessions.wait(made.customer.id, NOON)
    await live_people.take(agent, made.session.id, now=NOON)
    return made


def segment(recording: int, path: Path, participant: int) -> recordings.Segment:
    path.write_bytes(b"sealed bytes")
    return recordings.Segment(recording, participant, "camera", path, 12, 10, "0" * 64, NOON, 60_000)


async def test_recording_waits_for_everybody_and_stops_at_a_refusal() -> None:
    made = await a_call(await a_staff(NOON))
    assert made.staff is not None
    session, both = made.session.id, [made.customer.id, made.staff.id]
    assert await live_consents.missing(session, "recording", both) == both
    for who in both:
        await live_consents.give(session, who, "recording", granted=True, now=NOON)
    assert await live_consents.missing(session, "recording", both) == []
    await live_consents.give(session, made.customer.id, "recording", granted=False, now=NOON)
    assert await live_consents.missing(session, "recording", both) == [made.customer.id]
    said = await Consent.filter(contact_id=made.session.contact_id, purpose="recording").order_by("id")
    assert [one.granted for one in said] == [True, False]


async def test_a_stranger_to_the_session_consents_to_nothing() -> None:
    agent = await a_staff(NOON)
    first, second = await a_call(agent), await a_call(agent)
    with pytest.raises(NotFound):
        await live_consents.give(first.session.id, second.customer.id, "recording", granted=True, now=NOON)


async def test_a_recording_is_kept_once_seen_by_few_and_each_view_is_audited(tmp_path: Path) -> None:
    agent, other = await a_staff(NOON), await a_staff(NOON, "yuna")
    boss = await a_staff(NOON, "jiwoo", role="manager")
    made = await a_call(agent)
    number, key = await recordings.open_(made.session.id, now=NOON)
    assert await recordings.key_of(number) == key
    kept = await recordings.keep(segment(number, tmp_path / "a", made.customer.id))
    again = await recordings.keep(segment(number, tmp_path / "b", made.customer.id))
    assert kept is not None
    assert again is not None
    assert kept.id == again.id
    assert not (tmp_path / "b").exists()
    for viewer in (agent, boss):
        assert [f.id for f in await recordings.view(viewer, made.session.id, now=NOON)] == [kept.id]
    with pytest.raises(Forbidden):
        await recordings.view(other, made.session.id, now=NOON)
    with pytest.raises(Forbidden):
        await recordings.delete(agent, made.session.id, now=NOON)
    assert await AuditEntry.filter(act="recording.viewed").count() == 2
    assert (await recordings.file_of(agent, kept.id))[1] == key


async def test_a_recording_goes_when_its_time_is_over(tmp_path: Path) -> None:
    made = await a_call(await a_staff(NOON))
    number, _ = await recordings.open_(made.session.id, now=NOON)
    await recordings.keep(segment(number, tmp_path / "a", made.customer.id))
    await recordings.close(number, "ended", now=NOON)
    assert await recordings.expire(NOON + timedelta(days=29)) == 0
    assert await recordings.expire(NOON + timedelta(days=30)) == 1
    assert await recordings.key_of(number) is None
    assert await recordings.sweep(NOON + timedelta(days=30)) == 1
    assert await RecordingFile.all().count() == 0
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert await recordings.keep(segment(number, tmp_path / "late", made.customer.id)) is None


async def test_erasing_a_person_makes_their_recordings_unreadable(tmp_path: Path) -> None:
    admin = await a_staff(NOON, "taeho", role="admin")
    made = await a_call(await a_staff(NOON))
    number, _ = await recordings.open_(made.session.id, now=NOON)
    await recordings.keep(segment(number, tmp_path / "a", made.customer.id))
    await live_after.transcribed(made.session.id, "customer: 필터가 막혔어요", now=NOON)
    await privacy.erase(admin, made.session.contact_id, now=NOON)
    assert await recordings.key_of(number) is None
    assert await RecordingFile.all().count() == 0
    left = await LiveSession.get(id=made.session.id)
    assert (left.transcript, left.summary, left.status) == ("", {}, "cancelled")


def lines(count: int, *, after: str = control_log.START, first: int = 1) -> list[Line]:
    made, last = [], after
    for number in range(first, first + count):
        data = {"x": 0.5, "button": "left"}
        last = control_log.digest(last, number, "2026-03-04T03:00:00.000+00:00", "pressed", data)
        made.append(Line(number, "2026-03-04T03:00:00.000+00:00", "pressed", data, last))
    return made


async def test_the_control_log_takes_a_chain_once_and_refuses_gaps_and_changes() -> None:
    made = await a_call(await a_staff(NOON))
    session, chain = made.session.id, lines(4)
    assert await control_log.take(session, 9, chain[:2], now=NOON) == 2
    assert await control_log.take(session, 9, chain, now=NOON) == 2
    with pytest.raises(Conflict, match="gap"):
        await control_log.take(session, 9, lines(1, first=6), now=NOON)
    with pytest.raises(Conflict, match="digest"):
        await control_log.take(session, 9, lines(1, first=5), now=NOON)
    with pytest.raises(Conflict, match="changed"):
        await control_log.take(session, 9, lines(1, after="f" * 64), now=NOON)
    assert await control_log.verify(session, 9) is None
    await control_log.append(session, "view_yes", now=NOON)
    assert await control_log.sources(session) == [0, 9]


async def test_a_changed_line_of_the_control_log_shows() -> None:
    made = await a_call(await a_staff(NOON))
    await control_log.take(made.session.id, 9, lines(3), now=NOON)
    await database.execute("UPDATE control_entry SET data = '{\"x\": 0.9}' WHERE number = 2")
    assert await control_log.verify(made.session.id, 9) == 2


async def test_the_agents_code_works_once_and_for_ten_minutes() -> None:
    agent = await a_staff(NOON)
    made = await a_call(agent)
    void = await live_codes.issue(agent, made.session.id, now=NOON)
    code = await live_codes.issue(agent, made.session.id, now=NOON)
    with pytest.raises(NotFound):
        await live_codes.redeem(void, now=NOON)
    place, secret = await live_codes.redeem(f"{code[:4]} {code[4:]}", now=NOON + timedelta(minutes=9))
    assert (place.participant.side, bool(secret)) == ("agent", True)
    with pytest.raises(NotFound):
        await live_codes.redeem(code, now=NOON)
    late = await live_codes.issue(agent, made.session.id, now=NOON)
    with pytest.raises(Conflict, match="expired"):
        await live_codes.redeem(late, now=NOON + timedelta(minutes=10))


async def test_the_cost_is_the_begun_minutes_of_staff_times_the_rate() -> None:
    agent = await a_staff(NOON)
    made = await a_call(agent)
    assert made.staff is not None
    await live_people.joined(made.staff.id, NOON)
    await live_people.joined(made.customer.id, NOON)
    ended = await live_sessions.end(made.session.id, agent, now=NOON + timedelta(minutes=7, seconds=1))
    assert ended.cost_minor == 8 * 500


async def test_a_confirmed_summary_goes_into_the_request_and_only_what_was_ticked() -> None:
    agent = await a_staff(NOON)
    made = await a_call(agent, request=True)
    said = (
        "customer: 배수가 안 되고 E21 오류가 나와요\n"
        "staff: 배수 필터를 열어 청소해 보세요. 내일 오후 3시에 기사가 방문할게요.\n"
        "customer: 이제 잘 되네요. 정수기도 렌탈하고 싶어요."
    )
    await live_after.transcribed(made.session.id, said, now=NOON)
    await live_sessions.end(made.session.id, agent, now=NOON + timedelta(minutes=5))
    session = await LiveSession.get(id=made.session.id)
    assert session.summary["parts"] == ["배수 필터"]
    assert session.summary["status"] == "resolved"
    assert session.summary["next_visit"] == "내일 오후 3시"
    assert session.summary["needs"] == ["정수기도 렌탈하고 싶어요."]
    await live_after.confirm(agent, session.id, {"status": True, "parts": True}, now=NOON)
    request = await ServiceRequest.get(id=session.request_id)
    assert (request.status, request.category) == ("resolved", "repair")
    note = await RequestEvent.get(request_id=request.id, kind="commented")
    assert "배수 필터" in note.text
    with pytest.raises(Conflict, match="no_summary"):
        await live_after.dismiss(agent, session.id, now=NOON)


async def test_a_summary_is_confirmed_also_when_the_request_is_closed_by_then() -> None:
    agent = await a_staff(NOON)
    made = await a_call(agent, request=True)
    said = "customer: 배수가 안 되고 E21 오류가 나와요\nstaff: 배수 필터를 열어 청소해 보세요."
    await live_after.transcribed(made.session.id, said, now=NOON)
    await ServiceRequest.filter(id=made.session.request_id).update(status="closed")
    await live_after.confirm(agent, made.session.id, {"category": True, "parts": True}, now=NOON)
    assert (await LiveSession.get(id=made.session.id)).summary_state == "confirmed"
    note = await RequestEvent.get(request_id=made.session.request_id, kind="commented")
    assert "배수 필터" in note.text


def test_a_summary_quotes_what_was_said_and_nothing_else() -> None:
    talk = [
        live_summary.Said("staff", "https://example.com/assist 이 주소에서 배수 필터 사진을 보세요."),
        live_summary.Said("customer", "안녕하세요. 냉장고에서 소음이 나요."),
        live_summary.Said("staff", "네. 팬 모터를 확인해 볼게요."),
    ]
    found = live_summary.summarise(talk)
    everything = " ".join(one.text for one in talk)
    assert all(sentence["text"] in everything for sentence in found["sentences"])
    assert "example.com" not in str(found)
    assert found["category"] == "repair"
    assert live_summary.summarise([live_summary.Said("customer", "네")]) == {}


async def test_a_waiting_customer_may_be_phoned_or_visited_instead() -> None:
    agent = await a_staff(NOON)
    contact = await a_contact(NOON)
    made = await live_asking.create(agent, contact.id, now=NOON)
    await live_sessions.wait(made.customer.id, NOON)
    days = await live_instead.visit_days(made.session, NOON)
    begins = days[0].slots[0][0]
    with pytest.raises(Invalid, match="not_offered"):
        await live_instead.visit(made.session.id, begins + timedelta(minutes=1), now=NOON)
    visit = await live_instead.visit(made.session.id, begins, now=NOON)
    assert (visit.visit_from, visit.category) == (begins, "visit")
    with pytest.raises(Conflict, match="over"):
        await live_instead.callback(made.session.id, "", at=None, now=NOON)
    second = await live_asking.create(agent, contact.id, now=NOON)
    await live_instead.callback(second.session.id, "", at=None, now=NOON)
    assert (await Callback.get(contact_id=contact.id)).phone == contact.phone


async def test_only_a_call_that_is_over_is_rated() -> None:
    agent = await a_staff(NOON)
    made = await a_call(agent)
    with pytest.raises(Conflict, match="not_over"):
        await live_after.rate(made.session.id, 5, "", now=NOON)
    await live_sessions.end(made.session.id, agent, now=NOON)
    assert (await live_after.rate(made.session.id, 4, "친절했어요", now=NOON)).rating == 4
