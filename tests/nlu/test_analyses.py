"""What texts are made of is kept between trainings, and is what an analysis would find."""

from pathlib import Path

import pytest

from nlu.components.analyses import recalled, remembering
from nlu.components.kiwi import pieces
from nlu.components.spelling import spaced
from nlu.dates import mentions

TEXTS = (
    "다음 주 목요일 오후 2시에 와주세요",
    "냉장고에서물이새요",
    "call 010-1234-5678 tomorrow",
    "",
    "ㅋㅋ",
)


def analysed() -> list[object]:
    return [(pieces(text), mentions(text), spaced(text)) for text in TEXTS]


def test_what_was_kept_is_what_was_found(tmp_path: Path) -> None:
    kept, fresh = tmp_path / "analyses.json", analysed()
    with remembering(kept):
        assert analysed() == fresh
    with remembering(kept):
        assert analysed() == fresh


def test_nothing_is_asked_twice_and_only_what_was_asked_for_is_kept(tmp_path: Path) -> None:
    kept, asked = tmp_path / "analyses.json", []

    def work(text: str) -> str:
        asked.append(text)
        return text.upper()

    with remembering(kept):
        assert [recalled("spaced", text, work) for text in ("a", "b", "a")] == ["A", "B", "A"]
    with remembering(kept):
        assert recalled("spaced", "a", work) == "A"
    assert asked == ["a", "b"]
    assert '"b"' not in kept.read_text(encoding="utf-8")
    assert recalled("spaced", "a", work) == "A"
    assert asked == ["a", "b", "a"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"code": "of another day"}', "\x00"])
def test_a_file_that_cannot_be_used_is_as_none(tmp_path: Path, content: str) -> None:
    kept = tmp_path / "analyses.json"
    kept.write_text(content, encoding="utf-8")
    with remembering(kept):
        assert pieces("물이 새요") == pieces("물이 새요")
    assert "물이 새요" in kept.read_text(encoding="utf-8")
