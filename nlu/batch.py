"""Messages that wait together are understood together: the encoder reads many at a third of the price."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.processor import MessageProcessor
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.shared.core.trackers import DialogueStateTracker

LARGEST = 16
"""Messages of one run: more would make the first wait for the last."""

_Waiting = tuple[UserMessage, "asyncio.Future[dict[str, Any]]"]


def parse_together(processor: MessageProcessor, messages: Sequence[UserMessage]) -> list[dict[str, Any]]:
    """Rasa's parse data of each message, by one run of the model."""
    target = processor.model_metadata.nlu_target
    tracker = DialogueStateTracker.from_events("", [])
    inputs = {PLACEHOLDER_MESSAGE: list(messages), PLACEHOLDER_TRACKER: tracker}
    parsed = processor.graph_runner.run(inputs=inputs, targets=[target])[target]
    blank = {"text": "", "intent": {"name": None, "confidence": 0.0}, "entities": []}
    return [blank | one.as_dict(only_output_properties=True) for one in parsed]


class Batcher:
    """Gathers what the lanes of one event loop want parsed at the same moment; nobody waits for company."""

    def __init__(self, processor: MessageProcessor) -> None:
        self._processor = processor
        self._waiting: list[_Waiting] = []

    async def parse(self, message: UserMessage) -> dict[str, Any]:
        """Parse data of one message. Raises what the model raises on this message, and on this alone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting.append((message, future))
        if len(self._waiting) == 1:
            # Behind everything that is ready to run now, so that those who are ready join in.
            loop.call_soon(self._run)
        return await future

    def _run(self) -> None:
        batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        try:
            answers = parse_together(self._processor, [message for message, _ in batch])
        except Exception as error:
            self._alone(batch, error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _alone(self, batch: list[_Waiting], error: Exception) -> None:
        """One message spoils a run: find out which."""
        for message, future in batch:
            if future.done():
                continue
            try:
                if len(batch) == 1:
                    raise error
                future.set_result(parse_together(self._processor, [message])[0])
            except Exception as own:
                future.set_exception(own)
