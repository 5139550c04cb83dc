"""`dangol understand`: a line in, an object out, whatever the line is."""

import json
import unicodedata
from datetime import UTC, datetime

import pytest

from nlu.train import ensure_model
from nlu.understand import Understanding, answers, understand
from tests.nlu.small import examples

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Understanding:
    """A small model of both audiences."""
    root = tmp_path_factory.mktemp("small")
    (root / "nlu/data").mkdir(parents=True)
    (root / "nlu/domain").mkdir()
    pipeline = (
        "tokenizer.KiwiTokenizer", "classifier.LinearIntentClassifier", "scope.ScopeGate",
        "pattern_entities.PatternEntityExtractor", "resolver.EntityResolver",
    )  # fmt: skip
    listed = "\n".join(f"  - name: nlu.components.{name}" for name in pipeline)
    config = f"recipe: default.v1\nassistant_id: small\nlanguage: ko\npipeline:\n{listed}\n"
    (root / "config.yml").write_text(config, encoding="utf-8")
    staff = [("할 일 보여줘", "staff_show_tasks"), ("내 일정 뭐야", "staff_show_schedule")]
    blocks: dict[str, list[str]] = {}
    for text, intent in (*examples(), *staff):
        blocks.setdefault(intent, []).append(f"    - {text}\n")
    body = "".join(f"- intent: {name}\n  examples: |\n{''.join(lines)}" for name, lines in blocks.items())
    (root / "nlu/data/all.yml").write_text(f'version: "3.1"\nnlu:\n{body}', encoding="utf-8")
    names = "".join(f"  - {name}\n" for name in blocks)
    (root / "nlu/domain/all.yml").write_text(f'version: "3.1"\nintents:\n{names}', encoding="utf-8")
    return Understanding.load(ensure_model(root / "models", root=root, progress=lambda _: None))


ODD = [
    "", "   ", "\t", "{", "{}", "[]", "null", '{"text": 5}', '{"text": "안녕", "audience": "boss"}',
    '{"text": "half',
    "/greet", "/restart", "ㅋㅋㅋㅋ", "😀" * 50, "a" * 5000, "\x00\x01", "\u202e반대로", "\ufeff안녕",
    "'; DROP TABLE--",
    '{"text": "\\ud800"}', "{" * 2000, '{"a":' * 2000, "<script>alert(1)</script>",
]  # fmt: skip


def test_every_line_is_answered_in_its_place(model: Understanding) -> None:
    lines = [ODD[number % len(ODD)] + "\n" for number in range(4 * len(ODD))]
    written = list(answers(lines, model))
    assert len(written) == len(lines)
    for line, answer in zip(lines, written, strict=True):
        answer.encode("utf-8")
        found = json.loads(answer)
        assert found["band"] in ("act", "ask", "handover")
        assert found["text"] in (line.rstrip("\n"), "안녕", "\ud800")


@pytest.mark.parametrize(
    "line", ["{", "{}", '{"text": 5}', '{"text": "안녕", "audience": "boss"}', '{"a":' * 2000]
)
def test_a_broken_object_is_an_error_of_its_own_line(model: Understanding, line: str) -> None:
    first, second = (json.loads(answer) for answer in answers([line, "안녕하세요"], model))
    assert first["error"]
    assert (first["intent"], first["band"], first["text"]) == (None, "handover", line)
    assert second["intent"] == "greet"


@pytest.mark.parametrize("line", ["", "   ", "\t\u3000", "\u200b", "\ufffd\ufffd"])
def test_nobody_means_anything_by_a_blank_line(model: Understanding, line: str) -> None:
    found = json.loads(next(answers([line], model)))
    assert (found["intent"], found["band"], found["entities"]) == (None, "handover", [])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_offsets_count_the_code_points_that_were_given(model: Understanding, form: str) -> None:
    text = unicodedata.normalize(form, "세탁기 고장이요 010-1234-5678 kim@example.com")
    entities = understand(text, model, now=AT)["entities"]
    assert {one["entity"] for one in entities} == {"phone", "email"}
    assert all(text[one["start"] : one["end"]] == one["value"] for one in entities)


def test_days_count_from_the_time_of_the_message(model: Understanding) -> None:
    given = model.parse("2026-03-05 10:30에 와주세요", at=AT)
    resolved = {one["entity"]: one["resolved"]["from"] for one in given["entities"]}
    assert resolved["time"].startswith("2026-03-05T10:30")
    assert model.parse("내일", at=AT)["when"]["from"].startswith("2026-03-05")
    assert model.parse("내일", at=AT.replace(day=6))["when"]["from"].startswith("2026-03-07")


def test_neither_audience_ever_means_the_others_intents(model: Understanding) -> None:
    for text in ("할 일 보여줘", "내 일정 뭐야", "안녕하세요", "세탁기 고장", "배송 언제 와요"):
        customer = understand(json.dumps({"text": text}), model, now=AT)
        staff = understand(json.dumps({"text": text, "audience": "staff"}), model, now=AT)
        assert not customer["intent"].startswith("staff_")
        assert staff["intent"].startswith("staff_") or staff["intent"] == "out_of_scope"


def test_a_number_alone_is_certain(model: Understanding) -> None:
    found = understand(" SR-2026-000123", model, now=AT)
    assert (found["intent"], found["band"]) == ("check_request", "act")
    assert found["entities"][0]["value"] == "SR-2026-000123"
