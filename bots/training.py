"""Training, evaluating and asking the model, for the command line."""

import os
import subprocess  # the training runs in a process of its own, so that a server stays small
import sys
from pathlib import Path
from typing import TextIO

from bots.settings import Settings
from bots.supervisor import CHILD
from nlu import train as trainer
from nlu.fingerprint import fingerprint


def train(settings: Settings, *, root: Path) -> Path:
    """Train when needed, telling progress; return the model's file."""
    return trainer.ensure_model(settings.models_dir, root=root, progress=lambda line: print(line, flush=True))


def present(settings: Settings, *, root: Path, told_aside: bool = False) -> Path:
    """The model in force; trained in a process of its own when absent, since TensorFlow would stay loaded.

    `told_aside`: its progress goes to standard error, where standard output is the answer.
    """
    target = settings.models_dir / f"{fingerprint(root)}.tar.gz"
    if not target.exists():
        told = {**os.environ, CHILD: "1"}
        out = 2 if told_aside else None
        subprocess.run([sys.executable, "-m", "bots", "train"], env=told, check=True, stdout=out)
    return target


def evaluate(settings: Settings, *, root: Path) -> None:
    """Cross-validate and write the report."""
    from nlu import evaluate as evaluator

    folder = settings.data_dir / "evaluation"
    print(evaluator.evaluate(root, folder, progress=lambda line: print(line, flush=True)))


def understand(settings: Settings, lines: TextIO, *, root: Path) -> None:
    """Answer each line with what it means."""
    from nlu.understand import Understanding, answers

    model = Understanding.load(present(settings, root=root, told_aside=True))
    for answer in answers(lines, model):
        print(answer, flush=True)
