"""Numbers without gaps, whoever takes them at once and whatever fails."""

import asyncio
import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import db as database
from crm import sequences

SEOUL = ZoneInfo("Asia/Seoul")
AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def take(*, fail: bool = False, at: datetime = AT, prefix: str = "SR") -> str:
    async with database.transaction():
        number = await sequences.next_number(prefix, at, SEOUL)
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


SERIES = itertools.count()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failing=st.lists(st.booleans(), max_size=12))
async def test_whoever_fails_the_numbers_given_have_no_gap(any_db, failing):
    prefix = f"X{next(SERIES)}"
    taken = await asyncio.gather(*(take(fail=one, prefix=prefix) for one in failing), return_exceptions=True)
    numbers = sorted(one for one in taken if isinstance(one, str))
    assert numbers == [f"{prefix}-2026-{n:06d}" for n in range(1, failing.count(False) + 1)]


async def test_a_number_needs_a_transaction(db):
    with pytest.raises(RuntimeError):
        await sequences.next_number("SR", AT, SEOUL)
