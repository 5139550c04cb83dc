"""An accepted sentence lands in its intent's place, in form, and only if the lint is content."""

from pathlib import Path

import pytest

from nlu.importer import ProjectImporter, fast_yaml
from nlu.learning import Refused, add_example
from nlu.lint import read


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain/intents.yml").write_text("intents:\n  - greet\n  - check_order\n", encoding="utf-8")
    (tmp_path / "domain/entities.yml").write_text("entities:\n  - product\n", encoding="utf-8")
    (tmp_path / "data/ko").mkdir(parents=True)
    data = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - 안녕하세요\n'
    (tmp_path / "data/ko/talk.yml").write_text(data, encoding="utf-8")
    return tmp_path


def learned(root: Path) -> list[tuple[str, str]]:
    return [(one.intent, one.raw) for one in read(root) if one.file == "ko/learned.yml"]


def test_sentences_gather_under_their_intents(root: Path) -> None:
    add_example(root, "ko", "greet", "하이요")
    add_example(root, "ko", "check_order", "[필터](product) 어디쯤 왔어요")
    path = add_example(root, "ko", "greet", "여보세요")
    assert learned(root) == [
        ("greet", "하이요"), ("greet", "여보세요"), ("check_order", "[필터](product) 어디쯤 왔어요")
    ]  # fmt: skip
    with fast_yaml():
        data = ProjectImporter(training_data_paths=[str(path)]).get_nlu_data()
    assert {one.get("text") for one in data.intent_examples} == {"하이요", "여보세요", "필터 어디쯤 왔어요"}


@pytest.mark.parametrize(
    ("intent", "sentence", "rule"),
    [
        ("greet", "안녕하세요!", "duplicate"),
        ("check_order", "안녕하세요", "conflict"),
        ("dance", "춤춰요", "unknown-intent"),
        ("check_order", "[필터가](color) 와요", "unknown-entity"),
    ],
)
def test_what_the_lint_objects_to_is_not_written(root: Path, intent: str, sentence: str, rule: str) -> None:
    add_example(root, "ko", "greet", "하이요")
    before = (root / "data/ko/learned.yml").read_text(encoding="utf-8")
    with pytest.raises(Refused) as refused:
        add_example(root, "ko", intent, sentence)
    assert rule in {one.rule for one in refused.value.findings}
    assert (root / "data/ko/learned.yml").read_text(encoding="utf-8") == before


def test_two_lines_are_no_example(root: Path) -> None:
    with pytest.raises(ValueError, match="one line"):
        add_example(root, "ko", "greet", "안녕\n- intent: deny")
