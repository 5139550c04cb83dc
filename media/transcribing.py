"""Speech to text of a sealed recording, by a plug-in: faster-whisper with the operator's own model folder.

The library is not among ours: who sets `STT_MODEL` installs it. Nothing leaves the machine.
"""

import importlib
import io
from pathlib import Path
from typing import Any

from media.sealed import SealedReader

Lines = list[tuple[int, str]]  # ms from the file's beginning, and what was said


class NoEngine(Exception):
    """faster-whisper is not installed in this environment."""


def transcribe(path: Path, key: bytes, *, model: str, language: str) -> Lines:
    """What is said in a file, sentence by sentence. Slow: minutes of CPU for a long call.

    `language` is ko or en. Raises `NoEngine`, and what the engine raises for a model it cannot read.
    """
    try:
        engine: Any = importlib.import_module("faster_whisper")
    except ImportError as fault:
        raise NoEngine("install faster-whisper to use STT_MODEL") from fault
    whisper = engine.WhisperModel(model, device="cpu", compute_type="int8", local_files_only=True)
    with SealedReader(path, key) as reader:
        found, _ = whisper.transcribe(io.BufferedReader(reader), language=language, vad_filter=True)
        return [(int(one.start * 1000), one.text.strip()) for one in found if one.text.strip()]
