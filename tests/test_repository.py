"""What must always be true of the repository: everything a person can set, call or hear of is documented."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import actions
from bots import settings
from bots.cli import app
from crm.happening_kinds import KINDS

ROOT = Path(__file__).parent.parent
DOMAIN = ROOT / "nlu" / "domain"


def _documented(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


@pytest.mark.parametrize("name", sorted(settings.Settings.model_fields))
def test_each_setting_is_documented_with_its_meaning_and_an_example(name: str) -> None:
    field = settings.Settings.model_fields[name]
    line = next(
        (x for x in _documented("settings.md").splitlines() if f"`{settings.PREFIX}{name.upper()}`" in x), ""
    )
    assert field.description
    assert field.description in line
    assert field.examples
    assert field.examples[0] in line


def _commands() -> list[str]:
    found = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [f"{name} {sub}" for sub in inner] if inner else [name]
    return found


@pytest.mark.parametrize("command", _commands())
def test_each_command_is_documented(command: str) -> None:
    assert f"`dangol {command}`" in _documented("commands.md")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_happening_is_documented_with_its_meaning(kind: str) -> None:
    assert f"| `{kind}` | {KINDS[kind]} |" in _documented("happenings.md")


@pytest.mark.parametrize(
    "channel",
    sorted(p.stem for p in (ROOT / "bots/channels").glob("*.py") if "_" not in p.stem and p.stem != "base"),
)
def test_each_channel_has_a_page_on_how_to_set_it_up(channel: str) -> None:
    assert (ROOT / "docs" / "channels" / f"{channel}.md").exists()


def _domain(*parts: str) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((DOMAIN.joinpath(*parts)).read_text())
    return loaded


def test_the_domain_names_every_action_and_no_other() -> None:
    named = _domain("actions.yml")["actions"]
    assert isinstance(named, list)
    assert sorted(named) == sorted(action.name() for action in actions.ALL)


def test_every_response_speaks_korean_and_english() -> None:
    for path in sorted((DOMAIN / "responses").glob("*.yml")):
        for name, variants in yaml.safe_load(path.read_text())["responses"].items():
            korean, english = variants
            assert "condition" not in korean, name
            assert english["condition"] == [{"type": "slot", "name": "language", "value": "en"}], name
            assert re.search("[가-힣]", korean["text"]) or not re.search("[A-Za-z]{3}", korean["text"]), name
            assert not re.search("[가-힣]", english["text"]), name
            assert len(korean.get("buttons", [])) == len(english.get("buttons", [])), name


def test_every_response_that_an_action_says_is_in_the_domain() -> None:
    known = {
        name
        for path in (DOMAIN / "responses").glob("*.yml")
        for name in yaml.safe_load(path.read_text())["responses"]
    }
    said = set()
    for path in [*(ROOT / "actions").glob("*.py"), ROOT / "bots" / "notices.py"]:
        said |= set(re.findall(r'"((?:utter|label|notice)_[a-z_0-9]+)"', path.read_text()))
    assert said - known == set()


def test_no_file_names_this_machine_or_a_download_address() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        if name == "requirements.lock":
            assert "://" not in (ROOT / name).read_text()
