"""Rasa embedded: one message and the dialogue before it become replies and the dialogue after it.

Nothing here does any I/O but loading the model. The actions run in the caller's task, hence inside the
caller's database transaction, and what they raise reaches the caller.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.core.policies.policy import Policy
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import TrackerStore
from rasa.engine.storage.storage import ModelMetadata
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.slot_mappings import SlotMapping
from rasa.shared.core.trackers import DialogueStateTracker
from rasa_sdk.executor import ActionExecutor

from nlu import parsing, rasa_patches
from nlu.batch import Batcher
from nlu.quiet import silence
from nlu.snapshot import restore, save
from nlu.turn import EndlessDialogue, EngineError, ForbiddenEvent, Replies, Turn

__all__ = ["EndlessDialogue", "Engine", "EngineError", "ForbiddenEvent", "Turned"]

RANKED = 3  # guesses an action gets to offer


@dataclass(frozen=True)
class Turned:
    """What a turn leaves. `replies`: one per utterance, in order, with the keys of Rasa's output it sets."""

    replies: list[dict[str, Any]]
    snapshot: str
    intent: str | None


class Engine:
    """A loaded model. Serves any number of concurrent turns of different senders in one event loop."""

    def __init__(self, path: Path, executor: ActionExecutor) -> None:
        """Load in this thread (seconds of CPU); see `load`."""
        self.fingerprint = path.name.removesuffix(".tar.gz")
        self._executor = executor
        self._processor = MessageProcessor(
            path, TrackerStore(None), InMemoryLockStore(), TemplatedNaturalLanguageGenerator({})
        )
        self._batcher = Batcher(self._processor)
        self._domain = self._processor.domain
        self._processor.nlg.responses = self._domain.responses
        _demand_rules_only(self._processor.model_metadata)
        silence()  # the components imported with the model too

    @property
    def domain(self) -> dict[str, Any]:
        """The assistant's domain as the actions get it: responses, slots, forms."""
        known: dict[str, Any] = self._domain.as_dict()
        return known

    @classmethod
    async def load(cls, model: Path, executor: ActionExecutor) -> "Engine":
        """Load a trained model beside the loop, so that an older engine serves on meanwhile."""
        rasa_patches.apply()
        return await asyncio.to_thread(cls, model, executor)

    async def parse(
        self, text: str, *, at: datetime, audience: str = "customer", language: str | None = None
    ) -> dict[str, Any]:
        """What the model understands of typed text, as Rasa's parse data. `at` (aware): when it came in."""
        if at.tzinfo is None:
            raise ValueError("at must be aware")
        harmless = parsing.harmless(text)
        if not harmless.strip():
            return parsing.unspoken(text)
        if number := parsing.number(text, audience):
            return number
        about = {"audience": audience, "at": at.isoformat(), "language": language}
        message = UserMessage(harmless, sender_id="", metadata=about)
        message.text = harmless  # Rasa strips it, which would shift every offset
        parsed = await self._batcher.parse(message)
        return parsing.spoken(parsed, text)

    async def turn(
        self,
        *,
        sender: str,
        text: str,
        parsed: Mapping[str, Any],
        snapshot: str | None,
        metadata: Mapping[str, Any],
        slots: Mapping[str, Any],
        at: datetime,
        expired: bool = False,
    ) -> Turned:
        """Predict and run the actions that answer one message.

        `slots` hold before the message is read; those the domain does not know are left out. `expired` starts
        a new session, which keeps old slots only if the domain carries them over. The first exception of an
        action is raised here: nothing of the turn may be kept then. Also raises EngineError.
        """
        tracker = self.tracker(sender, snapshot)
        replies, intent = await self.turn_on(
            tracker, text=text, parsed=parsed, metadata=metadata, slots=slots, at=at, expired=expired
        )
        return Turned(replies, save(tracker), intent)

    def tracker(self, sender: str, snapshot: str | None) -> DialogueStateTracker:
        """Rasa's tracker as the snapshot left it; empty for a new conversation."""
        events = restore(snapshot, self._domain) if snapshot else None
        return DialogueStateTracker.from_events(sender, events or [], self._domain.slots)

    async def turn_on(
        self,
        tracker: DialogueStateTracker,
        *,
        text: str,
        parsed: Mapping[str, Any],
        metadata: Mapping[str, Any],
        slots: Mapping[str, Any],
        at: datetime,
        expired: bool = False,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """`turn` on a tracker that the caller keeps; returns the replies and the intent that was believed."""
        heard = parsing.heard(parsed, metadata.get("audience", "customer"), self._question(tracker, expired))
        about = {
            **metadata,
            "at": at.isoformat(),
            "nlu": {"band": parsed.get("band"), "ranking": parsing.ranking(parsed)[:RANKED]},
        }
        replies = Replies()
        channel = metadata.get("channel")
        message = UserMessage(text, replies, tracker.sender_id, heard, channel, metadata=about)
        turn = Turn(self._processor, self._executor, tracker, slots, expired)
        await turn.handle_message(message)
        turn.raise_first()
        return replies.sent, heard["intent"]["name"]

    def _question(self, tracker: DialogueStateTracker, expired: bool) -> parsing.Question | None:
        """What the active form waits for, with the intents that its slot's mappings name as answers."""
        slot = tracker.get_slot(REQUESTED_SLOT)
        if expired or not tracker.active_loop_name or not slot or slot not in tracker.slots:
            return None
        intents: set[str] = set()
        for mapping in tracker.slots[slot].mappings:
            forms = [condition.get("active_loop") for condition in mapping.get("conditions", ())]
            if not forms or tracker.active_loop_name in forms:
                intents.update(SlotMapping.to_list(mapping.get("intent")))
        return parsing.Question(slot, frozenset(intents))


def _demand_rules_only(metadata: ModelMetadata) -> None:
    """A policy that reads further back than a rule would need more of the dialogue than a snapshot keeps."""
    policies = {
        node.uses.__name__ for node in metadata.predict_schema.nodes.values() if issubclass(node.uses, Policy)
    }
    if policies - {RulePolicy.__name__}:
        raise EngineError(f"the dialogue must be rules only, not {sorted(policies)}")
