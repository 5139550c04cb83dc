"""The evaluation says how well the assistant understands what it had not seen."""

import json
from pathlib import Path

from nlu.components.scope import ScopeGate
from nlu.evaluate import Evaluation, Outcome, Setup, evaluate
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


def test_what_is_judged_is_what_the_pipeline_says(tmp_path: Path) -> None:
    assert Setup.of(project(tmp_path)).encoder
    (tmp_path / "config.yml").write_text(
        "pipeline:\n"
        "  - name: nlu.components.classifier.LinearIntentClassifier\n    encoder: false\n    strength: 0.25\n"
        "  - name: nlu.components.scope.ScopeGate\n    outside_recall: 0.96\n"
    )
    setup = Setup.of(tmp_path)
    assert (setup.encoder, setup.options.strength, setup.gate["outside_recall"]) == (False, 0.25, 0.96)
    assert setup.gate["act_precision"] == ScopeGate.get_default_config()["act_precision"]
