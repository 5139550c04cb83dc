"""A short storm: workers, sender and front are killed with kill -9, and every promise is kept."""

from pathlib import Path

import pytest

from benchmarks import durability


@pytest.fixture(params=["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest) -> tuple[str, int]:
    """A database of each kind, not connected, and how many workers it gets."""
    return request.getfixturevalue(request.param), 1 if request.param == "sqlite_url" else 2


async def test_nothing_is_lost_doubled_or_out_of_order_under_kill_9(place: tuple[str, int], tmp_path: Path):
    url, workers = place
    outcome = await durability.endure(
        url, tmp_path, messages=240, users=12, kills=6, stops=0, workers=workers, limit=300
    )
    assert outcome.faults == []
    assert outcome.clean, outcome


@pytest.mark.full
async def test_the_same_holds_in_a_long_storm(place: tuple[str, int], tmp_path: Path):
    url, workers = place
    outcome = await durability.endure(
        url, tmp_path, messages=20_000, users=50, kills=100, stops=10, workers=workers, limit=1200
    )
    assert outcome.faults == []
    assert outcome.clean, outcome
