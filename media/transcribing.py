"""Speech to text of a sealed recording, by a plug-in: faster-whisper with the operator's own model folder.

The library is an extra of its own: who sets `STT_MODEL` installs it. Nothing leaves the machine.
"""

import importlib
from pathlib import Path
from typing import Any, Final

from media.decoding import Voice

Lines = list[tuple[int, str]]  # ms from the file's beginning, and what was said
RATE: Final = 16_000  # of what Whisper's models hear
FILES: Final = ("config.json", "model.bin", "tokenizer.json")  # without the last the engine asks the internet


class NoEngine(Exception):
    """faster-whisper is not installed in this environment."""


class BadModel(Exception):
    """The folder of `STT_MODEL` holds no model that the engine can read."""


def prepare(model: str) -> Any:
    """The engine with the model in the folder; takes its memory, and seconds for a large one.

    Raises `NoEngine` and `BadModel`, which name the setting and what is missing.
    """
    try:
        engine: Any = importlib.import_module("faster_whisper")
    except ImportError as fault:
        raise NoEngine("DANGOL_STT_MODEL needs faster-whisper; run: script/setup --transcripts") from fault
    missing = [name for name in FILES if not (Path(model) / name).is_file()]
    if missing:
        raise BadModel(f"DANGOL_STT_MODEL: {model} has no {', '.join(missing)}")
    try:
        return engine.WhisperModel(model, device="cpu", compute_type="int8", local_files_only=True)
    except Exception as fault:
        raise BadModel(f"DANGOL_STT_MODEL: {model} cannot be read: {fault}") from None


def transcribe(whisper: Any, path: Path, key: bytes, *, language: str) -> Lines:
    """What is said in a file, sentence by sentence. Slow: minutes of CPU for a long call.

    `whisper` is of `prepare`, `language` is ko or en. Whoever was muted or away for a while is not heard
    earlier for it: the pauses of the file are silence.
    """
    samples = Voice(path, key, rate=RATE).whole()
    found, _ = whisper.transcribe(samples, language=language, vad_filter=True)
    return [(int(one.start * 1000), one.text.strip()) for one in found if one.text.strip()]
