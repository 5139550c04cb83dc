"""Numbers without gaps, whoever takes them at once and whatever fails."""

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crm import db as database
from crm import sequences

SEOUL = ZoneInfo("Asia/Seoul")
AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def take(*, fail: bool = False, at: datetime = AT) -> str:
    async with database.transaction():
        number = await sequences.next_number("SR", at, SEOUL)
        if fail:
            raise ZeroDivisionError
    return number


async def test_numbers_rise_by_one_from_one(any_db):
    assert [await take(), await take()] == ["SR-2026-000001", "SR-2026-000002"]


async def test_the_year_is_that_of_the_company(any_db):
    assert await take(at=datetime(2026, 12, 31, 15, 0, tzinfo=UTC)) == "SR-2027-000001"
    assert await take(at=datetime(2026, 12, 31, 14, 59, tzinfo=UTC)) == "SR-2026-000001"


async def test_concurrent_and_failing_takers_leave_no_gap(any_db):
    takers = [take(fail=at % 3 == 0) for at in range(30)]
    taken = await asyncio.gather(*takers, return_exceptions=True)
    numbers = sorted(number for number in taken if isinstance(number, str))
    assert numbers == [f"SR-2026-{n:06d}" for n in range(1, 21)]


async def test_a_number_needs_a_transaction(db):
    with pytest.raises(RuntimeError):
        await sequences.next_number("SR", AT, SEOUL)
