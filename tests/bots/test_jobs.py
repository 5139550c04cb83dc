"""Jobs: slow work in subprocesses, once for each key, a bounded number of times."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bots.jobs import JobKind, JobRunner
from crm import jobs
from crm.models import Label

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def double(payload: dict[str, Any]) -> dict[str, Any]:
    return {"number": payload["number"] * 2, "pid": os.getpid()}


def fail(payload: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(payload)


def die(payload: dict[str, Any]) -> dict[str, Any]:
    os._exit(9)


def hang(payload: dict[str, Any]) -> dict[str, Any]:
    time.sleep(60)
    return {}


async def write(payload: dict[str, Any], result: dict[str, Any], now: datetime) -> None:
    await Label.create(name=f"{payload['number']} {result['number']}")


@pytest.fixture
def runner():
    made = JobRunner(
        [
            JobKind("double", double),
            JobKind("write", double, apply=write),
            JobKind("fail", fail),
            JobKind("die", die),
            JobKind("hang", hang, timeout_seconds=0.2),
        ],
        now=Clock(),
    )
    yield made
    made.close()


async def state(number: int) -> dict[str, Any]:
    found = await jobs.state(number)
    assert found is not None
    return found


async def test_a_job_is_done_in_another_process_and_its_result_kept(any_db, runner):
    number = await jobs.enqueue("double", {"number": 21}, key="a", now=AT)
    await runner.drain()
    found = await state(number)
    assert (found["state"], found["result"]["number"]) == ("done", 42)
    assert found["result"]["pid"] != os.getpid()


async def test_the_same_key_is_done_once(any_db, runner):
    first = await jobs.enqueue("write", {"number": 1}, key="a", now=AT)
    assert await jobs.enqueue("write", {"number": 1}, key="a", now=AT) == first
    await runner.drain()
    assert await jobs.enqueue("write", {"number": 1}, key="a", now=AT) == first
    await runner.drain()
    assert [label.name for label in await Label.all()] == ["1 2"]


async def test_a_job_waits_for_its_time(db, runner):
    await jobs.enqueue("double", {"number": 1}, key="a", not_before=AT + timedelta(hours=1), now=AT)
    assert await runner.drain() == 0
    runner._now.forward(3600)
    assert await runner.drain() == 1


@pytest.mark.parametrize(("kind", "error"), [("fail", "builtins.ValueError"), ("unknown", "unknown_kind")])
async def test_a_job_that_fails_is_tried_a_bounded_number_of_times_and_stays_visible(
    any_db, runner, kind, error
):
    number = await jobs.enqueue(kind, {}, key="a", now=AT)
    for _ in range(jobs.MAX_ATTEMPTS + 2):
        await runner.drain()
        runner._now.forward(600)
    assert (await state(number))["state"] == "dead"
    assert [job["error"] for job in await jobs.dead()] == [error]
    assert await jobs.retry(number, runner._now())
    assert not await jobs.retry(number, runner._now())


@pytest.mark.parametrize("kind", ["die", "hang"])
async def test_a_job_that_kills_or_holds_its_process_does_not_harm_the_next(db, runner, kind):
    bad = await jobs.enqueue(kind, {}, key="bad", now=AT)
    await runner.drain()
    assert (await state(bad))["attempts"] == 1
    good = await jobs.enqueue("double", {"number": 1}, key="good", now=runner._now())
    await runner.drain()
    assert (await state(good))["state"] == "done"
