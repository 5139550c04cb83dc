"""How Rasa's rule policy finds the rule that fits, faster; `rasa_patches` says why and puts these in."""

import json
from typing import Any, cast

from rasa.core.policies.rule_policy import RULES, RulePolicy

_Rule = tuple[str, list[dict[str, Any]]]  # its key, and its states newest first
_Index = dict[tuple[str | None, str | None], list[_Rule]]


def rules_indexed(original: Any) -> Any:
    """For `RulePolicy._get_possible_keys`."""

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


def text_only_where_rules_have_it(original: Any) -> Any:
    """For `RulePolicy._find_action_from_rules`."""

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
