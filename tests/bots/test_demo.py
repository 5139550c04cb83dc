"""The demo company: believable, complete, loaded once, and going on from where it stands."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bots import demo
from crm import callbacks, files, happenings, knowledge, requests, search, staff
from crm.actor import BOT, Actor
from crm.models import (
    Article,
    BusinessHours,
    CannedReply,
    Contact,
    Conversation,
    File,
    Message,
    Possession,
    Product,
    Rating,
    RequestEvent,
    ServiceRequest,
    Staff,
    Team,
)
from crm.request_rules import TRANSITIONS
from crm.storage import Folder

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 19, 5, 20, tzinfo=UTC)  # a Thursday, 14:20 in Seoul


@pytest.fixture
async def company(db: str, tmp_path: Path) -> None:
    files.use(Folder(tmp_path / "files"), max_bytes=20_000_000)
    assert await demo.load(NOW, tz=SEOUL)


async def agent() -> Actor:
    return staff.actor_of(await Staff.get(login="seojun"))


async def test_the_company_is_believable_in_size(company: None) -> None:
    assert await Product.all().count() == 40
    assert await Contact.all().count() == 300
    assert await Staff.all().count() == 12
    assert await Team.all().count() == 4
    assert await ServiceRequest.all().count() == 128
    assert await Conversation.all().count() == 40
    assert await CannedReply.all().count() == 15
    assert await Article.filter(locale="ko").count() == await Article.filter(locale="en").count() >= 45
    assert await BusinessHours.all().count() == 11
    owned = Counter([p.contact_id for p in await Possession.all()])
    assert len(owned) == 300
    assert set(owned.values()) <= {1, 2, 3, 4}


async def test_every_role_has_a_login_with_the_demo_password(company: None) -> None:
    roles = {role for _, role, _ in demo.LOGINS}
    assert roles == set(staff.ROLES)
    for login in ("seojun", "jihun", "yuna"):
        signed = await staff.authenticate(login, demo.PASSWORD, address_key="a", loopback=True, now=NOW)
        assert signed.staff.demo
    with pytest.raises(staff.DemoRefused):
        await staff.authenticate("seojun", demo.PASSWORD, address_key="a", loopback=False, now=NOW)


async def test_the_board_looks_as_it_is_drawn(company: None) -> None:
    repair = await Team.get(name="수리")
    shown = await requests.board(await agent(), filters=requests.Filters(team_id=repair.id), now=NOW)
    counts = {column.status: column.count for column in shown.columns}
    assert counts == {
        "received": 4,
        "assigned": 4,
        "in_progress": 3,
        "waiting_customer": 3,
        "resolved": 4,
        "closed": 84,
        "cancelled": 5,
    }
    assert (shown.open, shown.late, shown.visits_tomorrow) == (14, 1, 2)
    received = [(c["number"][-3:], c["contact_name"], c["product"]) for c in shown.columns[0].cards]
    assert received[0] == ("128", "이수빈", "스탠드 에어컨 18평형")
    board = {c["number"][-3:]: c["contact_name"] for column in shown.columns for c in column.cards}
    drawn = {
        "127": "임하늘",
        "121": "박도윤",
        "117": "강다온",
        "114": "최영호",
        "108": "고은채",
        "105": "홍지아",
    }
    assert {number: board[number] for number in drawn} == drawn
    minji = next(c for c in shown.columns[1].cards if c["number"] == "SR-2026-000123")
    assert (minji["contact_name"], minji["priority"], minji["assignee_name"]) == ("김민지", "high", "배지훈")
    assert minji["visit_from"] == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


async def test_every_history_follows_the_rules_and_time(company: None) -> None:
    for request in await ServiceRequest.all():
        events = await RequestEvent.filter(request_id=request.id).order_by("at", "id")
        moves = [(e.data["was"], e.data["status"]) for e in events if e.kind == "status"]
        assert all(status in TRANSITIONS[was] for was, status in moves)
        assert (moves[-1][1] if moves else "received") == request.status
        assert events[0].kind == "opened"
        assert events[0].at == request.created_at
        assert all(e.at <= NOW for e in events)
    assert await Rating.all().count() > 40


async def test_numbers_are_without_gaps_and_go_on(company: None) -> None:
    numbers = sorted(await ServiceRequest.all().values_list("number", flat=True))
    assert numbers == [f"SR-2026-{i:06d}" for i in range(1, 129)]
    contact = await Contact.get(name="김민지")
    request = await requests.open(BOT, contact.id, symptom="물이 새요", now=NOW, tz=SEOUL)
    assert request.number == "SR-2026-000129"
    assert request.status == "assigned"  # somebody of the repair team is present


async def test_the_inbox_of_the_agent_holds_the_drawn_conversations(company: None) -> None:
    seojun = await Staff.get(login="seojun")
    mine = Conversation.filter(assignee_id=seojun.id, status="open").order_by("-last_message_at")
    names = [c.contact.name for c in await mine.select_related("contact")]
    assert names == ["김민지", "박도윤", "이수빈", "한빛유치원", "최영호", "오지훈", "정서연"]
    waiting = Conversation.filter(owner="staff", assignee_id=None, status="open")
    assert await waiting.count() == 3
    assert await Conversation.filter(status="snoozed").count() == 2
    assert await callbacks.count_due(await agent()) == 3


async def test_messages_are_numbered_without_gaps_and_in_time(company: None) -> None:
    for conversation in await Conversation.all():
        messages = await Message.filter(conversation_id=conversation.id).order_by("seq")
        assert [m.seq for m in messages] == list(range(1, conversation.message_seq + 1))
        assert [m.created_at for m in messages] == sorted(m.created_at for m in messages)
        assert messages[-1].created_at < NOW


async def test_the_photo_is_there_and_belongs_to_the_first_message(company: None) -> None:
    photo = await File.get().select_related("message")
    assert photo.message is not None
    assert photo.message.seq == 1
    assert (photo.type, photo.width, photo.height) == ("image/png", 960, 720)
    assert len((await files.read(photo.token))[1]) == photo.size


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("드럼세탁기 E21 떠요", "washer-e21"),
        ("물이 안 빠져요", "washer-e21"),
        ("세탁기 수리비 얼마예요?", "repair-price-washer"),
        ("영업시간이 어떻게 되나요?", "opening-hours"),
        ("토요일에도 하나요?", "opening-hours"),
        ("매장 어디예요?", "location"),
        ("렌탈 해지하면 위약금 있나요?", "rental-termination"),
        ("정수기 필터 교체 방법", "purifier-filter"),
        ("에어컨에서 냄새가 나요", "aircon-smell"),
        ("로봇청소기 R3 충전대를 못 찾아요", "robot-docking"),
        ("이사 가는데 옮겨 주나요?", "relocation"),
        ("환불 되나요?", "returns"),
        ("냉장고 소음이 심해요", "fridge-noise"),
        ("What does E24 mean?", "dishwasher-e24"),
        ("my dryer takes too long", "dryer-d12"),
        ("how much is a repair visit", "repair-visit-fee"),
    ],
)
async def test_questions_find_the_right_article(company: None, question: str, slug: str) -> None:
    hits = await knowledge.search(question, locale="en" if question.isascii() else "ko")
    assert hits
    assert hits[0].article.slug == slug


@pytest.mark.parametrize(
    "question",
    [
        "오늘 날씨 어때요?",
        "주식 추천해 줘",
        "E99 떠요",
        "피자 시킬게요",
        "who won the game yesterday?",
        "ㅋㅋㅋㅋ",
    ],
)
async def test_what_no_article_answers_finds_none(company: None, question: str) -> None:
    assert await knowledge.search(question, locale="en" if question.isascii() else "ko") == []


async def test_people_and_words_are_found(company: None) -> None:
    minji = await Contact.get(name="김민지")
    assert minji.id in await search.find_contacts("김민ㅈ")
    assert minji.id in await search.find_contacts("7262481")
    assert await search.find_messages("공기청정기 6대")


async def test_a_second_start_loads_nothing_but_brings_the_present_back(company: None) -> None:
    tomorrow = NOW + timedelta(days=1)
    assert not await demo.load(tomorrow, tz=SEOUL)
    assert await Contact.all().count() == 300
    seojun = await Staff.get(login="seojun")
    assert staff.is_present(seojun, tomorrow)


async def test_loading_tells_nobody_anything(company: None) -> None:
    assert await happenings.since(0) == []


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2027, 1, 1, 15, 5, tzinfo=UTC),
        datetime(2026, 9, 24, 18, 0, tzinfo=UTC),
        datetime(2028, 2, 28, 23, 59, tzinfo=UTC),
    ],
)
async def test_it_loads_at_any_hour_of_any_day(db: str, tmp_path: Path, moment: datetime) -> None:
    files.use(Folder(tmp_path / "files"), max_bytes=20_000_000)
    assert await demo.load(moment, tz=SEOUL)
    events = await RequestEvent.filter(at__gt=moment).count()
    assert events == 0
    years = Counter(r.number[3:7] for r in await ServiceRequest.all())
    for year, count in years.items():
        last = await ServiceRequest.filter(number__startswith=f"SR-{year}").order_by("-number").first()
        assert last is not None
        assert int(last.number[-6:]) == count


@pytest.mark.postgres
async def test_it_loads_into_postgresql_too(pg: str, tmp_path: Path) -> None:
    files.use(Folder(tmp_path / "files"), max_bytes=20_000_000)
    assert await demo.load(NOW, tz=SEOUL)
    assert await ServiceRequest.all().count() == 128
    assert (await knowledge.search("E21 떠요"))[0].article.slug == "washer-e21"
