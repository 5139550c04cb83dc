"""What Rasa 3.6.21 does that we do not want, in one place: waste time (for what it prints see quiet.py).

Each patch names its reason and its gain, and pins the source it replaces: `apply` refuses to run on another
Rasa until someone has looked. None changes what the dialogue does (a test compares patched with unpatched).
`gain_ms`: CPU-ms more per turn when just this patch is left out, on a dialogue of 80 rules and two forms,
without the parse; together they take a turn from 17.8 to 1.5.
"""

import copy
import dataclasses
import functools
import hashlib
import inspect
import json
import types
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import jsonschema
import rasa.core.actions.forms
import rasa.core.policies.rule_policy
import rasa.core.processor
from rasa.core.actions.action import RemoteAction
from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.events import Event
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker

from nlu.quiet import silence


class RasaChanged(RuntimeError):
    """The code a patch replaces is no longer the code it was written for."""


@dataclass(frozen=True)
class Patch:
    """One attribute of Rasa's, replaced. `source` is the SHA-256 of the source text it was written for."""

    owner: Any
    name: str
    make: Callable[[Any], Any]
    source: str
    reason: str
    gain_ms: float

    def original(self) -> Any:
        """Rasa's own, as a descriptor where it is one; None where Rasa has none."""
        if (self.owner, self.name) in _ORIGINALS:
            return _ORIGINALS[self.owner, self.name]
        return vars(self.owner).get(self.name)

    def current_source(self) -> str:
        """The SHA-256 of what Rasa has now: the function; else the class or module it would belong to."""
        original = self.original()
        what = original.__func__ if isinstance(original, staticmethod | classmethod) else original
        what = what if inspect.isfunction(what) else self.owner
        return hashlib.sha256(inspect.getsource(what).encode()).hexdigest()


_ORIGINALS: dict[tuple[Any, str], Any] = {}


def apply(patches: Sequence[Patch] | None = None) -> None:
    """Apply every patch, once. Raises RasaChanged when Rasa is another than they were written for."""
    silence()
    for patch in PATCHES if patches is None else patches:
        if patch.current_source() != patch.source:
            raise RasaChanged(
                f"{patch.owner.__name__}.{patch.name}: look again at the patch ({patch.reason})"
            )
        if (patch.owner, patch.name) not in _ORIGINALS:
            _ORIGINALS[patch.owner, patch.name] = original = patch.original()
            setattr(patch.owner, patch.name, patch.make(original))


@contextmanager
def without(*patches: Patch) -> Iterator[None]:
    """Rasa without some of the patches (all when none is named), to compare."""
    for patch in patches or PATCHES:
        original = _ORIGINALS.pop((patch.owner, patch.name))
        if original is None:
            delattr(patch.owner, patch.name)
        else:
            setattr(patch.owner, patch.name, original)
    try:
        yield
    finally:
        apply()


def _schema_checked_once(original: Any) -> Any:
    schema = RemoteAction.action_response_format_spec()
    checker = jsonschema.validators.validator_for(schema)
    checker.check_schema(schema)
    whole, event = checker(schema), schema["properties"]["events"]["items"]
    common = checker({key: value for key, value in event.items() if key != "oneOf"})
    kinds = _by_name(event["oneOf"], checker)

    def fits(result: Any) -> bool:
        name = result.get("event") if isinstance(result, dict) else None
        kind = kinds.get(name) if isinstance(name, str) else None
        return kind is not None and bool(common.is_valid(result) and kind.is_valid(result))

    def _validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
        if not all(map(fits, result["events"])) or not all(isinstance(r, dict) for r in result["responses"]):
            whole.validate(result)
        return True

    return _validate_action_result


def _by_name(schemas: list[dict[str, Any]], checker: Any) -> dict[str, Any]:
    """A validator for each event whose name has but one schema; Rasa tries all of them on every event."""
    names = [schema["properties"]["event"]["const"] for schema in schemas]
    unique = zip(names, schemas, strict=True)
    return {name: checker(schema) for name, schema in unique if names.count(name) == 1}


