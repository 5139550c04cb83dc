"""How well the assistant understands its own training data, by examples it had not seen.

Cross-validation with noise variants, F1 of each intent, confusions, entities, bands, a calibration
plot and the slowest messages; written as Markdown, JSON and PNG.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nlu.components import encoder as encoders
from nlu.components.classifier import LinearIntentClassifier
from nlu.components.intent_model import OUT_OF_SCOPE
from nlu.components.intent_training import Options, fit
from nlu.components.noise import KINDS
from nlu.components.scope import ACT, ASK, HANDOVER, Gate, ScopeGate
from nlu.fingerprint import CONFIG, DATA, DOMAIN
from nlu.importer import ProjectImporter, fast_yaml

FOLDS = 5
_SEED = 11
_SLOWEST = 10


@dataclass
class Outcome:
    """One held-out example: what was meant, what was understood, how, and at what cost."""

    text: str
    intent: str
    guess: str
    chance: float
    band: str
    ms: float


@dataclass(frozen=True)
class Setup:
    """What the project says of the classifier and the gate, so that what is judged is what is run."""

    options: Options
    gate: dict[str, float]
    encoder: bool

    @classmethod
    def of(cls, root: Path) -> Setup:
        """As config.yml has it; the components' defaults for the rest."""
        steps = yaml.safe_load((root / CONFIG).read_text(encoding="utf-8"))["pipeline"]
        said = {str(step["name"]).rpartition(".")[2]: step for step in steps}
        heads = {**LinearIntentClassifier.get_default_config(), **said.get("LinearIntentClassifier", {})}
        gate = said.get("ScopeGate", {})
        return cls(
            Options(**{key: value for key, value in heads.items() if key in Options.__dataclass_fields__}),
            {key: float(gate.get(key, usual)) for key, usual in ScopeGate.get_default_config().items()},
            bool(heads["encoder"]),
        )


