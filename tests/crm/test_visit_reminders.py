"""Visits of the next day: each customer is reminded once, in the evening before."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crm import db as database
from crm import identities, requests, visit_reminders
from crm.actor import BOT
from crm.models import Happening, ServiceRequest
from tests.crm.makers import a_company

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=SEOUL)
VISIT = datetime(2026, 12, 2, 14, 0, tzinfo=SEOUL)  # Wednesday
EVENING = datetime(2026, 12, 1, 17, 0, tzinfo=SEOUL)


async def a_visit(at: datetime = VISIT, *, opened: datetime = MONDAY, user: str = "u") -> ServiceRequest:
    identity = await identities.find_or_create("web", "", user, locale="ko", now=opened)
    return await requests.open(
        BOT, identity.contact_id, product_text="냉장고", symptom="소음",
        visit_from=at, visit_to=at + timedelta(hours=1), now=opened,
    )  # fmt: skip


async def reminded() -> list[int]:
    return [row.request_id for row in await Happening.filter(kind="request.visit_near").order_by("id")]


async def test_a_visit_is_near_once_from_five_on_the_day_before(any_db: str) -> None:
    await a_company()
    request = await a_visit()
    assert await visit_reminders.flag(EVENING - timedelta(minutes=1)) == 0
    assert await visit_reminders.flag(EVENING) == 1
    for minutes in (5, 60, 600, 1200):
        assert await visit_reminders.flag(EVENING + timedelta(minutes=minutes)) == 0
    assert await reminded() == [request.id]


async def test_a_visit_whose_evening_was_missed_is_near_until_two_hours_before(any_db: str) -> None:
    await a_company()
    await a_visit()
    await a_visit(VISIT - timedelta(hours=4), user="early")
    assert await visit_reminders.flag(VISIT - timedelta(hours=3)) == 1
    assert await visit_reminders.flag(VISIT - timedelta(hours=1)) == 0


async def test_who_arranged_or_moved_it_that_evening_has_just_heard_of_it(any_db: str) -> None:
    await a_company()
    await a_visit(opened=EVENING + timedelta(hours=1))
    moved = await a_visit(VISIT + timedelta(days=3), user="moved")
    to = {"visit_from": VISIT, "visit_to": VISIT + timedelta(hours=1)}
    await requests.amend(BOT, moved.id, to, now=EVENING + timedelta(hours=1))
    assert await visit_reminders.flag(EVENING + timedelta(hours=2)) == 0


async def test_a_moved_visit_is_reminded_of_anew(any_db: str) -> None:
    await a_company()
    request = await a_visit()
    assert await visit_reminders.flag(EVENING) == 1
    later = VISIT + timedelta(days=1)
    to = {"visit_from": later, "visit_to": later + timedelta(hours=1)}
    await requests.amend(BOT, request.id, to, now=EVENING + timedelta(hours=1))
    assert await visit_reminders.flag(EVENING + timedelta(days=1)) == 1
    assert await reminded() == [request.id, request.id]


async def test_a_cancelled_visit_is_not_near(any_db: str) -> None:
    await a_company()
    request = await a_visit()
    await requests.change_status(BOT, request.id, "cancelled", reason="x", now=MONDAY)
    assert await visit_reminders.flag(EVENING) == 0


async def test_two_fronts_that_tick_at_once_record_it_once(any_db: str) -> None:
    await a_company()
    await a_visit()
    one = database.spawn(visit_reminders.flag(EVENING))
    other = database.spawn(visit_reminders.flag(EVENING))
    assert await one + await other == 1
