"""Who speaks, as a state machine: whatever people, the bot and time do in any order, the rules hold."""

import asyncio
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crm import conversations, db, identities, vault
from crm.actor import Actor
from crm.errors import Conflict
from crm.models import Conversation, Message, Staff

PEOPLE = st.sampled_from([0, 1])
RETURN = timedelta(minutes=720)


class Talk(RuleBasedStateMachine):
    """One conversation, two staff members, a bot and a clock, against a model of five values."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        vault.use(b"a secret of the installation")
        self.folder = tempfile.mkdtemp()
        path = Path(self.folder) / "dangol.db"
        shutil.copy(self.template, path)
        self.loop = asyncio.Runner()
        self.now = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
        self.loop.run(self.start(f"sqlite://{path}"))
        self.owner, self.status, self.waiting = "bot", "open", False
        self.holder: int | None = None
        self.quiet_since = self.now
        self.snoozed_until: datetime | None = None
        self.bot_said: list[str] = []
        self.last_reply: dict[int, int] = {}  # staff -> seq of their last reply

    async def start(self, url: str) -> None:
        await db.connect(url, synchronous="OFF")
        people = [
            await Staff.create(login=name, name=name, role="agent", created_at=self.now) for name in "ab"
        ]
        self.people = [Actor("staff", row.id, "agent", row.name) for row in people]
        identity = await identities.find_or_create("web", "", "s1", now=self.now)
        self.id = (await conversations.reach(identity, now=self.now)).id

    def teardown(self) -> None:
        self.loop.run(db.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def row(self) -> Conversation:
        return self.loop.run(self._row())

    async def _row(self) -> Conversation:
        return await Conversation.get(id=self.id)

    def own(self, holder: int | None) -> None:
        """The model of a conversation that becomes, or stays, a person's."""
        self.owner, self.status, self.holder = "staff", "open", holder
        self.waiting = self.waiting or holder is None
        self.quiet_since = self.now

    def release(self) -> None:
        self.owner, self.holder, self.waiting = "bot", None, False

    @rule()
    def the_customer_writes(self) -> None:
        self.loop.run(
            conversations.append(self.id, direction="in", author="contact", text="저기요", now=self.now)
        )
        self.status = "open"
        self.waiting = self.owner == "staff"

    @rule(purpose=st.sampled_from(["reply", "ad", *conversations.EXCEPTIONS]))
    def the_bot_wants_to_speak(self, purpose: str) -> None:
        may = self.loop.run(conversations.may_send(self.id, author="bot", purpose=purpose))
        assert may == (self.owner == "bot" or purpose in ("info", "opt_out", "duty"))
        assert conversations.may_bot_speak(self.row(), purpose) == may
        if may:
            self.loop.run(
                conversations.append(
                    self.id, direction="out", author="bot", text="네", purpose=purpose, now=self.now
                )
            )

    @rule()
    def the_bot_hands_over(self) -> None:
        self.loop.run(conversations.hand_over(self.id, reason="asked", now=self.now))
        holder = self.holder if self.owner == "staff" else None
        if self.owner == "bot" or not self.waiting:
            self.waiting = True
            self.own(holder)

    @rule(who=PEOPLE)
    def a_person_takes_over(self, who: int) -> None:
        self.loop.run(conversations.take_over(self.people[who], self.id, self.now))
        if self.owner == "bot" or self.holder != who:
            self.own(who)

    @rule(who=PEOPLE)
    def a_person_hands_back(self, who: int) -> None:
        self.loop.run(conversations.hand_back(self.people[who], self.id, self.now))
        if self.owner == "staff":
            self.release()

    @rule(who=PEOPLE, to=st.sampled_from([None, 0, 1]))
    def a_person_assigns(self, who: int, to: int | None) -> None:
        staff_id = None if to is None else self.people[to].id
        act = conversations.assign(self.people[who], self.id, staff_id, None, self.now)
        if self.status == "closed":
            with pytest.raises(Conflict):
                self.loop.run(act)
        else:
            self.loop.run(act)
            self.own(to)

    @rule(who=PEOPLE)
    def a_person_notes(self, who: int) -> None:
        before = self.row()
        self.loop.run(conversations.note(self.people[who], self.id, "메모 @a @b", now=self.now))
        after = self.row()
        assert after.message_seq == before.message_seq + 1
        assert (after.last_message_at, after.waiting_since) == (before.last_message_at, before.waiting_since)

    @rule(who=PEOPLE, seen=st.integers(0, 12))
    def a_person_replies(self, who: int, seen: int) -> None:
        act = conversations.reply(self.people[who], self.id, "답장", expected_seq=seen, now=self.now)
        if self.last_reply.get(1 - who, 0) > seen:
            with pytest.raises(Conflict):
                self.loop.run(act)
            return
        message = self.loop.run(act)
        self.last_reply[who] = message.seq
        if self.owner == "bot" or self.holder is None:
            self.own(who)
        self.waiting, self.quiet_since = False, self.now

    @rule(who=PEOPLE, hours=st.integers(1, 48))
    def a_person_snoozes(self, who: int, hours: int) -> None:
        until = self.now + timedelta(hours=hours)
        act = conversations.snooze(self.people[who], self.id, until, self.now)
        if self.status == "closed":
            with pytest.raises(Conflict):
                self.loop.run(act)
        else:
            self.loop.run(act)
            self.status, self.snoozed_until = "snoozed", until

    @rule(who=PEOPLE)
    def a_person_closes(self, who: int) -> None:
        self.loop.run(conversations.close(self.people[who], self.id, self.now))
        if self.status != "closed":
            self.release()
            self.status = "closed"

    @rule(who=PEOPLE)
    def a_person_reopens(self, who: int) -> None:
        self.loop.run(conversations.reopen(self.people[who], self.id, self.now))
        if self.status != "open":
            self.status, self.quiet_since = "open", self.now

    @rule(by_staff=st.booleans())
    def the_request_closes(self, by_staff: bool) -> None:
        went = self.loop.run(conversations.request_closed(self.id, by_staff=by_staff, now=self.now))
        assert went == (self.owner == "staff" and (by_staff or not self.waiting))
        if went:
            self.release()

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def the_clock_ticks(self) -> None:
        woken = self.loop.run(conversations.wake_snoozed(self.now))
        due = self.status == "snoozed" and self.snoozed_until is not None and self.snoozed_until <= self.now
        assert woken == due
        if due:
            self.status, self.quiet_since = "open", self.now
        returned = self.loop.run(conversations.return_idle(self.now))
        quiet = self.owner == "staff" and self.status == "open" and not self.waiting
        assert returned == (quiet and self.now >= self.quiet_since + RETURN)
        if returned:
            self.release()

    @precondition(lambda self: self.owner == "staff" and self.waiting)
    @rule()
    def a_month_of_silence_never_drops_who_waits(self) -> None:
        assert self.loop.run(conversations.return_idle(self.now + timedelta(days=30))) == 0

    @invariant()
    def the_row_says_what_happened(self) -> None:
        row = self.row()
        assert (row.owner, row.status) == (self.owner, self.status)
        assert row.assignee_id == (None if self.holder is None else self.people[self.holder].id)
        assert (row.waiting_since is not None) == self.waiting
        assert (row.reply_due_at is not None) == self.waiting
        runs_out = self.owner == "staff" and self.status == "open" and not self.waiting
        assert row.returns_at == (self.quiet_since + RETURN if runs_out else None)
        assert (row.snoozed_until is not None) == (self.status == "snoozed")
        assert self.status != "closed" or self.owner == "bot"

    @invariant()
    def numbers_have_no_gap(self) -> None:
        seqs = self.loop.run(self._seqs())
        assert seqs == list(range(1, len(seqs) + 1))
        assert self.row().message_seq == len(seqs)

    async def _seqs(self) -> list[int]:
        return await Message.filter(conversation_id=self.id).order_by("seq").values_list("seq", flat=True)


def run(template: Path, examples: int) -> None:
    machine = type("Talked", (Talk,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def template(sqlite_template: Path) -> Path:
    return sqlite_template


def test_the_rules_of_who_speaks_hold_whatever_happens(template):
    run(template, 40)


@pytest.mark.full
def test_the_rules_of_who_speaks_hold_for_long(template):
    run(template, 600)