@dataclass
class Evaluation:
    """The figures of one audience."""

    audience: str
    examples: int
    outcomes: list[Outcome]
    noisy: dict[str, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of held-out examples understood."""
        return _share(one.guess == one.intent for one in self.outcomes)

    def f1(self) -> dict[str, float]:
        """F1 of each intent."""
        hits = Counter(one.intent for one in self.outcomes if one.guess == one.intent)
        meant = Counter(one.intent for one in self.outcomes)
        guessed = Counter(one.guess for one in self.outcomes)
        return {name: 2 * hits[name] / (meant[name] + guessed[name]) for name in sorted(meant)}

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the intents, each counting alike."""
        return float(np.mean(list(self.f1().values())))

    def confusions(self) -> list[tuple[str, str, int]]:
        """(meant, understood, how often), the commonest first."""
        pairs = Counter((one.intent, one.guess) for one in self.outcomes if one.intent != one.guess)
        return [(meant, guess, count) for (meant, guess), count in pairs.most_common()]

    def bands(self) -> dict[str, dict[str, float]]:
        """Share of each band, for messages within scope and outside; and how right `act` is."""
        inside = [one for one in self.outcomes if one.intent != OUT_OF_SCOPE]
        outside = [one for one in self.outcomes if one.intent == OUT_OF_SCOPE]
        acted = [one for one in self.outcomes if one.band == ACT]
        shares = {
            name: {band: _share(one.band == band for one in part) for band in (ACT, ASK, HANDOVER)}
            for name, part in (("in scope", inside), ("out of scope", outside))
        }
        return shares | {"act": {"right": _share(one.guess == one.intent for one in acted)}}


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return float(np.mean(values)) if values else 0.0


def evaluate(root: Path, folder: Path, *, progress: Callable[[str], None]) -> Path:
    """Evaluate the project at `root` into `folder`; return the Markdown page.

    Each of five parts is understood by a model trained on the other four; minutes of CPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with fast_yaml():
        data = ProjectImporter(str(root / CONFIG), str(root / DOMAIN), [str(root / DATA)]).get_nlu_data()
    setup = Setup.of(root)
    found = []
    for audience, pairs in sorted(LinearIntentClassifier._by_audience(data).items()):
        if len({intent for _, intent in pairs}) < 2:
            continue
        progress(f"Evaluating {len(pairs)} examples of the {audience} model")
        found.append(_cross_validate(audience, pairs, setup, progress))
    _write(found, folder)
    return folder / "evaluation.md"


def _cross_validate(
    audience: str, pairs: Sequence[tuple[str, str]], setup: Setup, progress: Callable[[str], None]
) -> Evaluation:
    dice = random.Random(_SEED)
    order = list(range(len(pairs)))
    dice.shuffle(order)
    outcomes: list[Outcome] = []
    noisy: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for number in range(FOLDS):
        progress(f"  part {number + 1} of {FOLDS}")
        left = [pairs[i] for i in order[number::FOLDS]]
        kept = [pairs[i] for place, i in enumerate(order) if place % FOLDS != number]
        understood = _reader(kept, setup)
        outcomes += [understood(text, intent) for text, intent in left]
        for kind, make in KINDS.items():
            noisy[kind] += [
                one.guess == one.intent
                for one in (understood(make(text, dice), intent) for text, intent in left)
            ]
    return Evaluation(audience, len(pairs), outcomes, {kind: _share(hits) for kind, hits in noisy.items()})


def _reader(pairs: Sequence[tuple[str, str]], setup: Setup) -> Callable[[str, str], Outcome]:
    encoder = encoders.load() if setup.encoder else None
    model, held = fit([text for text, _ in pairs], [intent for _, intent in pairs], encoder, setup.options)
    gate = Gate.fit([one.noted() for one in held], **setup.gate)

    def understood(text: str, intent: str) -> Outcome:
        started = time.process_time()
        decision = model.decide(text, encoder)
        guess, chance, band = gate.verdict(decision)
        return Outcome(text, intent, guess, chance, band, (time.process_time() - started) * 1000)

    return understood


# -- writing --------------------------------------------------------------------------------------


def _write(found: Sequence[Evaluation], folder: Path) -> None:
    page = ["# Evaluation", "", f"Cross-validated in {FOLDS} parts; noise is added to the part left out.", ""]
    for one in found:
        _plot(one, folder / f"calibration-{one.audience}.png")
        page += _page(one)
    (folder / "evaluation.md").write_text("\n".join(page), encoding="utf-8")
    facts = [_facts(one) for one in found]
    (folder / "evaluation.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


def _facts(one: Evaluation) -> dict[str, Any]:
    wrong = [asdict(outcome) for outcome in one.outcomes if outcome.guess != outcome.intent]
    return {
        "audience": one.audience, "examples": one.examples, "accuracy": one.accuracy, "noise": one.noisy,
        "f1": one.f1(), "bands": one.bands(), "confusions": one.confusions(), "wrong": wrong,
    }  # fmt: skip


def _page(one: Evaluation) -> list[str]:
    times = sorted(outcome.ms for outcome in one.outcomes)
    bands = one.bands()
    lines = [
        f"## {one.audience}",
        "",
        f"{one.examples} examples; accuracy {one.accuracy:.3f}; macro-F1 {one.macro_f1:.3f}; "
        f"{times[len(times) // 2]:.1f} CPU-ms a decision (median).",
        "",
        *_table(("noise", "accuracy"), [(kind, f"{value:.3f}") for kind, value in one.noisy.items()]),
        *_table(
            ("", ACT, ASK, HANDOVER),
            [
                (name, *(f"{bands[name][band]:.3f}" for band in (ACT, ASK, HANDOVER)))
                for name in list(bands)[:2]
            ],
        ),
        f"Of what would be acted on, {bands['act']['right']:.3f} is right.",
        "",
        f"![calibration](calibration-{one.audience}.png)",
        "",
        *_table(("intent", "F1"), [(n, f"{v:.3f}") for n, v in sorted(one.f1().items(), key=lambda p: p[1])]),
        *_table(("meant", "understood", "times"), [(a, b, str(n)) for a, b, n in one.confusions()[:30]]),
    ]
    slowest = sorted(one.outcomes, key=lambda outcome: -outcome.ms)[:_SLOWEST]
    return lines + _table(("slowest", "CPU-ms"), [(outcome.text, f"{outcome.ms:.1f}") for outcome in slowest])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return [*(f"| {line} |" for line in lines), ""]


def _plot(one: Evaluation, path: Path) -> None:
    """How often the first intent was right, by how sure the model said it was."""
    from matplotlib.figure import Figure

    chances = np.array([outcome.chance for outcome in one.outcomes])
    hits = np.array([outcome.guess == outcome.intent for outcome in one.outcomes])
    edges = np.linspace(0, 1, 11)
    places = [(chances >= a) & (chances <= b) for a, b in pairwise(edges)]
    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    filled = [place for place in places if place.any()]
    sizes = [20 + 0.3 * int(place.sum()) for place in filled]
    axes.scatter([chances[p].mean() for p in filled], [hits[p].mean() for p in filled], s=sizes)
    axes.set(xlabel="confidence", ylabel="right", xlim=(0, 1.02), ylim=(0, 1.02), title=f"{one.audience}")
    figure.savefig(path, dpi=120, bbox_inches="tight")
