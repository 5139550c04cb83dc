"""The dialogue between two turns: a short list of events instead of a tracker that grows for ever.

Rasa rebuilds its state by replaying events, so the state is kept as the few events that lead to it: what
came before the last turns is folded into a prefix (the slots; inside a form also what triggered it, the form
and its active loop), then the last turns as they were applied. Words of the customer and of the bot are left
out: no prediction depends on them, and the row stays small (the values of slots aside).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rasa.shared.core.constants import (
    ACTION_LISTEN_NAME,
    ACTION_SESSION_START_NAME,
    REQUESTED_SLOT,
    SESSION_START_METADATA_SLOT,
)
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    AllSlotsReset,
    DefinePrevUserUtteredFeaturization,
    Event,
    LoopInterrupted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

VERSION = 1
KEEP_TURNS = 3  # a rule reads the turn it is in; three leave room for an interruption and the return from it

Encoded = dict[str, Any]


def save(tracker: DialogueStateTracker) -> str:
    """The tracker at rest as JSON text. Its size does not depend on the length of the conversation.

    Raises TypeError when a slot holds what JSON cannot (actions must set JSON values, as over HTTP).
    """
    events = [event for event in tracker.applied_events() if type(event) in _ENCODE]
    cut = _start_of_last_turns(events)
    kept = [*_prefix(events[:cut], tracker), *_without_overwritten(events[cut:])]
    encoded = [_ENCODE[type(event)](event) for event in kept]
    return json.dumps({"v": VERSION, "events": encoded}, ensure_ascii=False, separators=(",", ":"))


def restore(text: str, domain: Domain) -> list[Event] | None:
    """The events of a snapshot, fit for this domain; None when it is of a format no longer read.

    A newer model may lack a slot or a form that the snapshot names; what it lacks is left out, a lost form
    together with its open question.
    """
    try:
        content = json.loads(text)
        if content["v"] != VERSION:
            return None
        events = [_decode(item) for item in content["events"]]
    except (ValueError, KeyError, TypeError):
        return None
    return [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted(), *_known(events, domain)]


def _start_of_last_turns(events: list[Event]) -> int:
    """Where the last turns begin: at the listening before the message of the first of them."""
    starts, listening = [], 0
    for index, event in enumerate(events):
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            listening = index
        elif isinstance(event, UserUttered):
            starts.append(listening)
    return starts[-KEEP_TURNS:][0] if starts else len(events)


def _prefix(events: list[Event], tracker: DialogueStateTracker) -> Iterator[Event]:
    """The fewest events that leave the state these events leave."""
    slots, loop, trigger, rejected = _fold(events)
    initial = {name: slot.initial_value for name, slot in tracker.slots.items()}
    if any(isinstance(event, ActionExecuted) for event in events):
        # One listening too many: so no rule of a conversation's start ever fits in its middle.
        yield ActionExecuted(ACTION_LISTEN_NAME)
    if loop:
        yield ActionExecuted(ACTION_LISTEN_NAME)
        yield trigger or UserUttered(None, {"name": None})
        yield ActionExecuted(loop)
        yield ActiveLoop(loop)
    for name, value in slots.items():
        if name != SESSION_START_METADATA_SLOT and value != initial.get(name):
            yield SlotSet(name, value)
    if loop and rejected:
        yield ActionExecutionRejected(loop)


def _fold(events: Iterable[Event]) -> tuple[dict[str, Any], str | None, UserUttered | None, bool]:
    slots: dict[str, Any] = {}
    loop: str | None = None
    said: UserUttered | None = None
    trigger: UserUttered | None = None
    rejected = False
    for event in events:
        if isinstance(event, SlotSet):
            slots[event.key] = event.value
        elif isinstance(event, AllSlotsReset):
            slots.clear()
        elif isinstance(event, UserUttered):
            said = event
        elif isinstance(event, ActiveLoop):
            loop, trigger, rejected = event.name, said, False
        elif isinstance(event, ActionExecuted):
            rejected = rejected and event.action_name != loop
        elif isinstance(event, ActionExecutionRejected):
            rejected = rejected or event.action_name == loop
    return slots, loop, trigger, rejected


def _without_overwritten(events: list[Event]) -> list[Event]:
    """Of slot values set one after the other with nothing executed between, only the last is ever seen."""
    kept: list[Event] = []
    seen: set[str] = set()
    for event in reversed(events):
        if isinstance(event, ActionExecuted | UserUttered | ActiveLoop | AllSlotsReset):
            seen.clear()
        elif isinstance(event, SlotSet):
            if event.key in seen or event.key == SESSION_START_METADATA_SLOT:
                continue
            seen.add(event.key)
        kept.append(event)
    return kept[::-1]


def _known(events: list[Event], domain: Domain) -> list[Event]:
    slots = {slot.name for slot in domain.slots}
    forms = set(domain.form_names)
    if any(isinstance(event, ActiveLoop) and event.name and event.name not in forms for event in events):
        dropped = (ActiveLoop, LoopInterrupted, ActionExecutionRejected)
        events = [event for event in events if not isinstance(event, dropped)]
        slots.discard(REQUESTED_SLOT)
    return [event for event in events if not isinstance(event, SlotSet) or event.key in slots]


def _encode_message(event: UserUttered) -> Encoded:
    parts = ("entity", "role", "group")
    entities = [{part: entity[part] for part in parts if entity.get(part)} for entity in event.entities]
    return {"user": event.intent_name} | ({"entities": entities} if entities else {})


_ENCODE: Mapping[type[Event], Any] = {
    UserUttered: _encode_message,
    ActionExecuted: lambda event: {"action": event.action_name},
    SlotSet: lambda event: {"slot": event.key, "value": event.value},
    AllSlotsReset: lambda event: {"slots": None},
    ActiveLoop: lambda event: {"loop": event.name},
    LoopInterrupted: lambda event: {"interrupted": event.is_interrupted},
    ActionExecutionRejected: lambda event: {"rejected": event.action_name},
    DefinePrevUserUtteredFeaturization: lambda event: {"text": event.use_text_for_featurization},
}

_DECODE = {
    "user": lambda item: UserUttered(None, {"name": item["user"]}, item.get("entities", [])),
    "action": lambda item: ActionExecuted(item["action"]),
    "slot": lambda item: SlotSet(item["slot"], item["value"]),
    "slots": lambda item: AllSlotsReset(),
    "loop": lambda item: ActiveLoop(item["loop"]),
    "interrupted": lambda item: LoopInterrupted(item["interrupted"]),
    "rejected": lambda item: ActionExecutionRejected(item["rejected"]),
    "text": lambda item: DefinePrevUserUtteredFeaturization(item["text"]),
}


def _decode(item: Encoded) -> Event:
    return _DECODE[next(iter(item))](item)
