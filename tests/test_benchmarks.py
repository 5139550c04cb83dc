"""The benchmarks still run: each in its quick form, which measures nothing worth telling."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
