"""Trains the assistant the engine is tested with, from Rasa's stock components, in a few seconds."""

import functools
import os
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).parent


@functools.cache
def model() -> Path:
    """The trained model, made once a test run."""
    folder = Path(tempfile.mkdtemp(prefix="assistant-"))
    os.environ["RASA_CACHE_DIRECTORY"] = str(folder / "cache")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Rasa's own, while training
        from nlu import rasa_patches  # isort: skip
        from rasa.model_training import train

        rasa_patches.silence()

        trained = train(
            str(HERE / "domain.yml"),
            str(HERE / "config.yml"),
            [str(HERE / "data")],
            output=str(folder),
            fixed_model_name="assistant",
        )
    return Path(trained.model)
