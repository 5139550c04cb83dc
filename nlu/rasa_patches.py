"""What Rasa 3.6.21 does that we do not want, in one place: waste time (for what it prints see quiet.py).

Each patch names its reason and its gain, and pins the source it replaces: `apply` refuses to run on another
Rasa until someone has looked. None changes what the dialogue does (a test compares patched with unpatched).
`gain_ms`: CPU-ms more per turn when just this patch is left out, on a dialogue of 80 rules and two forms,
without the parse; together they take a turn from 17.8 to 1.5. Of the last three it is what the replaced code
took in a profile of the benchmark `turn`, scaled to its 13.5 CPU-ms: at most so much is won.
"""

import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jsonschema
import rasa.core.actions.action
import rasa.core.actions.forms
import rasa.core.policies.rule_policy
import rasa.core.processor
from rasa.core.actions.action import RemoteAction
from rasa.core.actions.forms import FormAction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.events import Event
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker

from nlu import rule_patches, tracker_patches
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
        if _sets_a_slot(result):
            return True
        name = result.get("event") if isinstance(result, dict) else None
        kind = kinds.get(name) if isinstance(name, str) else None
        return kind is not None and bool(common.is_valid(result) and kind.is_valid(result))

    def _validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
        if not all(map(fits, result["events"])) or not all(isinstance(r, dict) for r in result["responses"]):
            whole.validate(result)
        return True

    return _validate_action_result


def _sets_a_slot(result: Any) -> bool:
    """Whether it sets a slot and nothing else; no schema has to be walked through for that."""
    return (
        type(result) is dict
        and result.get("event") == "slot"
        and type(result.get("name")) is str
        and "value" in result
        and result.get("timestamp") is None
        and result.get("metadata") is None
    )


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


def _made_once(original: Any) -> Any:
    made: dict[int, tuple[Any, list[Any]]] = {}

    def default_actions(action_endpoint: Any = None) -> list[Any]:
        known = made.get(id(action_endpoint))
        if known is None or known[0] is not action_endpoint:
            made.clear()  # one endpoint a process: a reloaded model brings another
            known = made[id(action_endpoint)] = (action_endpoint, original(action_endpoint))
        return list(known[1])

    return default_actions


PATCHES = [
    Patch(
        Slot,
        "__copy__",
        tracker_patches.shallow,
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
        rule_patches.rules_indexed,
        "2915fd81711e194c6d667728e00bd0e51e9c1c2791a0be14c55f0ef9938f9936",
        "every rule is read backwards and compared with every state, through three calls",
        0.6,
    ),
    Patch(
        RulePolicy,
        "_find_action_from_rules",
        rule_patches.text_only_where_rules_have_it,
        "be6da6ee0f5429bd9bbded9f22186f3729469e5b392949493fd34a00ef9531d9",
        "every message is first matched by its text, though no rule has any",
        0.5,
    ),
    Patch(
        DialogueStateTracker,
        "copy",
        tracker_patches.cloned,
        "dfa48dca9f355ad1b42c625bc6f6370bafe83514ed17a77904ed64c67bf07285",
        "a copy replays all events from the beginning, for every action",
        0.1,
    ),
    Patch(
        DialogueStateTracker,
        "applied_events",
        tracker_patches.applied_by_kind,
        "764d5065ea9997d613c1984d9357370f9ae32d31ca21346086f16c54f0487aae",
        "every event is compared with six abstract classes, three times a turn",
        0.7,
    ),
    Patch(
        FormAction,
        "_temporary_tracker",
        tracker_patches.copied,
        "381bc4b6e07fc205a4189558635d11392464a81d89499188542246f8376d8ee7",
        "a form asks what its slots would be by replaying all events from the beginning",
        0.5,
    ),
    Patch(
        rasa.core.actions.action,
        "default_actions",
        _made_once,
        "6fa4896f3667a20ef926faa5a9aed3d7be3543924aae20d0f55bc735dd04417f",
        "the twelve default actions are made anew to find one action by its name",
        0.1,
    ),
]
