"""How Rasa's tracker is copied, replayed and read, faster; `rasa_patches` says why and puts these in."""

import copy
import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from rasa.core.actions.forms import FormAction
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
)
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker

_BEGIN, _UNDO, _LOOP, _ACT, _OTHER = range(5)  # what an event does to those before it
_KINDS: tuple[tuple[int, tuple[type[Event], ...]], ...] = (
    (_BEGIN, (Restarted, SessionStarted)),
    (_UNDO, (ActionReverted, UserUtteranceReverted)),
    (_LOOP, (ActiveLoop,)),
    (_ACT, (ActionExecuted,)),
)


def cloned(original: Any) -> Any:
    """For `DialogueStateTracker.copy`."""

    def clone(self: DialogueStateTracker) -> DialogueStateTracker:
        cloned = object.__new__(type(self))
        vars(cloned).update(vars(self))
        cloned.events = deque(self.events, self._max_event_history)
        cloned.slots = {name: copy.copy(slot) for name, slot in self.slots.items()}
        cloned.active_loop = dataclasses.replace(self.active_loop) if self.active_loop else None
        cloned.model_id = cloned.assistant_id = cloned.sender_source = None
        return cloned

    return clone


def shallow(original: Any) -> Any:
    """For `Slot.__copy__`."""

    def __copy__(self: Slot) -> Slot:
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    return __copy__


def applied_by_kind(original: Any) -> Any:
    """For `DialogueStateTracker.applied_events`."""

    def applied_events(self: DialogueStateTracker) -> list[Event]:
        kinds = [_kind(type(event)) for event in self.events]
        if _UNDO in kinds:
            undone: list[Event] = original(self)
            return undone
        loops = {event.name for event, kind in zip(self.events, kinds, strict=True) if kind == _LOOP}
        applied: list[Event] = []
        for event, kind in zip(self.events, kinds, strict=True):
            if kind == _BEGIN:
                applied = []
            elif kind == _ACT and event.action_name and event.action_name in loops:
                if not self._first_loop_execution_or_unhappy_path(event.action_name, applied):
                    self._undo_till_previous_loop_execution(event.action_name, applied)
                else:
                    applied.append(event)
            else:
                applied.append(event)
        return applied

    return applied_events


def _kind_of(event: Any) -> int:
    return next((kind for kind, classes in _KINDS if issubclass(event, classes)), _OTHER)


_kind: Callable[[Any], int] = functools.cache(_kind_of)


def copied(original: Any) -> Any:
    """For `FormAction._temporary_tracker`."""

    def _temporary_tracker(
        self: FormAction,
        current_tracker: DialogueStateTracker,
        additional_events: Sequence[Event],
        domain: Any,
    ) -> DialogueStateTracker:
        if any(type(event) is Restarted for event in current_tracker.events):
            replayed: DialogueStateTracker = original(self, current_tracker, additional_events, domain)
            return replayed
        temporary = current_tracker.copy()
        asked = SlotSet(REQUESTED_SLOT, self.get_slot_to_fill(current_tracker))
        for event in (asked, ActionExecuted(self.name()), *additional_events):
            temporary.update(event)
        return temporary

    return _temporary_tracker
