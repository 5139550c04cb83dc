"""A third language is told by its folder of examples; Korean and English stay what they were."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nlu.importer import ProjectImporter, fast_yaml
from nlu.language import Others, detect
from nlu.lint import read
from nlu.train import ensure_model
from nlu.understand import Understanding
from tests.nlu.small import ROOT, project

JAPANESE = ["こんにちは", "おはようございます", "人と話したいです", "メニューを見せてください"]
VIETNAMESE = [
    "xin chào", "chào bạn", "cho tôi gặp nhân viên", "tôi muốn nói chuyện với người", "cảm ơn nhiều",
    "bạn giúp được gì", "máy giặt bị hỏng rồi", "tôi cần sửa tủ lạnh", "tạm biệt", "giá bao nhiêu",
]  # fmt: skip
OURS = [(one.file[:2], one.text) for one in read(ROOT / "nlu")]
OTHERS = Others.learn([*OURS, *(("ja", one) for one in JAPANESE), *(("vi", one) for one in VIETNAMESE)])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("こんばんは", "ja"),
        ("メニューをください", "ja"),
        ("LGの人と話したい", "ja"),
        ("tôi muốn sửa máy giặt", "vi"),
        ("cho tôi nói chuyện với nhân viên", "vi"),
        ("안녕하세요", "ko"),
        ("my washer is broken", "en"),
        ("สวัสดี", None),
        ("A1234", None),
        ("010-1234-5678", None),
        ("ok", None),
        ("👍", None),
        ("/start", None),
        ("/start my washer is broken", "en"),
        (" /help@dangol_bot 안녕", "ko"),
        ("", None),
    ],
)
def test_a_language_is_told_by_the_letters_of_its_examples(text: str, language: str | None) -> None:
    assert OTHERS.detect(text) == language


def test_no_korean_or_english_sentence_is_taken_for_another_language() -> None:
    taken = [text for _, text in OURS if OTHERS.detect(text) != detect(text)]
    assert len(taken) <= len(OURS) // 1000, taken


def test_where_there_are_two_languages_nothing_is_learnt() -> None:
    assert Others.learn(OURS).shares == {}
    assert Others({}).detect("물이 새요") == "ko"


WORDS = """version: "3.1"
responses:
  utter_greet:
  - text: "안녕하세요"
  - condition: [{type: slot, name: language, value: en}]
    text: "Hello"
  - condition: [{type: slot, name: language, value: ja}]
    text: "こんにちは"
  utter_thank:
  - text: "고마워요"
  - condition: [{type: slot, name: language, value: en}]
    text: "Thanks"
"""


def third(folder: Path) -> Path:
    """The small project with a folder of Japanese and one Japanese answer."""
    root = project(folder)
    (root / "nlu/data/ja").mkdir()
    lines = "".join(f"    - {text}\n" for text in JAPANESE[:3])
    examples = f'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n{lines}'
    (root / "nlu/data/ja/talk.yml").write_text(examples, encoding="utf-8")
    (root / "nlu/domain/words.yml").write_text(WORDS, encoding="utf-8")
    return root


def test_what_a_language_has_no_words_for_is_said_in_english(tmp_path: Path) -> None:
    root = third(tmp_path)
    with fast_yaml():
        domain = ProjectImporter(
            str(root / "config.yml"), str(root / "nlu/domain"), [str(root / "nlu/data")]
        ).get_domain()
    said = {
        name: {c["value"]: one["text"] for one in variants for c in one.get("condition", [])}
        for name, variants in domain.responses.items()
    }
    assert said["utter_greet"] == {"en": "Hello", "ja": "こんにちは"}
    assert said["utter_thank"] == {"en": "Thanks", "ja": "Thanks"}
    assert domain.as_dict()["responses"] == domain.responses


def test_a_trained_model_tells_the_language_of_its_folder(tmp_path: Path) -> None:
    root = third(tmp_path)
    model = Understanding.load(ensure_model(tmp_path / "models", root=root, progress=lambda _: None))
    at = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
    found = {text: model.parse(text, at=at) for text in ("おはよう", "세탁기에서 물이 새요", "A1234")}
    assert [one.get("language") for one in found.values()] == ["ja", "ko", None]
    assert found["おはよう"]["intent"]["name"] == "greet"
