"""The data sets of the understanding benchmark, read as labelled sentences (paths are arguments)."""

import csv
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nlu.components.noise import KINDS
from nlu.lint import read

OUT_OF_SCOPE = "out_of_scope"
FOLDS = 5
"""Of our own data, one of so many parts is left out."""
_BY_PATTERN = ("email", "phone")  # patterns alone find these; they are no part of the comparison


@dataclass(frozen=True)
class Sentence:
    """A text, its intent and its entities as (name, start, end)."""

    text: str
    intent: str
    entities: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Split:
    """What to learn from and what to be tested on."""

    name: str
    train: list[Sentence]
    test: list[Sentence]
    outside: list[Sentence] = field(default_factory=list)
    noisy: Mapping[str, list[Sentence]] = field(default_factory=dict)
    """The sentences of the test once more with each kind of noise, by the name of its column."""

    @property
    def asked(self) -> list[str]:
        """Every text to be understood: the test, what lies outside, then each kind of noise."""
        parts = (self.test, self.outside, *self.noisy.values())
        return [one.text for part in parts for one in part]


def _shots(sentences: list[Sentence], count: int, seed: int) -> list[Sentence]:
    by_intent: dict[str, list[Sentence]] = {}
    for one in sentences:
        by_intent.setdefault(one.intent, []).append(one)
    return [one for name in by_intent for one in random.Random(seed).sample(by_intent[name], count)]


def banking77(folder: Path) -> Iterator[Split]:
    """77 intents of a bank, all training sentences."""
    yield Split("BANKING77", *_banking77(folder))


def banking77_few(folder: Path) -> Iterator[Split]:
    """77 intents of a bank, 10 training sentences each."""
    train, test = _banking77(folder)
    yield Split("BANKING77 10-shot", _shots(train, 10, 10), test)


def _banking77(folder: Path) -> tuple[list[Sentence], list[Sentence]]:
    parts = []
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            parts.append([Sentence(row["text"].strip(), row["category"]) for row in csv.DictReader(file)])
    return parts[0], parts[1]


def clinc150(folder: Path) -> Iterator[Split]:
    """150 intents and what lies outside them, the small variant."""
    data = json.loads((folder / "data_small.json").read_text(encoding="utf-8"))
    train = [Sentence(text, intent) for text, intent in data["train"]]
    outside = [Sentence(text, OUT_OF_SCOPE) for text, _ in data["oos_train"]]
    test = [Sentence(text, intent) for text, intent in data["test"]]
    yield Split(
        "CLINC150 small",
        train + outside,
        test,
        [Sentence(text, OUT_OF_SCOPE) for text, _ in data["oos_test"]],
    )


_MARKED = re.compile(r"\[\s*([a-z_]+)\s*:\s*([^\]]+?)\s*\]")


def _unmarked(marked: str) -> tuple[str, tuple[tuple[str, int, int], ...]]:
    """'wake me at [time : six]' as text and entities."""
    text, entities, position = "", [], 0
    for match in _MARKED.finditer(marked):
        text += marked[position : match.start()]
        entities.append((match[1], len(text), len(text) + len(match[2])))
        text += match[2]
        position = match.end()
    return text + marked[position:], tuple(entities)


def hwu64(folder: Path) -> Iterator[Split]:
    """64 intents of a home assistant with entities, cross-validation fold 1."""
    train, test = [], []
    for file in sorted((folder / "fold1/trainset").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows, delimiter=";"):
                text, entities = _unmarked(row["answer_annotation"])
                train.append(Sentence(text, file.stem, entities))
    for path in sorted(p for p in (folder / "fold1/testset/annotated").rglob("*") if p.is_file()):
        for row in json.loads(path.read_text(encoding="utf-8"))["test_data_annotation"]:
            spans = tuple((e["entity"], e["start"], e["start"] + len(e["value"])) for e in row["entities"])
            test.append(Sentence(row["text"], row["intent"], spans))
    yield Split("HWU64 fold 1", train, test)


def bitext(folder: Path) -> Iterator[Split]:
    """27 intents of customer support with entities, 12 sentences an intent."""
    file = next(folder.glob("*.csv"))
    with file.open(encoding="utf-8", newline="") as rows:
        everything = [_bitext_row(row) for row in csv.DictReader(rows)]
    everything = list(dict.fromkeys(everything))
    train = _shots(everything, 12, 12)
    rest = sorted(set(everything) - set(train), key=lambda one: (one.text, one.intent))
    yield Split("Bitext 12-shot", train, random.Random(12).sample(rest, 1000))


def _bitext_row(row: dict[str, str]) -> Sentence:
    text, entities = row["instruction"], []
    if row["entity_type"] and row["start_offset"].isdigit():
        start, end = int(row["start_offset"]), min(int(row["end_offset"]), len(text))
        end = start + len(text[start:end].rstrip())  # some spans run past the word
        if start < end:
            entities.append((row["entity_type"], start, end))
    return Sentence(text, row["intent"], tuple(entities))


def own(folder: Path) -> Iterator[Split]:
    """Our own training data, customers: a fifth left out, clean and with each kind of noise."""
    dice = random.Random(11)
    examples = [one for one in read(Path(__file__).parents[1] / "nlu") if "customer" in one.audiences]
    dice.shuffle(examples)
    sentences = [
        Sentence(
            one.text,
            one.intent,
            tuple((s.entity, s.start, s.end) for s in one.spans if s.entity not in _BY_PATTERN),
        )
        for one in examples
    ]
    left, kept = sentences[::FOLDS], [one for place, one in enumerate(sentences) if place % FOLDS]
    test = [one for one in left if one.intent != OUT_OF_SCOPE]
    yield Split(
        "our own, one fifth",
        kept,
        test,
        [one for one in left if one.intent == OUT_OF_SCOPE],
        # Mixed first: its dice have then fallen as they did when it was the only kind that was measured.
        {
            kind: [Sentence(KINDS[kind](one.text, dice), one.intent) for one in test]
            for kind in sorted(KINDS, key=lambda kind: kind != "mixed")
        },
    )


FEW = "-10shot"
READERS = {
    "bitext": bitext,
    f"banking77{FEW}": banking77_few,
    "own": own,
    "hwu64": hwu64,
    "clinc150": clinc150,
    "banking77": banking77,
}
"""Those that the default pipeline learns soonest first; a set's folder is its name."""
