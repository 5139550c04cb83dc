"""What changes something is done only when it was surely meant; what only answers may be offered."""

from pathlib import Path

import pytest
import yaml

from nlu.parsing import FALLBACK, Question, heard

DOMAIN = Path(__file__).parents[2] / "nlu/domain/intents.yml"
CHANGES = (
    "request_service", "amend_request", "cancel_request", "reopen_request", "rate_service",
    "request_callback", "accept_quote", "decline_quote", "place_order", "amend_order", "cancel_order",
    "return_or_refund", "book_visit", "reschedule_visit", "cancel_visit", "renew_contract",
    "terminate_contract", "relocate_service", "update_contact", "opt_in", "opt_out", "privacy_request",
    "join_event",
)  # fmt: skip


def parsed(intent: str, band: str, *others: str) -> dict[str, object]:
    names = [intent, *others]
    ranking = [{"name": name, "confidence": 0.9 / (place + 1)} for place, name in enumerate(names)]
    return {"text": "…", "intent": ranking[0], "intent_ranking": ranking, "entities": [], "band": band}


def believed(intent: str, band: str, *others: str, asked: Question | None = None) -> str:
    return str(heard(parsed(intent, band, *others), "customer", asked)["intent"]["name"])


def test_every_intent_named_here_is_one() -> None:
    known = yaml.safe_load(DOMAIN.read_text(encoding="utf-8"))["intents"]
    names = {name if isinstance(name, str) else next(iter(name)) for name in known}
    assert set(CHANGES) <= names


@pytest.mark.parametrize("intent", CHANGES)
def test_what_changes_something_is_believed_only_in_the_top_band(intent: str) -> None:
    assert believed(intent, "act") == intent
    assert believed(intent, "ask", "help") == FALLBACK
    assert believed(intent, "handover", "help") == FALLBACK


@pytest.mark.parametrize("intent", CHANGES)
def test_an_open_question_of_yes_or_no_lets_no_unsure_change_through(intent: str) -> None:
    question = Question("confirm", frozenset({"affirm", "deny"}))
    assert believed(intent, "ask", "help", asked=question) == FALLBACK
    assert believed("affirm", "ask", "help", asked=question) == "affirm"


def test_a_yes_that_may_as_well_be_a_no_is_none() -> None:
    question = Question("confirm", frozenset({"affirm", "deny"}))
    assert believed("affirm", "ask", "deny", asked=question) == FALLBACK
    assert believed("affirm", "handover", "help", asked=question) == FALLBACK
