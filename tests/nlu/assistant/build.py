"""Trains the assistant the engine is tested with, from Rasa's stock components, in a few seconds."""

import functools
import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlu.engine import Engine

HERE = Path(__file__).parent


@functools.cache
def model(*policies: str) -> Path:
    """The trained model, made once a test run; `policies` come beside the rules."""
    folder = Path(tempfile.mkdtemp(prefix="assistant-"))
    os.environ["RASA_CACHE_DIRECTORY"] = str(folder / "cache")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Rasa's own, while training
        from rasa.model_training import train

        from nlu.quiet import silence

        silence()
        trained = train(
            str(HERE / "domain.yml"),
            str(_config(folder, policies)),
            [str(HERE / "data")],
            output=str(folder),
            fixed_model_name="assistant",
        )
    return Path(trained.model)


def _config(folder: Path, policies: tuple[str, ...]) -> Path:
    config = (HERE / "config.yml").read_text() + "".join(f"  - name: {name}\n" for name in policies)
    (folder / "config.yml").write_text(config)
    return folder / "config.yml"


@functools.cache
def engine() -> "Engine":
    """The engine on that model."""
    from nlu import rasa_patches
    from nlu.engine import Engine
    from tests.nlu.assistant.actions import executor

    rasa_patches.apply()
    return Engine(model(), executor())
