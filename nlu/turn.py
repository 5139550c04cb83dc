"""One turn inside Rasa: its message processor with one tracker, the actions in process, failures kept."""

import json
from collections.abc import Mapping
from typing import Any

from rasa.core.actions.action import Action
from rasa.core.actions.action import ActionExecutionRejection as Rejected
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.events import SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection

_SHOWN = ("text", "buttons", "image", "custom", "attachment", "elements", "quick_replies")
_NOT_OURS = frozenset({"pause", "resume", "reminder", "cancel_reminder"})


class EngineError(RuntimeError):
    """The dialogue's own rules failed: a fault of the model or of an action, not of the message."""


class EndlessDialogue(EngineError):
    """The rules went on predicting actions without ever waiting for the customer."""


class ForbiddenEvent(EngineError):
    """An action returned an event of Rasa that the turn does not keep (pause, reminder)."""


class Replies(OutputChannel):
    """Keeps each utterance whole, where Rasa's collector splits text at blank lines and images from text."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        return "dangol"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        shown = {key: message[key] for key in _SHOWN if message.get(key)}
        if shown:
            self.sent.append(shown)


class _Memory(TrackerStore):
    """A tracker store of the one conversation of the turn."""

    def __init__(self, tracker: DialogueStateTracker) -> None:
        self._tracker = tracker

    async def get_or_create_tracker(
        self, sender_id: str, max_event_history: int | None = None, append_action_listen: bool = True
    ) -> DialogueStateTracker:
        return self._tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """The engine takes the snapshot itself."""


class _InProcess(EndpointConfig):
    """An action server without the server: same request, same answers, same errors, this task."""

    def __init__(self, executor: ActionExecutor, failures: list[Exception]) -> None:
        super().__init__()
        self._executor = executor
        self._failures = failures

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Any:
        try:
            return _kept(await self._executor.run(kwargs["json"]))
        except ActionExecutionRejection as rejection:
            body = {"action_name": rejection.action_name, "error": rejection.message}
            raise ClientResponseError(400, "rejected", json.dumps(body)) from rejection
        except Exception as failure:
            self._failures.append(failure)  # Rasa swallows some of them, and rewrites others
            raise


def _kept(result: dict[str, Any]) -> dict[str, Any]:
    for event in result["events"]:
        if event["event"] in _NOT_OURS:
            raise ForbiddenEvent(event["event"])
    return result


class _Watched(Action):
    """An action whose failure is kept instead of being logged and forgotten by Rasa."""

    def __init__(self, action: Action, failures: list[Exception]) -> None:
        self._action = action
        self._failures = failures

    def name(self) -> str:
        return str(self._action.name())

    def event_for_successful_execution(self, prediction: Any) -> Any:
        return self._action.event_for_successful_execution(prediction)

    async def run(self, output_channel: Any, nlg: Any, tracker: Any, domain: Any) -> list[Any]:
        try:
            return list(await self._action.run(output_channel, nlg, tracker, domain))
        except Rejected:
            raise
        except Exception as failure:
            self._failures.append(failure)
            return []


class Turn(MessageProcessor):
    """The loaded processor for one turn: its own tracker, actions that may fail, slots set by the caller."""

    def __init__(
        self,
        loaded: MessageProcessor,
        executor: ActionExecutor,
        tracker: DialogueStateTracker,
        slots: Mapping[str, Any],
        expired: bool,
    ) -> None:
        self.__dict__.update(loaded.__dict__)
        self.failures: list[Exception] = []
        self.tracker_store = _Memory(tracker)
        self.action_endpoint = _InProcess(executor, self.failures)
        self.on_circuit_break = self._endless
        self._slots = slots
        self._expired = expired

    def raise_first(self) -> None:
        """Raise what an action raised first, if any did."""
        if self.failures:
            raise self.failures[0]

    def _endless(self, tracker: DialogueStateTracker, *_: Any) -> None:
        self.failures.append(EndlessDialogue(tracker.latest_action_name))

    def _has_session_expired(self, tracker: DialogueStateTracker) -> bool:
        return self._expired

    @staticmethod
    def _log_slots(tracker: DialogueStateTracker) -> None:
        """Rasa writes all slots out as text after every action, for a log that nobody keeps."""

    async def run_anonymization_pipeline(self, tracker: DialogueStateTracker) -> None:
        """A paid feature of Rasa's that asks for its plug-ins on every turn."""

    async def _handle_message_with_tracker(self, message: UserMessage, tracker: DialogueStateTracker) -> None:
        for name, value in self._slots.items():
            if name in tracker.slots and tracker.get_slot(name) != value:
                tracker.update(SlotSet(name, value), self.domain)
        await super()._handle_message_with_tracker(message, tracker)

    async def run_action_extract_slots(
        self, output_channel: OutputChannel, tracker: DialogueStateTracker
    ) -> DialogueStateTracker:
        """Fill the slots from the message; Rasa swallows what an action fails with here as well."""
        tracker = await super().run_action_extract_slots(output_channel, tracker)
        self.raise_first()
        return tracker

    async def _run_action(
        self, action: Action, tracker: Any, output_channel: Any, nlg: Any, prediction: Any
    ) -> bool:
        watched = _Watched(action, self.failures)
        again = await super()._run_action(watched, tracker, output_channel, nlg, prediction)
        self.raise_first()
        return bool(again)
