"""Each rule of the lint catches the fault it was written for, and lets clean data pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlu.lint import Finding, lint, main, normal, plain

CLEAN = {
    "greet": ["안녕하세요", "좋은 아침이에요"],
    "request_service": [
        "[세탁기](product)에서 [물이 새요](symptom)",
        "[세탁기](product) 좀 고쳐주세요",
        "[세탁기](product)가 [누수](symptom)예요",
    ],
    "book_visit": ["[내일](date) [오후 3시](time)에 와주세요"],
    "staff_update_request": ["[SR-2026-000123](request_no) [완료](status) 처리"],
    "out_of_scope": ["오늘 비 오나요", "피자 배달해주세요"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "domain").mkdir()
    intents = [*CLEAN, "check_request", "staff_help", "help"]
    entities = ["product", "symptom", "date", "time", "request_no", "status", "phone", "person", "company"]
    for kind, names in (("intents", intents), ("entities", entities)):
        text = f'version: "3.1"\n{kind}:\n' + "".join(f"  - {name}\n" for name in names)
        (tmp_path / "domain" / f"{kind}.yml").write_text(text, encoding="utf-8")
    write(tmp_path, CLEAN)
    return tmp_path


def write(folder: Path, examples: dict[str, list[str]]) -> None:
    path = folder / "data" / "ko" / "all.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {line}\n" for line in lines)
        for intent, lines in examples.items()
    ]
    path.write_text('version: "3.1"\n\nnlu:\n' + "".join(blocks), encoding="utf-8")


def planted(folder: Path, intent: str, line: str) -> list[Finding]:
    write(folder, {**CLEAN, intent: [*CLEAN.get(intent, []), line]})
    return lint(folder)


def test_clean_data_has_no_findings(folder: Path) -> None:
    assert lint(folder) == []


@pytest.mark.parametrize(
    ("intent", "line", "rule"),
    [
        ("request_service", "[세탁기](product)에서 [물이새요](symptom)!! ㅠㅠ", "duplicate"),
        ("check_request", "[세탁기](product)좀 고쳐주세요~", "conflict"),
        ("check_request", "피자 배달해주세요", "conflict"),
        ("staff_update_request", "피자 배달해주세요", "conflict"),
        ("check_request", "[세탁기](product) 좀 고쳐주세요 네", "too-close"),
        ("request_service", "세탁기가 [안 돌아가요](symptom)", "unmarked"),
        ("request_service", "전화번호는 010-1234-5678 수리요", "unmarked"),
        ("check_request", "SR-2026-000123 어떻게 됐나요", "unmarked"),
        ("check_request", "me@example.com 으로 답 주세요", "unmarked"),
        ("book_visit", "오전 11시까지 방문", "unmarked"),
        ("check_request", "수리에 45,000원 냈는데 어디까지 됐나요", "unmarked"),
        ("check_request", "세 대 말고 12대 접수한 거요", "unmarked"),
        ("request_service", "[세탁기가](product) 멈춰서 수리 신청해요", "span-particle"),
        ("book_visit", "[월요일까지](date) 방문 부탁", "span-particle"),
        ("request_service", "[010-1234-5678로](phone) 수리 접수", "span-particle"),
        ("request_service", "[건조기,](product) 수리해 주세요", "span-edge"),
        ("staff_help", "[김민수님](person) 도와줘", "span-title"),
        ("request_service", "fix [my washer](product)", "span-article"),
        ("out_of_scope", "[내일](date) 날씨 알려줘", "annotated-out-of-scope"),
        ("request_service", "[건조기](gadget) 수리", "unknown-entity"),
        ("request_service", "[건조기](product 수리", "broken-markup"),
        ("check_request", "[완료](status)됐나 궁금해요", "status-of-a-customer"),
        ("order_pizza", "피자 시킬래요", "unknown-intent"),
    ],
)
def test_a_planted_fault_is_found(folder: Path, intent: str, line: str, rule: str) -> None:
    findings = planted(folder, intent, line)
    assert rule in {finding.rule for finding in findings if finding.text == line}


def test_a_finding_names_its_file_and_line(folder: Path) -> None:
    (finding,) = planted(folder, "greet", "안녕하세요!")
    assert (finding.file, finding.rule) == ("ko/all.yml", "duplicate")
    lines = (folder / "data" / "ko" / "all.yml").read_text(encoding="utf-8").splitlines()
    assert lines[finding.line - 1].endswith("안녕하세요!")


def test_customers_and_staff_may_say_the_same(folder: Path) -> None:
    write(folder, {**CLEAN, "help": ["도움말"], "staff_help": ["도움말"]})
    assert lint(folder) == []


def test_a_name_that_ends_like_a_particle_is_no_fault(folder: Path) -> None:
    assert planted(folder, "staff_help", "[정하은](person) 고객 건 도와줘") == []


def test_a_company_keeps_the_full_stop_of_its_legal_form(folder: Path) -> None:
    assert planted(folder, "staff_help", "help with [Hanbit Co., Ltd.](company)") == []


def test_a_greeting_may_name_the_time_of_day(folder: Path) -> None:
    write(
        folder,
        {
            **CLEAN,
            "book_visit": ["[아침](time)에 와주세요", "[아침](time) 방문 예약", "[아침](time)이 좋아요"],
        },
    )
    assert lint(folder) == []


def test_markup_is_taken_apart_with_exact_offsets() -> None:
    text, spans = plain("[세탁기](product)에서 [물이 새요](symptom)!")
    assert text == "세탁기에서 물이 새요!"
    assert [text[span.start : span.end] for span in spans] == ["세탁기", "물이 새요"]


def test_normalising_drops_spaces_laughter_and_case_but_never_everything() -> None:
    assert normal("AS 접수 요 ㅠㅠ!") == "as접수요"
    assert normal("ㅋㅋㅋ") == "ㅋㅋㅋ"


def test_the_command_line_reports_and_fails_on_findings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder)]) == 0
    planted(folder, "greet", "안녕하세요!")
    assert main([str(folder)]) == 1
    assert "ko/all.yml:8: duplicate" in capsys.readouterr().out
