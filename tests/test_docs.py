"""What the documentation says must be so: links lead somewhere, names exist, tables tell the truth."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from typer.main import get_command

from bots import settings
from bots.channels import web
from bots.cli import app
from bots.web import chat_session
from bots.web.app_keys import WebConfig
from crm import requests
from crm.actor import PERMISSIONS
from crm.staff import ROLES

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^ *```.*?^ *```", re.S | re.M)
_QUOTED = re.compile(r"`[^`\n]*\]\([^`\n]*`")  # code that looks like a link
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(page: Path) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", page.read_text())


def _anchors(page: Path) -> set[str]:
    """The fragments that headings of a page give, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+)$", _prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_to_our_own_files_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(_QUOTED.sub("", _prose(page))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{_name(page)} links to {link}"
        if fragment:
            assert fragment in _anchors(target), f"{_name(page)} links to {link}"


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text())}
    pages = {page for page in PAGES if page.parent != ROOT and page != index}
    assert sorted(_name(page) for page in pages - linked) == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_setting_that_is_mentioned_exists(page: Path) -> None:
    known = {f"{settings.PREFIX}{name.upper()}" for name in settings.Settings.model_fields}
    mentioned = re.findall(r"\bDANGOL_[A-Z][A-Z_]*[A-Z]", page.read_text())
    assert {name.split("__")[0] for name in mentioned} - known == set()


def _commands() -> set[str]:
    found = set()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        found |= {name, *(f"{name} {sub}" for sub in inner)}
    return found


def _mentioned(text: str) -> Iterator[str]:
    """Commands in code: `dangol x …` in backticks, and lines of blocks that begin with it."""
    for block in _FENCE.findall(text):
        yield from re.findall(r"^ *(?:ExecStart=)?(?:\S*/)?dangol +([a-z][^\n]*)", block, re.M)
    yield from re.findall(r"`dangol ([a-z][^`]*)`", _FENCE.sub("", text))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_that_is_mentioned_exists(page: Path) -> None:
    known = _commands()
    groups = {command.split()[0] for command in known if " " in command}
    for mentioned in _mentioned(page.read_text()):
        words = mentioned.split()
        said = " ".join(words[:2]) if words[0] in groups and len(words) > 1 else words[0]
        assert said in known, f"{_name(page)} names dangol {mentioned}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    rooms = "actions|benchmarks|bots|crm|docs|media|nlu|script|tests"
    for path in re.findall(rf"`((?:{rooms})/[\w./-]+)`", _prose(page)):
        assert (ROOT / path).exists(), f"{_name(page)} names {path}"


def _tables(page: str) -> Iterator[list[list[str]]]:
    """The tables of a page: rows of cells, the heading first."""
    for table in re.findall(r"(?:^\|.*\n?)+", _prose(ROOT / "docs" / page), re.M):
        rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in table.splitlines()]
        yield [rows[0], *rows[2:]]


def test_the_table_of_roles_says_what_the_code_allows() -> None:
    table = next(t for t in _tables("operators.md") if t[0][0] == "permission")
    assert table[0][1:-1] == list(ROLES)
    said = {
        row[0].strip("`"): frozenset(role for role, cell in zip(ROLES, row[1:-1], strict=True) if cell == "●")
        for row in table[1:]
    }
    assert said == PERMISSIONS


def _glossary() -> list[list[str]]:
    return [row for table in _tables("glossary.md") for row in table[1:]]


def test_the_glossary_gives_each_word_in_both_languages_and_once() -> None:
    rows = _glossary()
    for english, korean, *_ in rows:
        assert re.search("[A-Za-z]", english)
        assert not re.search("[가-힣]", english)
        assert re.search("[가-힣]", korean), english
    words = [row[0] for row in rows]
    assert sorted(word for word in set(words) if words.count(word) > 1) == []


def _catalogue(language: str, part: str) -> dict[str, Any]:
    text = (ROOT / "bots/web/locale" / f"{language}.json").read_text()
    found: dict[str, Any] = yaml.safe_load(text)[part]
    return found


@pytest.mark.parametrize(("part", "codes"), [("status", requests.STATUSES), ("role", ROLES)])
def test_the_glossary_says_statuses_and_roles_as_the_pages_do(part: str, codes: tuple[str, ...]) -> None:
    rows = {row[2].strip("`"): row[:2] for row in _glossary()}
    for code in codes:
        assert rows[code] == [_catalogue("en", part)[code], _catalogue("ko", part)[code]]


def test_the_glossary_says_priorities_as_the_pages_do() -> None:
    row = next(row for row in _glossary() if row[2] == " ".join(f"`{code}`" for code in requests.PRIORITIES))
    assert row[1].split(", ") == [_catalogue("ko", "priority")[code] for code in requests.PRIORITIES]


WEB = ROOT / "docs" / "channels" / "web.md"


def test_the_example_of_a_visitor_token_is_accepted() -> None:
    sample = re.search(r"```python\n(.*?)```", WEB.read_text(), re.S)
    assert sample
    example: dict[str, Any] = {}
    exec(sample[1], example)  # the text of our own page
    secret = "a secret that is long enough for HS256"
    token = example["visitor_token"](secret, "customer-7", "김민서")
    config = WebConfig(secret_key=b"k" * 32, chat_visitor_secret=secret)
    visitor = chat_session.read_visitor(config, token, datetime.now(UTC))
    assert (visitor.sub, visitor.name) == ("customer-7", "김민서")


def test_every_frame_and_error_of_the_socket_is_explained() -> None:
    page = WEB.read_text()
    frames = {
        get_args(frame.model_fields["type"].annotation)[0] for frame in get_args(get_args(web.AnyFrame)[0])
    }
    assert sorted(frame for frame in frames if f'{{"type":"{frame}"' not in page) == []
    errors = _catalogue("en", "chat")["error"]
    assert sorted(code for code in errors if f"| `{code}` |" not in page) == []


def test_every_metric_is_explained() -> None:
    page = (ROOT / "docs" / "operators.md").read_text()
    names = set(re.findall(r'"(dangol_[a-z_]+)"', (ROOT / "bots" / "metrics.py").read_text()))
    assert names
    assert sorted(name for name in names if not re.search(rf"`{name}(_total)?[{{`]", page)) == []


def test_every_log_event_to_search_for_is_logged_somewhere() -> None:
    page = (ROOT / "docs" / "operators.md").read_text()
    listed = re.search(r"Events to search for: (.*?)\. `fault`", page, re.S)
    assert listed
    code = "\n".join(path.read_text() for path in (ROOT / "bots").rglob("*.py"))
    assert [event for event in re.findall("`([^`]+)`", listed[1]) if f'"{event}"' not in code] == []
