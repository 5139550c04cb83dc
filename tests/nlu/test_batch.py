"""Messages that wait together share one run of the model; a bad one spoils only itself."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.shared.nlu.training_data.message import Message

from nlu.batch import LARGEST, Batcher


class Runner:
    """A model that upper-cases, and chokes on 'bad'."""

    def __init__(self) -> None:
        self.runs: list[int] = []

    def run(self, inputs: Mapping[str, Any], targets: list[str]) -> dict[str, list[Message]]:
        messages = inputs["__message__"]
        self.runs.append(len(messages))
        if any(message.text == "bad" for message in messages):
            raise ValueError("bad")
        done = []
        for message in messages:
            parsed = Message({"text": message.text})
            parsed.set("text", message.text.upper(), add_to_output=True)
            done.append(parsed)
        return {targets[0]: done}


def batcher() -> tuple[Batcher, Runner]:
    runner = Runner()
    processor = SimpleNamespace(graph_runner=runner, model_metadata=SimpleNamespace(nlu_target="nlu"))
    return Batcher(processor), runner


async def test_what_waits_together_is_parsed_together() -> None:
    together, runner = batcher()
    found = await asyncio.gather(*(together.parse(UserMessage(text)) for text in ("a", "b", "c")))
    assert [one["text"] for one in found] == ["A", "B", "C"]
    assert runner.runs == [3]


async def test_a_run_has_a_largest_size() -> None:
    together, runner = batcher()
    await asyncio.gather(*(together.parse(UserMessage(str(number))) for number in range(LARGEST + 3)))
    assert runner.runs == [LARGEST, 3]


async def test_a_bad_message_spoils_only_itself() -> None:
    together, _ = batcher()
    good, bad, other = await asyncio.gather(
        *(together.parse(UserMessage(text)) for text in ("a", "bad", "b")), return_exceptions=True
    )
    assert isinstance(bad, ValueError)
    assert not isinstance(good, BaseException)
    assert not isinstance(other, BaseException)
    assert (good["text"], other["text"]) == ("A", "B")


async def test_a_bad_message_alone_is_named() -> None:
    together, runner = batcher()
    with pytest.raises(ValueError, match="bad"):
        await together.parse(UserMessage("bad"))
    assert runner.runs == [1]
