"""Texts in, what they mean out: the model alone, without dialogue. Used by `dangol understand`."""

from __future__ import annotations

import json
import os
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nlu import parsing

_AUDIENCES = ("customer", "staff")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTES = re.compile("[\udc80-\udcff]+")
"""What the line's file had for bytes that are no UTF-8, read with `surrogateescape`."""
OUT_OF_SCOPE = "out_of_scope"
"""What it asks for is not ours, so its words are no entities of ours either."""


class Understanding:
    """A trained model's NLU part. Open with `load`; not thread-safe."""

    def __init__(self, runner: Any, target: str) -> None:
        self._runner = runner
        self._target = target

    @classmethod
    def load(cls, model: Path) -> Understanding:
        """Load the model file; some seconds, since Rasa loads."""
        os.environ["RASA_TELEMETRY_ENABLED"] = "false"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from rasa.engine.loader import load_predict_graph_runner
            from rasa.engine.runner.dask import DaskGraphRunner
            from rasa.engine.storage.local_model_storage import LocalModelStorage

            with tempfile.TemporaryDirectory() as folder:
                facts, runner = load_predict_graph_runner(
                    Path(folder), model, LocalModelStorage, DaskGraphRunner
                )
        return cls(runner, facts.nlu_target)

    def parse(self, text: str, *, at: datetime, audience: str = "customer") -> dict[str, Any]:
        """Rasa's parse data with `band`, `language` and resolved entities; offsets are those of `text`.

        `at` is the message's own time (aware), which relative dates count from. Raises ValueError for
        an unknown audience or a naive time.
        """
        if audience not in _AUDIENCES:
            raise ValueError(f"audience must be one of {', '.join(_AUDIENCES)}, not {audience!r}")
        if at.tzinfo is None:
            raise ValueError("the time of a message must be aware of its zone")
        return self._run(text, {"audience": audience, "at": at.isoformat()})

    def _run(self, text: str, metadata: dict[str, str]) -> dict[str, Any]:
        from rasa.core.channels.channel import UserMessage
        from rasa.shared.core.trackers import DialogueStateTracker

        message = UserMessage("", metadata=metadata)
        message.text = parsing.harmless(text)  # not through Rasa, which strips it and so shifts the offsets
        tracker = DialogueStateTracker.from_events("understand", [])
        inputs = {"__message__": [message], "__tracker__": tracker}
        parsed = self._runner.run(inputs=inputs, targets=[self._target])[self._target][0]
        data: dict[str, Any] = {"text": text, "intent": {"name": None, "confidence": 0.0}, "entities": []}
        data.update(parsed.as_dict(only_output_properties=True))
        return parsing.spoken(data, text)


class BadLine(ValueError):
    """The line is neither a text nor an object with `text` and perhaps `audience`, or is not in UTF-8."""


def understand(line: str, model: Understanding, *, now: datetime) -> dict[str, Any]:
    """What one line (a text, or a JSON object with `text` and perhaps `audience`) means.

    A line that begins like an object and is none of that form, or whose bytes are no UTF-8 (half a
    character is left of each), is answered with `error`, as not understood.
    """
    try:
        text, audience = _read(line)
    except BadLine as error:
        text = _BYTES.sub("\ufffd", line)
        return {"text": text, "intent": None, "confidence": 0.0, "band": "handover", "entities": [],
                "error": str(error)}  # fmt: skip
    parsed = parsing.number(text, audience) or model.parse(text, at=now, audience=audience)
    name = parsed["intent"]["name"]
    return {
        "text": text,
        "intent": name,
        "confidence": round(float(parsed["intent"]["confidence"]), 4),
        "band": parsed.get("band", "handover"),
        "entities": [_entity(text, one) for one in parsed["entities"] if name != OUT_OF_SCOPE],
    }


def _read(line: str) -> tuple[str, str]:
    if _BYTES.search(line):
        raise BadLine("not UTF-8: save the text as UTF-8 (Korean Windows writes CP949 unless told otherwise)")
    if not line.lstrip().startswith("{"):
        return line, "customer"
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not a JSON object: {error}") from error
    if not isinstance(given.get("text"), str):
        raise BadLine("the object needs a string 'text'")
    audience = given.get("audience", "customer")
    if audience not in _AUDIENCES:
        raise BadLine(f"'audience' must be one of {', '.join(_AUDIENCES)}")
    return given["text"], audience


def _entity(text: str, one: Mapping[str, Any]) -> dict[str, Any]:
    start, end = int(one["start"]), int(one["end"])
    shown: dict[str, Any] = {"entity": one["entity"], "value": text[start:end], "start": start, "end": end}
    if one.get("resolved") is not None:
        shown["resolved"] = one["resolved"]
    return shown


def answers(lines: Iterable[str], model: Understanding) -> Iterator[str]:
    """A JSON object a line for each line, in order; the clock of each is its own."""
    for line in lines:
        answer = understand(line.rstrip("\r\n"), model, now=datetime.now(UTC))
        written = json.dumps(answer, ensure_ascii=False)
        # Half a character, as a broken client sends it, cannot be written but as an escape.
        yield json.dumps(answer) if _SURROGATE.search(written) else written
