"""The worker's loop: every message answered once and in order, whatever fails."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from bots.worker import Worker
from crm import db as database
from crm import inbox, lanes
from crm.models import Inbox, Label
from tests.bots.logged import logged

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Recorder:
    """A handler whose effect is a row, named by the text and the number of answers so far."""

    def __init__(self, before_commit: Callable[[inbox.Turn], Any] = lambda turn: None) -> None:
        self.before_commit = before_commit

    async def prepare(self, turn: inbox.Turn) -> inbox.Turn:
        return turn

    async def commit(self, turn: inbox.Turn) -> None:
        count = await Label.all().count()
        await Label.create(name=f"{count}: {turn.text}")
        result = self.before_commit(turn)
        if asyncio.iscoroutine(result):
            await result


async def say(*texts: str, user: str = "kim") -> None:
    for text in texts:
        await inbox.store(
            inbox.Inbound(channel="web", external_user=user, external_id=None, text=text, received_at=AT),
            now=AT,
        )


async def answers() -> list[str]:
    return sorted([row["name"] for row in await database.fetch("SELECT name FROM label")])


def fail(error: Exception) -> Callable[[inbox.Turn], None]:
    def raises(turn: inbox.Turn) -> None:
        raise error

    return raises


async def test_messages_of_a_conversation_are_answered_once_in_order(any_db):
    await say("하나", "둘", "셋")
    worker = Worker(Recorder(), now=Clock())
    await worker.drain()
    await worker.drain()
    assert await answers() == ["0: 하나", "1: 둘", "2: 셋"]
    assert await Inbox.filter(state="done").count() == 3


async def test_a_failed_turn_leaves_no_effect_and_is_repeated_after_a_pause(any_db):
    await say("하나", "둘")
    clock = Clock()
    await Worker(Recorder(fail(ValueError("no"))), now=clock).drain()
    assert await answers() == []
    worker = Worker(Recorder(), now=clock)
    assert await worker.drain() == 0
    clock.forward(1)
    await worker.drain()
    assert await answers() == ["0: 하나", "1: 둘"]


async def test_a_poison_message_is_parked_with_an_apology_and_the_next_is_answered(any_db):
    await say("독", "둘")
    clock = Clock()
    apologised = []

    async def apologise(turn: inbox.Turn) -> None:
        apologised.append(turn.text)
        await Label.create(name="사과")

    def poison(turn: inbox.Turn) -> None:
        if turn.text == "독":
            raise ValueError

    worker = Worker(Recorder(poison), on_parked=apologise, now=clock)
    for _ in range(lanes.MAX_ATTEMPTS + 1):
        await worker.drain()
        clock.forward(60)
    assert apologised == ["독"]
    assert await answers() == ["1: 둘", "사과"]
    assert [row["error"] for row in await inbox.parked()] == [""]
    assert (worker.parked, worker.failures) == (1, lanes.MAX_ATTEMPTS)


async def test_a_failing_apology_does_not_hold_the_conversation_up(any_db):
    await say("독")
    clock = Clock()

    async def broken(turn: inbox.Turn) -> None:
        raise ValueError

    worker = Worker(Recorder(fail(ValueError())), on_parked=broken, now=clock)
    for _ in range(lanes.MAX_ATTEMPTS + 1):
        await worker.drain()
        clock.forward(60)
    assert len(await inbox.parked()) == 1


async def test_a_worker_that_lost_its_lane_leaves_no_effect(any_db):
    await say("하나")
    clock = Clock()
    slow = Worker(Recorder(), now=clock)
    (claim,) = await inbox.claim(slow.holder, clock())
    clock.forward(lanes.LEASE_SECONDS + 1)
    await Worker(Recorder(), now=clock).drain()
    await slow._work(claim)
    assert await answers() == ["0: 하나"]


async def test_a_turn_whose_handler_swallows_the_lost_lane_leaves_no_effect(any_db):
    await say("하나")
    clock = Clock()

    class Swallower(Recorder):
        async def commit(self, turn: inbox.Turn) -> None:
            try:
                await database.fetch("SELECT 1 AS one")
            except lanes.LaneLost:
                await Label.create(name="sneaked in")

    slow = Worker(Swallower(), now=clock)
    (claim,) = await inbox.claim(slow.holder, clock())
    clock.forward(lanes.LEASE_SECONDS + 1)
    await Worker(Recorder(), now=clock).drain()
    await slow._work(claim)
    assert await answers() == ["0: 하나"]


async def test_a_heartbeat_keeps_the_lane(any_db):
    await say("하나")
    clock = Clock()
    (claim,) = await inbox.claim("me", clock())
    clock.forward(lanes.LEASE_SECONDS - 1)
    assert await lanes.heartbeat([claim.lane], clock()) == []
    clock.forward(lanes.LEASE_SECONDS - 1)
    assert await inbox.claim("you", clock()) == []
    clock.forward(2)
    assert len(await inbox.claim("you", clock())) == 1
    assert await lanes.heartbeat([claim.lane], clock()) == [claim.lane]


async def test_messages_that_failed_before_are_claimed_alone(any_db):
    for user in "abc":
        await say("글", user=user)
    clock = Clock()
    crashed = await inbox.claim("crashed", clock())
    assert len(crashed) == 3
    clock.forward(lanes.LEASE_SECONDS + 1)
    (first,) = await inbox.claim("next", clock())
    assert first.lane.attempts == 2
    (second,) = await inbox.claim("next", clock())
    assert second.lane.attempts == 2


async def test_a_running_worker_answers_what_comes_and_stops_when_asked(any_db):
    worker = Worker(Recorder())
    task = database.spawn(worker.run())
    await say("하나", "둘")
    for _ in range(500):
        if len(await answers()) == 2:
            break
        await asyncio.sleep(0.01)
    worker.stop()
    await asyncio.wait_for(task, 5)
    assert await answers() == ["0: 하나", "1: 둘"]
    assert worker.turns == 2


async def test_turns_share_a_transaction_only_while_they_are_short(any_db):
    for user in "abcdef":
        await say("하나", user=user)
    seen = []

    class Looking(Recorder):
        async def prepare(self, turn):
            seen.append(("prepare", turn.text))
            return await super().prepare(turn)

        async def commit(self, turn):
            seen.append(("commit", turn.text))
            await super().commit(turn)

    worker = Worker(Looking(), group=3, turn_seconds=60, now=Clock())
    await worker.drain()
    assert [what for what, _ in seen] == ["prepare", "commit"] * 6
    seen.clear()
    for user in "abcdef":
        await say("둘", user=user)
    worker = Worker(Looking(), group=3, turn_seconds=0, now=Clock())
    await worker.drain()
    assert [what for what, _ in seen[:6]] == ["prepare"] * 3 + ["commit"] * 3
    assert worker.turns == 6


async def test_one_long_turn_ends_the_sharing(any_db):
    seen = []

    class Slow(Recorder):
        async def prepare(self, turn):
            seen.append("prepare")
            return await super().prepare(turn)

        async def commit(self, turn):
            seen.append("commit")
            await asyncio.sleep(0.02)
            await super().commit(turn)

    for user in "abcdef":
        await say("하나", user=user)
    await Worker(Slow(), group=3, turn_seconds=0, now=Clock()).drain()
    assert seen == ["prepare"] * 3 + ["commit"] * 3 + ["prepare", "commit"] * 3


async def test_waiting_for_the_write_lock_does_not_count_as_a_turns_time(any_db):
    for user in "abcdef":
        await say("하나", user=user)
    seconds, holding, let_go = [0.0], asyncio.Event(), asyncio.Event()

    async def hold_every_lane() -> None:
        async with database.transaction():
            await database.execute("UPDATE lane SET attempts = attempts")
            holding.set()
            await let_go.wait()
            seconds[0] += 60

    class Held(Recorder):
        """While the first group was prepared, another process began to write."""

        holder: asyncio.Task[None] | None = None
        steps: list[str] = []

        async def prepare(self, turn):
            self.steps.append("prepare")
            if len(self.steps) == 2:
                self.holder = database.spawn(hold_every_lane())
                await holding.wait()
                asyncio.get_running_loop().call_later(0.05, let_go.set)
            return await super().prepare(turn)

        async def commit(self, turn):
            self.steps.append("commit")
            assert seconds[0] == 60, "the lock was not waited for"
            await super().commit(turn)

    handler = Held()
    worker = Worker(handler, group=2, turn_seconds=0, now=Clock(), clock=lambda: seconds[0])
    await asyncio.wait_for(worker.drain(), 30)
    assert handler.steps == ["prepare", "prepare", "commit", "commit"] * 3


@pytest.mark.parametrize("group", [1, 3])
async def test_each_line_of_a_turn_carries_its_inbox_id_also_of_turns_that_share(any_db, group):
    for user in "abc":
        await say(f"글 {user}", user=user)
    ids = {row["text"]: row["inbox_id"] for row in await database.fetch("SELECT text, inbox_id FROM message")}

    class Telling(Recorder):
        async def prepare(self, turn):
            structlog.get_logger().info("reading", of=turn.text)
            return await super().prepare(turn)

        async def commit(self, turn):
            await super().commit(turn)
            structlog.get_logger().info("answering", of=turn.text)

    with logged() as lines:
        await Worker(Telling(), group=group, turn_seconds=0, now=Clock()).drain()
    told = [(line["event"], line["inbox_id"]) for line in lines]
    for event in ("reading", "answering", "turn.done"):
        assert sorted(told.count((event, id)) for id in ids.values()) == [1, 1, 1]
    assert all(line["inbox_id"] == ids[line["of"]] for line in lines if "of" in line)


async def test_a_failed_and_a_parked_turn_are_named_by_their_inbox_id(any_db):
    await say("독")
    (row,) = await Inbox.all()
    clock = Clock()
    worker = Worker(Recorder(fail(ValueError("주민등록번호 900101"))), now=clock)
    with logged() as lines:
        for _ in range(lanes.MAX_ATTEMPTS + 1):
            await worker.drain()
            clock.forward(60)
    events = ["turn.failed"] * lanes.MAX_ATTEMPTS + ["turn.parked"]
    assert [(line["event"], line["inbox_id"]) for line in lines] == [(event, row.id) for event in events]
    assert "900101" not in str(lines)


async def test_a_front_can_wait_until_all_is_said(any_db):
    await say("하나")
    (row,) = await Inbox.all()
    assert not await inbox.wait_done(row.id, 0.01)
    waiting = database.spawn(inbox.wait_done(row.id, 5))
    await Worker(Recorder()).drain()
    assert await waiting


@pytest.mark.parametrize("kind", ["worker", "sender"])
async def test_lanes_of_a_dead_process_are_free_at_once(any_db, kind):
    from crm import processes

    await say("하나")
    name = processes.holder(kind)
    machine, pid, _, rest = name.rsplit("/", 3)
    dead = f"{machine}/{pid}/1/{rest}"  # this number, but a process that started at another time
    assert processes.is_dead(dead)
    assert not processes.is_dead(name)
    assert not processes.is_dead(f"elsewhere/12345678/1/{pid}/1/{rest}")
    await inbox.claim(dead, AT)
    assert await inbox.claim(name, AT) == []
    assert await lanes.take_back() == 1
    assert len(await inbox.claim(name, AT)) == 1


async def test_conversations_may_share_a_transaction(any_db):
    for user in "abc":
        await say("하나", "둘", user=user)
    worker = Worker(Recorder(), group=3, turn_seconds=0, now=Clock())
    await worker.drain()
    assert [answer.split(": ")[1] for answer in await answers()] == ["하나"] * 3 + ["둘"] * 3
    assert await lanes.depth("inbox") == (0, None)


async def test_a_poison_message_does_not_harm_those_it_shares_a_transaction_with(any_db):
    for user in "abc":
        await say(f"글 {user}", user=user)

    def poison(turn: inbox.Turn) -> None:
        if turn.text == "글 b":
            raise ValueError

    with logged() as lines:
        await Worker(Recorder(poison), group=3, turn_seconds=0, now=Clock()).drain()
    assert await answers() == ["0: 글 a", "1: 글 c"]
    ids = sorted([row.id for row in await Inbox.all()])
    assert [sorted(line["inbox_ids"]) for line in lines if line["event"] == "turns.separated"] == [ids]