def _memoised(original: Any) -> Any:
    return staticmethod(functools.cache(original.__func__))


def _copy_for_logging_only(original: Any) -> Any:
    return types.SimpleNamespace(deepcopy=lambda value: value)


def _no_text(original: Any) -> Any:
    return staticmethod(lambda states: "")


def _ordered_once(original: Any) -> Any:
    def run(
        self: DaskGraphRunner, inputs: dict[str, Any] | None = None, targets: list[str] | None = None
    ) -> dict[str, Any]:
        plans = vars(self).setdefault("plans", {})
        wanted = tuple(targets or self._graph_schema.target_names)
        plan = plans.get(wanted) or plans.setdefault(wanted, _plan(self, wanted))
        results: dict[str, Any] = {name: (name, value) for name, value in (inputs or {}).items()}
        try:
            for name, node, needs in plan:
                results[name] = node(*(results.get(need, need) for need in needs))
        except RuntimeError as error:
            raise GraphRunError("Error running runner.") from error
        return {name: results[name][1] for name in wanted}

    return run


def _plan(runner: DaskGraphRunner, targets: tuple[str, ...]) -> list[tuple[str, Any, list[str]]]:
    """The nodes that lead to the targets, each after those it needs."""
    schema = runner._graph_schema.nodes
    plan: dict[str, tuple[str, Any, list[str]]] = {}

    def add(name: str) -> None:
        if name in plan or name not in schema:
            return
        needs = list(schema[name].needs.values())
        for need in needs:
            add(need)
        plan[name] = (name, runner._instantiated_nodes[name], needs)

    for target in targets:
        add(target)
    return list(plan.values())


_Rule = tuple[str, list[dict[str, Any]]]  # its key, and its states newest first
_Index = dict[tuple[str | None, str | None], list[_Rule]]


def _rules_indexed(original: Any) -> Any:
    def _get_possible_keys(
        self: RulePolicy, lookup: dict[str, str], states: list[dict[str, Any]]
    ) -> set[str]:
        if not states:
            return set(lookup)
        index, newest_first = _index(self, lookup), states[::-1]
        action, intent = _marks(newest_first[0])
        # A rule that does not say an action or an intent takes any.
        groups = {(action, intent), (action, None), (None, intent), (None, None)}
        return {
            key
            for group in groups
            for key, rule in index.get(group, ())
            if _applies(self, rule, newest_first)
        }

    return _get_possible_keys


def _index(policy: RulePolicy, lookup: dict[str, str]) -> _Index:
    known = vars(policy).setdefault("indexes", {}).get(id(lookup))
    if known and known[0] is lookup and known[1] == len(lookup):
        return cast("_Index", known[2])
    index: _Index = {}
    for key in lookup:
        rule = json.loads(key)[::-1]
        index.setdefault(_marks(rule[0]), []).append((key, rule))
    vars(policy)["indexes"][id(lookup)] = (lookup, len(lookup), index)
    return index


def _marks(state: dict[str, Any]) -> tuple[str | None, str | None]:
    """The two features that tell most rules apart: the action before, and the intent."""
    return state.get("prev_action", {}).get("action_name"), state.get("user", {}).get("intent")


def _applies(policy: RulePolicy, rule: list[dict[str, Any]], newest_first: list[dict[str, Any]]) -> bool:
    for ruled, state in zip(rule, newest_first, strict=False):
        if not ruled.get("prev_action") or not state.get("prev_action"):
            # A rule of a conversation's start fits there alone, and no other does.
            if ruled.get("prev_action") or state.get("prev_action"):
                return False
        elif not policy._does_rule_match_state(ruled, state):
            return False
    return True


def _text_only_where_rules_have_it(original: Any) -> Any:
    def _find_action_from_rules(
        self: RulePolicy, tracker: Any, domain: Any, use_text_for_last_user_input: bool
    ) -> tuple[str | None, str | None, bool]:
        if use_text_for_last_user_input and not _has_text(self):
            return None, None, False
        found: tuple[str | None, str | None, bool] = original(
            self, tracker, domain, use_text_for_last_user_input
        )
        return found

    return _find_action_from_rules


