"""The evaluation says how well the assistant understands what it had not seen."""

import json
from pathlib import Path

from nlu.evaluate import Evaluation, Outcome, evaluate
from tests.nlu.small import project


def outcome(intent: str, guess: str, band: str = "act") -> Outcome:
    return Outcome("…", intent, guess, 0.9, band, 1.0)


def test_figures_of_a_few_outcomes() -> None:
    found = [
        outcome("a", "a"),
        outcome("a", "b"),
        outcome("b", "b"),
        outcome("out_of_scope", "out_of_scope", "handover"),
    ]
    one = Evaluation("customer", 4, found)
    assert one.accuracy == 0.75
    assert one.f1() == {"a": 2 / 3, "b": 2 / 3, "out_of_scope": 1.0}
    assert one.confusions() == [("a", "b", 1)]
    assert one.bands()["in scope"] == {"act": 1.0, "ask": 0.0, "handover": 0.0}
    assert one.bands()["act"]["right"] == 2 / 3


def test_an_evaluation_is_a_page_with_plots(tmp_path: Path) -> None:
    page = evaluate(project(tmp_path), tmp_path / "var", progress=lambda _: None)
    assert "## customer" in page.read_text(encoding="utf-8")
    assert (tmp_path / "var/calibration-customer.png").stat().st_size > 1000
    facts = json.loads((tmp_path / "var/evaluation.json").read_text(encoding="utf-8"))
    assert {one["audience"] for one in facts} == {"customer", "staff"}
    assert all(0 <= one["accuracy"] <= 1 for one in facts)
