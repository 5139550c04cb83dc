"""The words of the bot: both languages, the placeholders that are filled, 해요체 without shouting."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import actions
from tests.actions.conftest import ROOT

DOMAIN = ROOT / "nlu" / "domain"
RESPONSES: dict[str, list[dict[str, Any]]] = {}
for path in sorted((DOMAIN / "responses").glob("*.yml")):
    RESPONSES |= yaml.safe_load(path.read_text())["responses"]


def _filled(text: str) -> set[str]:
    """The names that are filled in, without the particle or plural that follows them."""
    return {re.sub(r"_(eun|i|eul|ro|ieyo|s|people)$", "", name) for name in re.findall(r"{(\w+)}", text)}


def source() -> str:
    rooms = [*(ROOT / "actions").glob("*.py"), ROOT / "bots" / "notices.py"]
    return "\n".join(Path(path).read_text() for path in rooms)


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_says_the_same_in_both_languages(name: str) -> None:
    korean, english, *_ = RESPONSES[name]  # others may come behind
    assert "condition" not in korean
    assert english["condition"] == [{"type": "slot", "name": "language", "value": "en"}]
    assert not re.search("[가-힣]", english["text"])
    plain = [_filled(variant["text"]) for variant in (korean, english)]
    assert plain[1] <= plain[0]
    payloads = [[button["payload"] for button in variant.get("buttons", [])] for variant in (korean, english)]
    assert payloads[0] == payloads[1]


@pytest.mark.parametrize("name", [name for name in RESPONSES if not name.startswith("label_")])
def test_the_bot_speaks_politely_and_does_not_shout(name: str) -> None:
    for variant in RESPONSES[name]:
        assert "!" not in variant["text"]
    korean = RESPONSES[name][0]["text"].replace("_ieyo}", "}이에요").removesuffix("\n{link}")
    for sentence in re.split(r"(?<=[.?])\s+", korean):
        example_or_list = re.search(r"예: |^\(.*\)$|, 전화 요청\.$", sentence)
        assert sentence.rstrip(".?").endswith("요") or example_or_list, f"{name}: {sentence}"


def test_every_response_is_said_somewhere_and_every_one_said_exists() -> None:
    code = source()
    built = re.compile(
        r"label_intent_|label_live_|label_step_|label_hint_|label_status_|label_card_|label_what_|label_score_|notice_|"
        r"utter_ask_detail_|utter_ask_sure_|utter_ask_product_guess_|label_yes_(cancel|move)|"
        r"utter_aside_|utter_(help|thank|goodbye|affirm|deny|chitchat|out_of_scope)$"
    )
    rules = "\n".join(path.read_text() for path in (ROOT / "nlu/data/rules").glob("*.yml"))
    by_rule = set(re.findall(r"action: (utter_\w+)", rules))
    unused = [
        name
        for name in RESPONSES
        if f'"{name}"' not in code and not built.match(name) and name not in by_rule
    ]
    assert unused == []
    said = set(re.findall(r'"((?:utter|label|notice)_\w+)"', code))
    assert said - set(RESPONSES) == set()


def test_the_domain_lists_exactly_the_actions_there_are() -> None:
    listed = yaml.safe_load((DOMAIN / "actions.yml").read_text())["actions"]
    assert sorted(listed) == sorted(str(action.name()) for action in actions.ALL)
