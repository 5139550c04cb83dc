"""A project is trained once, without pickle, and its model understands lines."""

import json
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nlu.components import catalogue
from nlu.fingerprint import fingerprint, of_understanding
from nlu.train import ensure_model
from nlu.understand import Understanding, answers, understand
from tests.nlu.small import project

pytestmark = pytest.mark.rasa

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
RULE = """rules:
- rule: greeted
  steps:
  - intent: greet
  - action: utter_hi
"""
TEXTS = 'responses:\n  utter_hi:\n  - text: "반가워요"\n'


def contents(archive: Path) -> dict[str, bytes]:
    """The files of a model by name."""
    with tarfile.open(archive) as packed:
        return {one.name: packed.extractfile(one).read() for one in packed if one.isfile()}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    return ensure_model(folder / "models", root=project(folder), progress=lambda _: None)


@pytest.fixture(scope="module")
def understanding(model: Path) -> Understanding:
    catalogue.use(None)  # tests of the bot in the same process fill it with a shop's products
    return Understanding.load(model)


def test_a_trained_model_is_not_trained_again(model: Path) -> None:
    said: list[str] = []
    assert ensure_model(model.parent, root=model.parent.parent, progress=said.append) == model
    assert said == []


def test_other_data_are_another_model(tmp_path: Path) -> None:
    root = project(tmp_path)
    before = fingerprint(root)
    with (root / "nlu/data/all.yml").open("a", encoding="utf-8") as file:
        file.write("- intent: greet\n  examples: |\n    - 오랜만이에요\n")
    assert fingerprint(root) != before


def test_another_text_of_the_domain_trains_the_dialogue_alone(model: Path, tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "models").mkdir()
    shutil.copy(model, root / "models")
    (root / "nlu/data/rules.yml").write_text(RULE, encoding="utf-8")
    (root / "nlu/domain/texts.yml").write_text(TEXTS, encoding="utf-8")
    said: list[str] = []
    made = ensure_model(root / "models", root=root, progress=said.append)
    assert not [line for line in said if "LinearIntentClassifier" in line]
    learnt, before = contents(made), contents(model)
    assert {name for name in before if "Classifier" in name or "CRF" in name} <= learnt.keys()
    assert all(learnt[name] == before[name] for name in before if "/train_" in name)
    assert any("RulePolicy" in name for name in learnt)
    answer = understand("냉장고에서 물이 새요", Understanding.load(made), now=NOW)
    assert (answer["intent"], answer["entities"][0]["value"]) == ("request_service", "냉장고")


def test_other_examples_train_everything(model: Path, tmp_path: Path) -> None:
    root = project(tmp_path)
    before = of_understanding(root)
    assert model.name.startswith(before)
    with (root / "nlu/data/all.yml").open("a", encoding="utf-8") as file:
        file.write("- intent: greet\n  examples: |\n    - 오랜만이에요\n")
    assert of_understanding(root) != before


def test_nothing_is_pickled(model: Path) -> None:
    with tarfile.open(model) as archive:
        names = archive.getnames()
    assert any(name.endswith(".npz") for name in names)
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".skops"))]


def test_a_line_is_understood(understanding: Understanding) -> None:
    answer = understand("  냉장고에서 물이 새요, 010-1234-5678", understanding, now=NOW)
    assert answer["intent"] == "request_service"
    assert answer["band"] in ("act", "ask")
    found = {one["entity"]: one for one in answer["entities"]}
    assert found["phone"]["resolved"] == "+821012345678"
    assert found["product"] == {"entity": "product", "value": "냉장고", "start": 2, "end": 5}
    assert all(answer["text"][one["start"] : one["end"]] == one["value"] for one in answer["entities"])


def test_staff_and_customers_do_not_mean_the_same(understanding: Understanding) -> None:
    line = "오늘 내 일정 보여줘"
    staff = understand(json.dumps({"text": line, "audience": "staff"}), understanding, now=NOW)
    customer = understand(line, understanding, now=NOW)
    assert staff["intent"] == "staff_show_schedule"
    assert not customer["intent"].startswith("staff_")


def test_every_line_has_an_answer_in_order(understanding: Understanding) -> None:
    lines = ["안녕하세요\n", "\n", '{"text": "배송 언제 와요"}\n', "{broken\n", "/greet\n", "ㅋ" * 5000]
    answered = [json.loads(answer) for answer in answers(lines, understanding)]
    assert [one["text"] for one in answered] == [
        "안녕하세요",
        "",
        "배송 언제 와요",
        "{broken",
        "/greet",
        "ㅋ" * 5000,
    ]
    assert all(one["band"] in ("act", "ask", "handover") for one in answered)


def test_bytes_that_are_no_utf8_are_named_and_the_next_line_is_understood(
    understanding: Understanding, tmp_path: Path
) -> None:
    saved = tmp_path / "saved-by-windows.txt"
    saved.write_bytes("정수기가 고장났어요\n".encode("cp949") + "정수기가 고장났어요\n".encode())
    with saved.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        broken, whole = [json.loads(answer) for answer in answers(lines, understanding)]
    assert broken["intent"] is None
    assert "UTF-8" in broken["error"]
    assert "\ufffd" in broken["text"]
    assert whole["intent"] == "request_service"
    assert "error" not in whole


def test_bad_circumstances_are_named(understanding: Understanding) -> None:
    with pytest.raises(ValueError, match="audience"):
        understanding.parse("안녕", at=NOW, audience="robot")
    with pytest.raises(ValueError, match="aware"):
        understanding.parse("안녕", at=datetime(2026, 11, 23))
