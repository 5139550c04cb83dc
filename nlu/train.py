"""Training: one model file, named by the hash of everything that shaped it, made once and kept.

What understands is dear to train and depends on the examples alone: where a model of the same examples is
there already, it is taken from that, and only the dialogue is made anew (a changed text costs seconds).
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from nlu.fingerprint import CONFIG, DATA, DOMAIN, fingerprint

if TYPE_CHECKING:
    from rasa.engine.graph import GraphSchema

    from nlu.packing import QuickStorage

VECTORS, ANALYSES = "vectors.npz", "analyses.json"
"""Beside the models: sentence vectors and morphemes of the last training. Safe to delete."""


def ensure_model(store_dir: Path, *, root: Path, progress: Callable[[str], None]) -> Path:
    """The model of the project at `root`, from `store_dir` if it is there, else trained now.

    Of several processes that ask at once one trains, the others wait for it. Raises RuntimeError when
    the training data or the domain are unusable.
    """
    target = store_dir / f"{fingerprint(root)}.tar.gz"
    if target.exists():
        return target
    store_dir.mkdir(parents=True, exist_ok=True)
    with (store_dir / ".training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of by the system however the process ends
        return target if target.exists() else _made(target, root, progress)


def _made(target: Path, root: Path, progress: Callable[[str], None]) -> Path:
    store_dir = target.parent
    sibling = _sibling(target)
    progress(
        "Training the dialogue; the examples are those of a model that is there"
        if sibling
        else "Training the language model (once; about half a minute)"
    )
    started, cpu = time.monotonic(), time.process_time()
    with _uncollected(), tempfile.TemporaryDirectory(dir=store_dir, prefix=".training-") as folder:
        if sibling:
            made = _train(root, Path(folder), progress, sibling)
        else:
            with _kept(store_dir):
                made = _train(root, Path(folder), progress, None)
        os.replace(made, target)
    progress(f"Trained in {time.monotonic() - started:.0f} s ({time.process_time() - cpu:.0f} CPU s)")
    return target


def _sibling(target: Path) -> Path | None:
    """The newest model beside it that understands the same."""
    understanding = target.name.split("-")[0]
    same = target.parent.glob(f"{understanding}-*.tar.gz")
    return max(same, key=lambda path: path.stat().st_mtime, default=None)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Within, nothing is searched for cycles: what a training makes, millions of small things, stays."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _kept(store_dir: Path) -> Iterator[None]:
    """Within, sentences that an earlier training analysed and encoded are not analysed and encoded again."""
    from nlu.components import encoder
    from nlu.components.analyses import remembering

    reader = encoder.load()
    vectors = reader.kept_in(store_dir / VECTORS) if reader is not None else nullcontext()
    with remembering(store_dir / ANALYSES), vectors:
        yield


def _train(root: Path, folder: Path, progress: Callable[[str], None], sibling: Path | None) -> Path:
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("LOG_LEVEL", "WARNING")  # Rasa's progress bars, four of them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _train_graph(root, folder, progress, sibling)


def _train_graph(root: Path, folder: Path, progress: Callable[[str], None], sibling: Path | None) -> Path:
    # Rasa's GraphTrainer without its cache: hashing every token for it costs more than our training.
    from rasa.engine.constants import PLACEHOLDER_IMPORTER
    from rasa.engine.graph import ExecutionContext
    from rasa.engine.recipes.recipe import Recipe
    from rasa.engine.runner.dask import DaskGraphRunner
    from rasa.engine.training.hooks import LoggingHook
    from rasa.engine.validation import validate
    from rasa.shared.data import TrainingType

    from nlu import rasa_patches
    from nlu.importer import DialogueImporter, ProjectImporter, fast_yaml
    from nlu.packing import QuickStorage

    rasa_patches.apply()  # the rules are checked against each other by predicting; and nothing is printed
    reader = DialogueImporter if sibling else ProjectImporter
    with fast_yaml():
        importer = reader(str(root / CONFIG), str(root / DOMAIN), [str(root / DATA)])
        config, domain, stories = importer.get_config(), importer.get_domain(), importer.get_stories()
        importer.get_nlu_data()
    kind = TrainingType.NLU if stories.is_empty() else TrainingType.BOTH
    schema = Recipe.recipe_for_name(config.get("recipe")).graph_config_for_recipe(
        config, {}, training_type=kind
    )
    validate(schema)
    (folder / "storage").mkdir()
    storage, nodes = QuickStorage(folder / "storage"), schema.train_schema
    if sibling:
        nodes = _taken_from(sibling, nodes, storage)
    runner = DaskGraphRunner.create(
        graph_schema=nodes,
        model_storage=storage,
        execution_context=ExecutionContext(graph_schema=nodes),
        hooks=[LoggingHook(pruned_schema=nodes)],
    )
    with _Reporting(progress):
        runner.run(inputs={PLACEHOLDER_IMPORTER: importer})
    made = folder / "model.tar.gz"
    storage.create_model_package(made, schema, domain)
    return made


def _taken_from(sibling: Path, nodes: GraphSchema, storage: QuickStorage) -> GraphSchema:
    """Take what a model has learnt from examples into the storage; the nodes that are left to train."""
    left = {name: node for name, node in nodes.nodes.items() if "training_data" not in node.needs}
    storage.take(sibling, nodes.nodes.keys() - left.keys())
    return type(nodes)(left).minimal_graph_schema()


class _Reporting:
    """Passes 'Starting to train component …' of Rasa's log on as progress."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._logger = logging.getLogger("rasa.engine.training.hooks")
        self._handler = _Handler(progress)
        self._level = self._logger.level

    def __enter__(self) -> None:
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)


class _Handler(logging.Handler):
    def __init__(self, progress: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("Starting to train component"):
            self._progress(f"  {message.split(chr(39))[1]}")
