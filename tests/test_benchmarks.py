"""The benchmarks still run: each in its quick form, which measures nothing worth telling."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.nlu import figures
from benchmarks.nlu_data import OUT_OF_SCOPE, Sentence, Split

ROOT = Path(__file__).resolve().parents[1]


def _run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.full
@pytest.mark.rasa
def test_both_sides_of_the_benchmark_turn_say_the_same() -> None:
    said = _run("benchmarks.turn", "--quick")
    assert said.count("the same words from both sides: 100%") == 2
    assert "stock/worker CPU without the parse" in said


@pytest.mark.full
@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_benchmark_crm_measures_every_operation(kind: str) -> None:
    said = _run("benchmarks.crm", "--quick", "--only", kind)
    for operation in (
        "customer card",
        "inbox page",
        "name search",
        "append message",
        "open request",
        "comment",
    ):
        assert operation in said


@pytest.mark.full
def test_the_benchmark_calls_measures_every_side() -> None:
    if shutil.which("janus") is None:
        pytest.skip("needs Janus: apt-get install janus")
    said = _run("benchmarks.calls", "--quick")
    for side in ("dangol media, forwarded", "janus, forwarded", "dangol media, recorded", "janus, recorded"):
        assert side in said
    assert "aiortc relay / ours" in said


def test_the_figures_of_understanding_are_of_the_sentences_they_name() -> None:
    test = [Sentence("wake me at six", "alarm", (("time", 11, 14),)), Sentence("play jazz", "music")]
    split = Split("a few", [], test, [Sentence("who won", OUT_OF_SCOPE)], {"slips": test, "mixed": test})
    assert split.asked == ["wake me at six", "play jazz", "who won"] + 2 * ["wake me at six", "play jazz"]
    alarm = {"intent": "alarm", "entities": [("time", 11, 14)], "scope": 0.9}
    music = {"intent": "music", "entities": [("time", 0, 4)], "scope": 0.8}
    unsure = {"intent": "music", "entities": [], "scope": 0.1}
    cost = {"train_cpu_s": 1.0, "parse_ms": 2.0, "model_mb": 3.0}
    found = figures(split, {"answers": [alarm, music, unsure, music, music, alarm, music], **cost})
    assert found == {
        "accuracy": 1.0, "macro_f1": 1.0, "slips": 0.5, "mixed": 1.0, "entity_f1": pytest.approx(2 / 3),
        "auroc": 1.0, "in_scope_at_90_outside": 1.0, **cost,
    }  # fmt: skip


@pytest.mark.full
@pytest.mark.rasa
def test_the_benchmark_nlu_runs_both_sides(tmp_path: Path) -> None:
    _a_few_of_hwu64(tmp_path / "hwu64/fold1")
    _run("benchmarks.nlu", "--data", str(tmp_path), "--only", "hwu64", "--rasa", "--epochs", "2", "--blind",
         "--out", str(tmp_path / "found.json"), "--plot", str(tmp_path / "found.png"))  # fmt: skip
    sides = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["HWU64 fold 1"]
    assert sides.keys() == {"ours", "Rasa default"}
    assert all({"accuracy", "macro_f1", "entity_f1", "train_cpu_s"} <= side.keys() for side in sides.values())
    assert sides["ours"]["accuracy"] == 1
    assert (tmp_path / "found.png").stat().st_size > 10_000


def _a_few_of_hwu64(folder: Path) -> None:
    """Two intents of a dozen sentences in the files that HWU64 has."""
    said = {
        "alarm_set": "wake me at [time : {}]",
        "play_music": "please play some [genre : {}] for me",
    }
    values = {
        "alarm_set": "six|seven|eight|nine|ten|noon|half past five|quarter to four|two|three|eleven|one",
        "play_music": "jazz|rock|blues|folk|soul|punk|funk|disco|techno|country|opera|swing",
    }
    (folder / "trainset").mkdir(parents=True)
    (folder / "testset/annotated").mkdir(parents=True)
    for intent, form in said.items():
        with (folder / f"trainset/{intent}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerows([["answer_annotation"], *([form.format(v)] for v in values[intent].split("|"))])
    tests = [{"text": "wake me at seven", "intent": "alarm_set",
              "entities": [{"entity": "time", "value": "seven", "start": 11}]},
             {"text": "please play some rock", "intent": "play_music", "entities": []}]  # fmt: skip
    told = json.dumps({"test_data_annotation": tests})
    (folder / "testset/annotated/few.json").write_text(told, encoding="utf-8")
