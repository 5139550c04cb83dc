"""Remote input is read strictly; files get harmless names; the panel says what it must."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.assist import acts, downloads, panel, scenes, words
from media.assist.acts import BadAct
from media.assist.consent import Consent, What
from media.assist.joining import same_server
from tests.media.assist.test_consent import NOW, granted

ROOT = Path(__file__).parent.parent.parent.parent
WHO = scenes.Who("이서준", "새봄가전", "ko")


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ({"t": "move", "x": 1.2, "y": 0}, "x"),
        ({"t": "move", "x": 0.1, "y": float("nan")}, "y"),
        ({"t": "move", "x": True, "y": 0}, "x"),
        ({"t": "down", "x": 0, "y": 0, "b": "fourth"}, "b"),
        ({"t": "wheel", "x": 0, "y": 0, "dy": 10_000}, "dy"),
        ({"t": "key", "k": "PowerOff", "down": True}, "k"),
        ({"t": "key", "k": "a"}, "down"),
        ({"t": "text", "s": ""}, "s"),
        ({"t": "text", "s": "a\x1b[2J"}, "s"),
        ({"t": "text", "s": "가" * (acts.TEXT_MAX + 1)}, "s"),
        ({"t": "run", "s": "rm"}, "t"),
        ({}, "t"),
    ],
)
def test_a_wrong_frame_is_refused_by_the_name_of_its_field(frame: dict[str, Any], field: str) -> None:
    with pytest.raises(BadAct, match=f"^{field}$"):
        acts.read(frame)


JSON = st.sampled_from(
    [None, True, -1, 0, 1, 0.5, 1e9, float("inf"), "", "a", "move", "key", "text", "Enter", [], {}]
)


@given(st.dictionaries(st.sampled_from(["t", "x", "y", "b", "k", "down", "s", "dx", "dy"]), JSON, max_size=6))
def test_no_frame_does_anything_but_be_read_or_refused(frame: dict[str, Any]) -> None:
    said = ""
    with contextlib.suppress(BadAct):
        said = type(acts.read(frame)).__name__
    assert said in {"", "Move", "Press", "Wheel", "Key", "Text", "SetClipboard", "GetClipboard"}


@given(st.floats(0, 1), st.integers(1, 8000))
def test_a_share_of_the_picture_falls_on_a_pixel_of_it(share: float, size: int) -> None:
    assert 0 <= acts.pixel(share, size) < size


@given(st.text(max_size=300))
def test_a_file_name_is_one_name_in_one_folder(name: str) -> None:
    safe = downloads.harmless(name)
    assert safe == Path(safe).name
    assert safe not in ("", ".", "..")
    assert len(safe.encode()) <= downloads.NAME_MAX_BYTES + 1


def test_reserved_and_hidden_names_are_made_harmless() -> None:
    assert downloads.harmless("CON.txt") == "_CON.txt"
    assert downloads.harmless("../../.bashrc") == "bashrc"


async def test_a_file_is_saved_beside_one_of_the_same_name_and_cannot_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))

    async def fetch(url: str, size: int) -> bytes:
        return b"12345"

    offer = downloads.offer({"name": "설명서.pdf", "size": 5, "url": "/f/1"})
    saved = [await downloads.receive(offer, fetch) for _ in range(2)]
    assert [one.name for one in saved] == ["설명서.pdf", "설명서 (1).pdf"]
    assert not (tmp_path / "설명서.pdf").stat().st_mode & 0o111


async def test_a_file_that_is_not_what_was_offered_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))

    async def fetch(url: str, size: int) -> bytes:
        return b"123456"

    with pytest.raises(ValueError, match="size"):
        await downloads.receive(downloads.offer({"name": "a", "size": 5, "url": "/f/1"}), fetch)
    assert list(tmp_path.iterdir()) == []


def test_files_come_from_our_own_server_only() -> None:
    assert same_server("https://help.example.com", "/f/1") == "https://help.example.com/f/1"
    with pytest.raises(ValueError, match="url"):
        same_server("https://help.example.com", "https://elsewhere.example.com/f/1")


def test_both_languages_say_everything_with_the_same_values() -> None:
    korean, english = words.catalogue("ko"), words.catalogue("en")
    assert korean.keys() == english.keys()
    for key, text in korean.items():
        assert {part.split("}")[0] for part in text.split("{")[1:]} == {
            part.split("}")[0] for part in english[key].split("{")[1:]
        }, key


def buttons(scene: panel.Scene) -> list[str]:
    return [button.name for row in scene.rows for button in row]


def test_refusing_is_as_large_as_allowing() -> None:
    drawing = panel.draw(scenes.question(WHO, What.VIEW))
    sizes = {(place.right - place.left, place.bottom - place.top) for place in drawing.places}
    assert len(sizes) == 1
    assert [place.button.name for place in drawing.places] == ["refuse", "allow"]


@pytest.mark.parametrize("whats", [[What.VIEW], [What.VIEW, What.CONTROL], [What.VIEW, What.CLIPBOARD]])
def test_whatever_is_shared_the_stop_button_is_there(whats: list[What]) -> None:
    consent = granted(*whats)
    assert "stop" in buttons(scenes.state(WHO, consent))
    assert "stop" in buttons(scenes.question(WHO, What.FILE, name="a", size="1KB", alert=True))
    assert scenes.state(WHO, consent).alert


def test_nothing_shared_shows_no_alarm() -> None:
    scene = scenes.state(WHO, Consent())
    assert not scene.alert
    assert "stop" not in buttons(scene)


def test_a_press_beside_the_buttons_is_no_press() -> None:
    drawing = panel.draw(scenes.question(WHO, What.VIEW))
    place = drawing.places[1]
    assert drawing.button_at(place.left, place.top) == place.button
    assert drawing.button_at(place.left - 1, place.top) is None
    assert drawing.button_at(2, 2) is None


def test_a_long_word_is_broken_and_nothing_of_it_is_lost() -> None:
    font = panel._font(14)
    lines = panel.wrap("가나다라마바사" * 10 + " 끝", font, 200)
    assert "".join(lines).replace(" ", "") == "가나다라마바사" * 10 + "끝"
    assert all(font.getlength(line) <= 200 for line in lines)


def test_the_agent_carries_nothing_of_dangol_but_itself_and_the_adapter_of_aiortc() -> None:
    seen = subprocess.run(
        [
            sys.executable, "-W", "ignore", "-c",
            "import media.assist.__main__, media.assist.room, media.assist.screen, json, sys;"
            "print(json.dumps(sorted(sys.modules)))",
        ],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    modules = json.loads(seen.stdout)
    ours = {m for m in modules if m.split(".")[0] in ("media", "bots", "crm", "nlu", "actions")}
    assert {m for m in ours if not m.startswith("media.assist")} == {"media", "media.aiortc_adapter"}
    assert not {"rasa", "tensorflow", "tortoise", "numpy"} & set(modules)


def test_a_question_that_waits_is_what_the_panel_shows() -> None:
    consent = Consent()
    consent.ask(What.VIEW, NOW)
    assert buttons(scenes.question(WHO, What.VIEW)) == ["refuse", "allow"]
