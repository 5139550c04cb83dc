"""Understanding: ours and Rasa's default pipeline side by side, on public data and on our own.

    python -m benchmarks.nlu --data FOLDER [--only bitext ...] [--rasa [bitext ...]] [--epochs 100]
                            [--out FILE.json] [--plot FILE.png] [--kept FOLDER] [--blind]

FOLDER holds banking77, clinc150, hwu64 and bitext; `own` is the project's own training data. Both sides
are trained and asked in the same way, as ordinary Rasa models; each in a process of its own, so that CPU
times are its own. Without --rasa only ours runs: the default pipeline (DIET) takes hours of CPU for all
sets; --rasa with names runs it on those alone. --kept holds the answers of each side, so that a side whose
code, data and pipeline are unchanged is not run again. --blind spares Rasa's side the F1 that it shows of
each batch while it learns entities; what it learns is the same, its CPU is understated.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.nlu_data import FEW, OUT_OF_SCOPE, READERS, Sentence, Split
from benchmarks.nlu_plot import plot
from nlu.components.noise import KINDS
from nlu.components.source import digest as digest_of_components

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
OURS = [
    {"name": "nlu.components.tokenizer.KiwiTokenizer"},
    {"name": "nlu.components.classifier.LinearIntentClassifier"},
    {"name": "nlu.components.scope.ScopeGate"},
    {"name": "nlu.components.crf.KiwiCRFEntityExtractor"},
]


def default_pipeline(epochs: int) -> list[dict[str, Any]]:
    """What `rasa init` writes, without the parts for lookups and responses that these data do not have."""
    return [
        {"name": "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", "epochs": epochs, "constrain_similarities": True},
        {"name": "EntitySynonymMapper"},
    ]


def write_project(folder: Path, sentences: Sequence[Sentence], pipeline: list[dict[str, Any]]) -> None:
    """A Rasa project that learns just these sentences."""
    (folder / "nlu/data").mkdir(parents=True)
    (folder / "nlu/domain").mkdir()
    config = {"recipe": "default.v1", "assistant_id": "benchmark", "language": "en", "pipeline": pipeline}
    (folder / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    by_intent: dict[str, list[str]] = {}
    for one in sentences:
        by_intent.setdefault(one.intent, []).append(f"- {marked(one)}")
    data = [{"intent": name, "examples": "\n".join(lines) + "\n"} for name, lines in by_intent.items()]
    body = yaml.safe_dump({"version": "3.1", "nlu": data}, allow_unicode=True, width=100_000)
    (folder / "nlu/data/all.yml").write_text(body, encoding="utf-8")
    entities = sorted({name for one in sentences for name, *_ in one.entities})
    domain = {"version": "3.1", "intents": sorted(by_intent), "entities": entities}
    (folder / "nlu/domain/domain.yml").write_text(yaml.safe_dump(domain), encoding="utf-8")


def marked(one: Sentence) -> str:
    """A sentence in Rasa's notation for entities."""
    text = one.text
    for name, start, end in sorted(one.entities, key=lambda span: -span[1]):
        text = f"{text[:start]}[{text[start:end]}]({name}){text[end:]}"
    return " ".join(text.split())


# -- one side of one set, in a process of its own ------------------------------------------------------


def run_side(folder: Path, tests: Path) -> dict[str, Any]:
    """Train the project in `folder` and parse the sentences of `tests` (JSON lines of texts)."""
    from nlu.train import ensure_model
    from nlu.understand import Understanding

    _single_threaded()
    _warm_up()
    started = time.process_time()
    model = ensure_model(folder / "models", root=folder, progress=lambda _: None)
    trained = time.process_time() - started
    understanding = Understanding.load(model)
    understanding.parse("warm up", at=NOW)
    answers, costs = [], []
    for line in tests.read_text(encoding="utf-8").splitlines():
        began = time.process_time()
        parsed = understanding.parse(json.loads(line), at=NOW)
        costs.append((time.process_time() - began) * 1000)
        answers.append(_kept(parsed))
    cost = {"train_cpu_s": trained, "parse_ms": float(np.median(costs))}
    return {**cost, "model_mb": model.stat().st_size / 1e6, "answers": answers}


