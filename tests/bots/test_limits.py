"""Limits of providers: kept within any second, lost to nobody's lateness, shared by the fronts that live."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from bots.limits import Limiter, Rate

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
RATES = {"telegram": Rate(per_second=29, burst=1.3, recipient_per_second=1, recipient_burst=3)}


def sends(
    limiter: Limiter, seconds: float, *, late: float, seed: int = 1, offset: float = 0.0
) -> list[float]:
    """When messages to ever new recipients leave, by a sender that wakes up to `late` seconds too late."""
    chance, at, sent = random.Random(seed), offset, []
    while at < seconds:
        now = AT + timedelta(seconds=at)
        wait = limiter.take("telegram", "", len(sent) + 1, now)
        if wait:
            at += wait + 0.0005 + chance.random() * late
        else:
            sent.append(at)
    return sent


def busiest(sent: list[float], span: float = 0.999) -> int:
    return max(sum(1 for other in sent if at <= other < at + span) for at in sent)


@pytest.mark.parametrize("late", [0.0, 0.01])
def test_no_second_has_more_than_allowed_and_a_little_lateness_loses_nothing(late: float) -> None:
    sent = sends(Limiter(RATES), 20.0, late=late)
    assert busiest(sent) <= 30
    assert len(sent) >= 20 * 27


@pytest.mark.parametrize("fronts", [1, 2, 3, 7])
def test_fronts_together_keep_the_limit(fronts: int) -> None:
    sent: list[float] = []
    for number in range(fronts):
        limiter = Limiter(RATES)
        limiter.shared_by(fronts)
        sent += sends(limiter, 5.0, late=0.01, seed=number, offset=number * 0.13)
    assert busiest(sorted(sent)) <= 30 + fronts  # the first message of each comes at once
    assert len(sent) >= 5 * 20


def test_one_recipient_is_slowed_alone() -> None:
    limiter = Limiter({"telegram": Rate(29, burst=9, recipient_per_second=1, recipient_burst=3)})
    waits = [limiter.take("telegram", "", 7, AT) for _ in range(4)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3] > 0.9
    assert limiter.take("telegram", "", 8, AT) == 0.0


def sliding(limiter: Limiter, *, travels: float, late: float, seconds: float = 20.0) -> list[float]:
    """When the provider saw each request, anywhere between its start and its answer."""
    chance, at, seen = random.Random(2), 0.0, []
    under_way: list[float] = []
    while at < seconds:
        now = AT + timedelta(seconds=at)
        for end in [end for end in under_way if end <= at]:
            under_way.remove(end)
            limiter.answered("telegram", "", AT + timedelta(seconds=end))
        if wait := limiter.take("telegram", "", len(seen) + 1, now):
            at += wait + 0.0005 + chance.random() * late
        else:
            took = chance.random() * travels
            seen.append(at + chance.random() * took)
            under_way.append(at + took)
            under_way.sort()
            at += 0.0001
    return sorted(seen)


@pytest.mark.parametrize(("travels", "late"), [(0.02, 0.0), (0.2, 0.05), (0.9, 0.3)])
def test_the_window_holds_however_long_requests_travel_and_however_late_we_wake(
    travels: float, late: float
) -> None:
    seen = sliding(Limiter(), travels=travels, late=late)
    assert busiest(seen) <= 30


def test_a_sender_that_wakes_late_still_uses_the_allowance() -> None:
    seen = sliding(Limiter(), travels=0.01, late=0.08)
    assert len(seen) >= 20 * 28.5  # 95 % of 30


def test_who_would_wait_long_comes_back_at_the_accounts_pace() -> None:
    limiter = Limiter()
    waits = [limiter.postpone("telegram", "", AT, 0.5) for _ in range(3000)]
    assert waits[0] == pytest.approx(0.5 + 1 / 30)
    assert waits[-1] == pytest.approx(100.5, abs=0.01)
