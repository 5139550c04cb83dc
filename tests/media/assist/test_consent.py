"""What the customer has allowed, and what the log proves of it."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.assist.chain import Chain, Entry, first_fault
from media.assist.consent import ANSWER_WITHIN, MOST_REFUSALS, Consent, Refusal, What

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def granted(*whats: What) -> Consent:
    consent = Consent()
    for what in whats:
        question = consent.ask(what, NOW)
        assert question
        consent.answer(question.number, True, NOW)
    return consent


def test_nothing_is_allowed_before_the_customer_says_so() -> None:
    consent = Consent()
    consent.ask(What.VIEW, NOW)
    assert not any(consent.allows(what) for what in What)


@pytest.mark.parametrize("what", [What.CONTROL, What.CLIPBOARD, What.FILE])
def test_whatever_else_is_asked_viewing_comes_first(what: What) -> None:
    with pytest.raises(Refusal, match="view_first"):
        Consent().ask(what, NOW)


def test_control_is_asked_for_after_viewing_was_allowed() -> None:
    consent = granted(What.VIEW)
    assert not consent.allows(What.CONTROL)
    question = consent.ask(What.CONTROL, NOW)
    assert question
    assert consent.answer(question.number, False, NOW)
    assert consent.allows(What.VIEW)
    assert not consent.allows(What.CONTROL)


def test_one_question_at_a_time() -> None:
    consent = granted(What.VIEW)
    consent.ask(What.CONTROL, NOW)
    with pytest.raises(Refusal, match="busy"):
        consent.ask(What.CLIPBOARD, NOW)


def test_a_question_nobody_answers_is_refused_after_a_minute() -> None:
    consent = Consent()
    question = consent.ask(What.VIEW, NOW)
    assert question
    assert consent.expire(NOW + ANSWER_WITHIN - timedelta(seconds=1)) is None
    assert consent.answer(question.number, True, NOW + ANSWER_WITHIN) is None
    assert not consent.allows(What.VIEW)


def test_who_is_refused_three_times_must_talk_not_ask() -> None:
    consent = Consent()
    for _ in range(MOST_REFUSALS):
        question = consent.ask(What.VIEW, NOW)
        assert question
        consent.answer(question.number, False, NOW)
    with pytest.raises(Refusal, match="enough"):
        consent.ask(What.VIEW, NOW + timedelta(minutes=9))
    assert consent.ask(What.VIEW, NOW + timedelta(minutes=11))


def test_an_answer_to_an_older_question_changes_nothing() -> None:
    consent = Consent()
    old = consent.ask(What.VIEW, NOW)
    assert old
    consent.stop()
    new = consent.ask(What.VIEW, NOW)
    assert new
    assert consent.answer(old.number, True, NOW) is None
    assert not consent.allows(What.VIEW)


def test_taking_back_viewing_takes_everything_back() -> None:
    consent = granted(What.VIEW, What.CONTROL, What.CLIPBOARD)
    consent.revoke(What.VIEW)
    assert not consent.shares


def test_a_file_is_allowed_one_by_one() -> None:
    consent = granted(What.VIEW)
    for _ in range(2):
        question = consent.ask(What.FILE, NOW, "설명서.pdf")
        assert question
        consent.answer(question.number, True, NOW)


_STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "yes", "no", "stop", "revoke"]), st.sampled_from(list(What))),
    max_size=40,
)


@given(_STEPS)
def test_nothing_is_ever_allowed_without_viewing_or_without_a_yes(steps: list[tuple[str, What]]) -> None:
    consent, said = Consent(), set[What]()
    for number, (step, what) in enumerate(steps):
        now = NOW + timedelta(seconds=number)
        match step:
            case "ask":
                with contextlib.suppress(Refusal):
                    consent.ask(what, now)
            case "yes" if consent.pending:
                said.add(consent.pending.what)
                consent.answer(consent.pending.number, True, now)
            case "no" if consent.pending:
                consent.answer(consent.pending.number, False, now)
            case "stop":
                consent.stop()
                said.clear()
            case "revoke":
                consent.revoke(what)
        allowed = {w for w in What if consent.allows(w)}
        assert allowed <= said
        assert not allowed or What.VIEW in allowed


def entries() -> list[Entry]:
    chain = Chain()
    acts: list[tuple[str, dict[str, Any]]] = [
        ("asked", {"what": "view"}), ("granted", {"what": "view"}), ("pressed", {"x": 0.5, "y": 0.25}),
        ("stopped", {}),
    ]  # fmt: skip
    return [chain.append(act, data, NOW + timedelta(seconds=n)) for n, (act, data) in enumerate(acts)]


def test_a_whole_log_has_no_fault() -> None:
    assert first_fault(entries()) is None


def test_a_changed_a_missing_and_a_moved_entry_are_found() -> None:
    log = entries()
    forged = Entry(2, log[1].at, "refused", log[1].data, log[1].digest)
    assert first_fault([log[0], forged, *log[2:]]) == 2
    assert first_fault([log[0], *log[2:]]) == 2
    assert first_fault([log[1], log[0], *log[2:]]) == 1


def test_an_entry_needs_an_aware_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        Chain().append("asked", {}, datetime(2026, 11, 28))