def _single_threaded() -> None:
    """TensorFlow's threads spin while they wait for each other: on a shared machine that is half the bill."""
    from tensorflow import config

    config.threading.set_intra_op_parallelism_threads(1)
    config.threading.set_inter_op_parallelism_threads(1)


def _blind() -> None:
    """The stock side learns without the figure of its progress: it decodes each batch, only to show an F1.

    No weight depends on it. With many entities (HWU64 has 217 tags) it is near half of the training.
    """
    from rasa.utils.tensorflow.layers import CRF
    from tensorflow import constant

    CRF.f1_score = lambda *given: constant(0.0)


def _warm_up() -> None:
    """What a process pays once, however much it trains: imports and language models."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import rasa.engine.recipes.default_components
        import rasa.model_training  # noqa: F401
    from nlu.components import encoder
    from nlu.components.kiwi import pieces

    pieces("안녕하세요")
    reader = encoder.load()
    if reader is not None:
        reader.encode(["hello"])


def _kept(parsed: dict[str, Any]) -> dict[str, Any]:
    ranking = [one["name"] for one in parsed.get("intent_ranking", []) if one["name"] != OUT_OF_SCOPE]
    spans = [(one["entity"], one["start"], one["end"]) for one in parsed["entities"]]
    # Rasa's default knows no scope; its confidence in the intent is what its fallback looks at.
    outside = parsed["intent"]["name"] == OUT_OF_SCOPE
    confidence = float(parsed["intent"]["confidence"])
    scope = parsed.get("scope", -confidence if outside else confidence)
    return {"intent": ranking[0] if ranking else None, "entities": spans, "scope": float(scope)}


# -- figures -------------------------------------------------------------------------------------------


def figures(split: Split, ran: dict[str, Any]) -> dict[str, float]:
    """The figures of one side on one set."""
    answers, rest = ran["answers"][: len(split.test)], ran["answers"][len(split.test) :]
    outside, rest = rest[: len(split.outside)], rest[len(split.outside) :]
    hits = np.array([got["intent"] == one.intent for got, one in zip(answers, split.test, strict=True)])
    found = {
        "accuracy": float(hits.mean()),
        "macro_f1": macro_f1([one.intent for one in split.test], [got["intent"] for got in answers]),
        **{name: ran[name] for name in ("train_cpu_s", "parse_ms", "model_mb")},
    }
    if any(one.entities for one in split.test):
        found["entity_f1"] = entity_f1(split.test, answers)
    for kind, sentences in split.noisy.items():
        noisy, rest = rest[: len(sentences)], rest[len(sentences) :]
        right = [got["intent"] == one.intent for got, one in zip(noisy, sentences, strict=True)]
        found[kind] = float(np.mean(right))
    if outside:
        inside_scores = np.array([got["scope"] for got in answers])
        outside_scores = np.array([got["scope"] for got in outside])
        found["auroc"] = auroc(inside_scores, outside_scores)
        threshold = np.quantile(outside_scores, 0.9)
        found["in_scope_at_90_outside"] = float((hits & (inside_scores > threshold)).mean())
    return found


def macro_f1(meant: Sequence[str], guessed: Sequence[str]) -> float:
    """Mean F1 of the intents."""
    hits = Counter(a for a, b in zip(meant, guessed, strict=True) if a == b)
    total, said = Counter(meant), Counter(guessed)
    return float(np.mean([2 * hits[name] / (total[name] + said[name]) for name in total]))


def entity_f1(test: Sequence[Sentence], answers: Sequence[dict[str, Any]]) -> float:
    """F1 of exact spans with the right name."""
    meant = [{tuple(span) for span in one.entities} for one in test]
    found = [{tuple(span) for span in got["entities"]} for got in answers]
    right = sum(len(a & b) for a, b in zip(meant, found, strict=True))
    return 2 * right / max(1, sum(map(len, meant)) + sum(map(len, found)))


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """How often a sentence within scope scores above one outside; a tie counts half."""
    above = (inside[:, None] > outside[None, :]).mean()
    return float(above + 0.5 * (inside[:, None] == outside[None, :]).mean())


# -- both sides ----------------------------------------------------------------------------------------


def compare(
    split: Split, pipelines: dict[str, list[dict[str, Any]]], kept: Path | None = None, blind: bool = False
) -> dict[str, dict[str, float]]:
    """The figures of each pipeline on one set; a run that `kept` holds is not repeated."""
    found = {}
    for side, pipeline in pipelines.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_project(folder, split.train, pipeline)
            tests = folder / "tests.jsonl"
            lines = [json.dumps(text, ensure_ascii=False) for text in split.asked]
            tests.write_text("\n".join(lines), encoding="utf-8")
            found[side] = figures(split, _kept_or_run(side, folder, tests, kept, blind and side != "ours"))
        print_row(split.name, side, found[side])
    return found


def _kept_or_run(side: str, folder: Path, tests: Path, kept: Path | None, blind: bool) -> dict[str, Any]:
    """The answers of a side; kept ones where data, pipeline and, of ours, all code are what they were."""
    if kept is None:
        return _in_process(folder, tests, blind)
    code = digest_of_components() if side == "ours" else metadata.version("rasa")
    digest = hashlib.sha256(code.encode() + b"blind" * blind)
    for path in (folder / "config.yml", folder / "nlu/data/all.yml", tests):
        digest.update(path.read_bytes())
    answers = kept / f"{digest.hexdigest()[:16]}.json"
    if not answers.exists():
        kept.mkdir(parents=True, exist_ok=True)
        answers.write_text(json.dumps(_in_process(folder, tests, blind)), encoding="utf-8")
    ran: dict[str, Any] = json.loads(answers.read_text(encoding="utf-8"))
    return ran


def _in_process(folder: Path, tests: Path, blind: bool) -> dict[str, Any]:
    answer = folder / "answer.json"
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.nlu",
        "--side",
        str(folder),
        str(tests),
        str(answer),
        *["--blind"] * blind,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ran: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return ran


COLUMNS = (
    "accuracy",
    "macro_f1",
    *KINDS,
    "entity_f1",
    "auroc",
    "in_scope_at_90_outside",
    "train_cpu_s",
    "parse_ms",
    "model_mb",
)


def print_row(name: str, side: str, found: dict[str, float]) -> None:
    """One row of the table."""
    cells = [f"{found[c]:.3f}" if c in found and c[-2:] not in ("_s", "ms", "mb") else
             f"{found[c]:.1f}" if c in found else "" for c in COLUMNS]  # fmt: skip
    print(f"| {name} | {side} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="*", default=list(READERS), choices=list(READERS))
    parser.add_argument(
        "--rasa",
        nargs="*",
        choices=list(READERS),
        help="Rasa's default pipeline too, on all or these",
    )
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path, help="write the results as a PNG")
    parser.add_argument("--kept", type=Path, help="folder of answers; a run it holds is not repeated")
    parser.add_argument(
        "--blind", action="store_true", help="stock learns without an F1 of each batch, which no weight needs"
    )
    parser.add_argument("--side", nargs=3, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        folder, tests, answer = given.side
        if given.blind:
            _blind()
        answer.write_text(json.dumps(run_side(folder, tests)), encoding="utf-8")
        return
    if given.data is None:
        parser.error("--data is needed: the folder with the public data sets")
    beside = {"Rasa default": default_pipeline(given.epochs)}
    print("| set | side | " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * (len(COLUMNS) + 2), flush=True)
    found = {}
    for name in given.only:
        for split in READERS[name](given.data / name.removesuffix(FEW)):
            both = given.rasa is not None and (not given.rasa or name in given.rasa)
            found[split.name] = compare(
                split, {"ours": OURS} | (beside if both else {}), given.kept, given.blind
            )
    if given.out:
        given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
