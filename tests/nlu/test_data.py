"""The training data is complete and clean."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from nlu.lint import Example, lint, read

ROOT = Path(__file__).parents[2] / "nlu"
UNTRAINED = {"choose"}  # a button of a form; the engine builds its parse data
NARROW = {
    "greet",
    "goodbye",
    "thank",
    "affirm",
    "deny",
    "staff_help",
    "staff_hand_back",
    "staff_complete_task",
}
BROAD = {"ko": 40, "en": 25}
FEW = {"ko": 25, "en": 18}


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return read(ROOT)


def domain(kind: str) -> set[str]:
    return set(yaml.safe_load((ROOT / "domain" / f"{kind}.yml").read_text(encoding="utf-8"))[kind])


def test_the_data_has_no_findings() -> None:
    assert [str(finding) for finding in lint(ROOT)] == []


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_intent_has_enough_examples(examples: list[Example], language: str) -> None:
    counts = Counter(example.intent for example in examples if example.file.startswith(language))
    least = {name: (FEW if name in NARROW else BROAD)[language] for name in domain("intents") - UNTRAINED}
    assert {name: counts[name] for name in least if counts[name] < least[name]} == {}


def test_near_misses_and_small_talk_are_plenty(examples: list[Example]) -> None:
    counts = Counter((example.file.split("/")[0], example.intent) for example in examples)
    assert counts["ko", "out_of_scope"] >= 80
    assert counts["en", "out_of_scope"] >= 60
    assert min(counts["ko", "chitchat"], counts["en", "chitchat"]) >= 40


def test_nothing_untrained_is_trained(examples: list[Example]) -> None:
    assert {example.intent for example in examples} == domain("intents") - UNTRAINED


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_entity_is_shown_in_both_languages(examples: list[Example], language: str) -> None:
    counts = Counter(span.entity for e in examples if e.file.startswith(language) for span in e.spans)
    assert {name: counts[name] for name in domain("entities") if counts[name] < 10} == {}


def test_no_file_grows_past_what_a_person_reads() -> None:
    lengths = {
        f"{language}/{path.name}": len(path.read_text(encoding="utf-8").splitlines())
        for language in ("ko", "en")
        for path in (ROOT / "data" / language).glob("*.yml")
    }
    assert {name: length for name, length in lengths.items() if length > 360} == {}
