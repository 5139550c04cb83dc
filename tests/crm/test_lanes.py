"""Lanes under any order of storing, claiming, dying and finishing: each message once, each lane in order."""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from crm import db as database
from crm import inbox, lanes

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
USERS = ("kim", "lee", "park")


@pytest.fixture(scope="module", autouse=True)
def template(sqlite_template: Path) -> None:
    """The machine makes its own databases: it runs many times in one test."""
    LaneMachine.template = sqlite_template


class LaneMachine(RuleBasedStateMachine):
    """Holders come, work, fail, lose their lease or vanish; the model is a list of texts a user."""

    claims = Bundle("claims")
    template: Path

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="dangol-lanes-"))
        shutil.copy(self.template, self.home / "db")
        self.runner = asyncio.Runner()
        self.run(database.connect(f"sqlite://{self.home}/db", synchronous="OFF"))
        self.now = AT
        self.holders = 0
        self.said: dict[str, list[str]] = defaultdict(list)
        self.effects: dict[int, list[str]] = defaultdict(list)
        self.conversations: dict[str, int] = {}

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @rule(user=st.sampled_from(USERS))
    def store(self, user: str) -> None:
        text = str(len(self.said[user]))
        inbound = inbox.Inbound(
            channel="web", external_user=user, external_id=f"{user} {text}", text=text, received_at=self.now
        )
        stored = self.run(inbox.store(inbound, now=self.now))
        self.said[user].append(text)
        self.conversations[user] = stored.conversation_id

    @rule(user=st.sampled_from(USERS), which=st.integers(0, 30))
    def store_again(self, user: str, which: int) -> None:
        if self.said[user]:
            text = self.said[user][which % len(self.said[user])]
            inbound = inbox.Inbound(
                channel="web",
                external_user=user,
                external_id=f"{user} {text}",
                text="?",
                received_at=self.now,
            )
            assert self.run(inbox.store(inbound, now=self.now)).duplicate

    @rule(seconds=st.sampled_from([0.5, 3, 11, 60]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=claims, limit=st.integers(1, 4))
    def claim(self, limit: int) -> list[inbox.Claim]:
        self.holders += 1
        found: list[inbox.Claim] = self.run(inbox.claim(f"holder {self.holders}", self.now, limit))
        return found

    @rule(held=claims)
    def heartbeat(self, held: list[inbox.Claim]) -> None:
        self.run(lanes.heartbeat([claim.lane for claim in held], self.now))

    @rule(held=claims, turns=st.integers(1, 3))
    def work(self, held: list[inbox.Claim], turns: int) -> None:
        """Some turns of each claim, in a fenced transaction each; a lost lane leaves no effect."""
        for claim in held:
            for turn in claim.turns[:turns]:
                try:
                    self.run(self._turn(claim, turn))
                except lanes.LaneLost:
                    claim.turns.clear()
                    break
                claim.turns.remove(turn)
                self.effects[turn.conversation_id] += [message.text for message in turn.messages]

    async def _turn(self, claim: inbox.Claim, turn: inbox.Turn) -> None:
        async with database.transaction(first=lambda: lanes.fence(claim.lane, self.now)):
            await inbox.finish(claim, [turn], self.now)

    @rule(held=claims)
    def fail(self, held: list[inbox.Claim]) -> None:
        for claim in held:
            try:
                due = self.now + lanes.backoff(claim.lane.attempts)
                self.run(lanes.release(claim.lane, due_at=due, attempts=None))
            except lanes.LaneLost:
                pass
            claim.turns.clear()

    @rule(held=claims)
    def give_back(self, held: list[inbox.Claim]) -> None:
        self.run(lanes.give_back([claim.lane for claim in held]))
        for claim in held:
            claim.turns.clear()

    @rule(held=consumes(claims))
    def vanish(self, held: list[inbox.Claim]) -> None:
        """kill -9: nothing happens, and nobody says so."""

    @invariant()
    def each_message_had_its_effect_once_and_in_order(self) -> None:
        for user, conversation in getattr(self, "conversations", {}).items():
            effects = self.effects[conversation]
            assert effects == self.said[user][: len(effects)]

    def teardown(self) -> None:
        """In the end a patient worker answers all that is left."""
        try:
            self.now += timedelta(hours=1)
            while held := self.run(inbox.claim("patient", self.now, 4)):
                self.work(held, 1000)
            for user, conversation in self.conversations.items():
                assert self.effects[conversation] == self.said[user]
            assert self.run(lanes.depth("inbox")) == (0, None)
        finally:
            self.run(database.close())
            self.runner.close()
            shutil.rmtree(self.home)


TestLanes = LaneMachine.TestCase
TestLanes.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


async def test_work_that_is_not_due_is_left_alone(any_db):
    await lanes.push("job", 1, AT + timedelta(minutes=1))
    assert await lanes.claim("job", "me", AT) == []
    assert await lanes.next_due(["job"]) == AT + timedelta(minutes=1)
    assert len(await lanes.claim("job", "me", AT + timedelta(minutes=1))) == 1


async def test_the_longest_due_is_taken_first(any_db):
    for key, minutes in ((1, 3), (2, 1), (3, 2)):
        await lanes.push("job", key, AT + timedelta(minutes=minutes))
    claimed = await lanes.claim("job", "me", AT + timedelta(hours=1), 2)
    assert [lane.key for lane in claimed] == [2, 3]


async def test_two_claimers_at_once_never_share_a_lane(any_db):
    for key in range(20):
        await lanes.push("job", key, AT)
    claimed = await asyncio.gather(
        *(database.spawn(lanes.claim("job", f"holder {at}", AT, 5)) for at in range(4))
    )
    keys = [lane.key for some in claimed for lane in some]
    assert len(keys) == len(set(keys))


async def test_a_heartbeat_that_comes_late_does_not_hold_a_freed_lane(any_db):
    await lanes.push("job", 1, AT)
    for free in (lambda lane: lanes.release(lane, due_at=AT), lambda lane: lanes.give_back([lane])):
        (lane,) = await lanes.claim("job", "me", AT)
        await free(lane)
        assert await lanes.heartbeat([lane], AT) == [lane]
    assert len(await lanes.claim("job", "you", AT)) == 1


async def test_depth_tells_how_many_wait_and_since_when(any_db):
    assert await lanes.depth("job") == (0, None)
    await lanes.push("job", 1, AT)
    await lanes.push("job", 2, AT + timedelta(minutes=1))
    assert await lanes.depth("job") == (2, AT)


def test_pauses_double_up_to_a_minute():
    assert [lanes.backoff(n).total_seconds() for n in (1, 2, 3, 20)] == [0.25, 0.5, 1.0, 60.0]
