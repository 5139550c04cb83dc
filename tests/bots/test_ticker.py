"""The ticker looks at due rows again and again, and outlives a tick that fails."""

import asyncio
from datetime import UTC, datetime

from bots.ticker import Tick, Ticker

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


async def test_a_tick_runs_again_and_again_until_stopped():
    ran = asyncio.Semaphore(0)

    async def run(now: datetime) -> None:
        ran.release()

    ticker = Ticker([Tick("look", 0.01, run)])
    ticker.start()
    async with asyncio.timeout(5):
        for _ in range(3):
            await ran.acquire()
    ticker.stop()


async def test_a_failing_tick_does_not_stop_the_others():
    seen = []

    async def broken(now: datetime) -> None:
        raise ValueError

    async def fine(now: datetime) -> None:
        seen.append(now)

    ticker = Ticker([Tick("broken", 60, broken), Tick("fine", 60, fine)], now=lambda: AT)
    await ticker.once()
    await ticker.once()
    assert seen == [AT, AT]
    assert ticker.failures == 2