def _has_text(policy: RulePolicy) -> bool:
    rules = policy.lookup[RULES]
    known, has_text = vars(policy).get("text_rules", (None, False))
    if known is not rules:
        has_text = any('"text"' in key for key in rules)
        vars(policy)["text_rules"] = (rules, has_text)
    return bool(has_text)


def _cloned(original: Any) -> Any:
    def clone(self: DialogueStateTracker) -> DialogueStateTracker:
        cloned = object.__new__(type(self))
        vars(cloned).update(vars(self))
        cloned.events = deque(self.events, self._max_event_history)
        cloned.slots = {name: copy.copy(slot) for name, slot in self.slots.items()}
        cloned.active_loop = dataclasses.replace(self.active_loop) if self.active_loop else None
        cloned.model_id = cloned.assistant_id = cloned.sender_source = None
        return cloned

    return clone


def _shallow(original: Any) -> Any:
    def __copy__(self: Slot) -> Slot:
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    return __copy__


PATCHES = [
    Patch(
        Slot,
        "__copy__",
        _shallow,
        "0a694d68aef367326f0d4714f862136245b05509efc5b037ab8c60fb3341e47e",
        "every tracker copies every slot, by the roundabout way of pickling",
        0.4,
    ),
    Patch(
        RemoteAction,
        "_validate_action_result",
        _schema_checked_once,
        "f8cdb4be6812396167ced74161b2ccd65c5ea676ad86d7d359d8c322d9d8dc42",
        "the JSON schema of an action's result is itself checked against the schema of schemas at every call",
        14.5,
    ),
    Patch(
        Event,
        "resolve_by_type",
        _memoised,
        "b5cf570fa7f286c7059ec73d8880528d03a78b28cf4e80285a46079c0fa65968",
        "the class of every event is looked for among all subclasses of Event",
        0.2,
    ),
    Patch(
        rasa.core.processor,
        "copy",
        _copy_for_logging_only,
        "f42dfbf26e2ffcb66e08cf4180d1de1cce2a8f59389d5d3b4ea12a95b1f186dd",
        "events are copied deeply to be logged at a level nobody reads",
        0.2,
    ),
    Patch(
        rasa.core.actions.forms,
        "copy",
        _copy_for_logging_only,
        "7cb6c30550116597a43e0139b3d0c3507e4a1a900d72a5eae8b818aa19647dd7",
        "messages and slots are copied deeply to be logged at a level nobody reads",
        0.1,
    ),
    Patch(
        RulePolicy,
        "format_tracker_states",
        _no_text,
        "f81907adf0fea37d32eae91aa31f39c9f8868eedada431dfe2e964e4796b3c57",
        "all states are written out as text to be logged at a level nobody reads",
        0.1,
    ),
    Patch(
        DaskGraphRunner,
        "run",
        _ordered_once,
        "45f0f52f574f3aa9546a552bf671183e171092c18b66e97f5771a7fa295de37e",
        "the order of the graph's nodes is worked out by dask at every run",
        0.8,
    ),
    Patch(
        RulePolicy,
        "_get_possible_keys",
        _rules_indexed,
        "2915fd81711e194c6d667728e00bd0e51e9c1c2791a0be14c55f0ef9938f9936",
        "every rule is read backwards and compared with every state, through three calls",
        0.6,
    ),
    Patch(
        RulePolicy,
        "_find_action_from_rules",
        _text_only_where_rules_have_it,
        "be6da6ee0f5429bd9bbded9f22186f3729469e5b392949493fd34a00ef9531d9",
        "every message is first matched by its text, though no rule has any",
        0.5,
    ),
    Patch(
        DialogueStateTracker,
        "copy",
        _cloned,
        "dfa48dca9f355ad1b42c625bc6f6370bafe83514ed17a77904ed64c67bf07285",
        "a copy replays all events from the beginning, for every action",
        0.1,
    ),
]
