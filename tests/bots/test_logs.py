"""What stands in an operator's log when something fails."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bots import logs


@pytest.fixture
def log() -> Iterator[Any]:
    """A log as a process writes it; calling it gives its lines so far."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level, shown = root.handlers[:], root.level, warnings.showwarning
    with contextlib.redirect_stderr(io.StringIO()) as written:
        logs.configure("worker")
        try:
            yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
        finally:
            structlog.configure(**before)
            root.handlers[:], warnings.showwarning = handlers, shown
            root.setLevel(level)


WORDS = "우리 집 비밀번호는 0412예요"


def fails(said: str) -> None:
    try:
        int(said)
    except ValueError as error:
        raise RuntimeError(f"could not read {said!r}") from error


def test_an_error_that_quotes_a_customer_is_logged_without_their_words(log: Any) -> None:
    try:
        fails(WORDS)
    except RuntimeError:
        structlog.get_logger().exception("turn.failed", inbox_id=7)
    (line,) = log()
    assert (line["event"], line["process"], line["inbox_id"]) == ("turn.failed", "worker", 7)
    assert "비밀번호" not in json.dumps(line, ensure_ascii=False)
    assert "0412" not in json.dumps(line)


def test_an_error_is_logged_with_its_classes_and_places_from_the_cause_on(log: Any) -> None:
    try:
        fails(WORDS)
    except RuntimeError as error:
        structlog.get_logger().error("turn.failed", exc_info=error)
    (line,) = log()
    kinds = [step for step in line["trace"] if ":" not in step]
    assert kinds == ["builtins.ValueError", "builtins.RuntimeError"]
    assert any(step.startswith("test_logs.py:") and step.endswith(" fails") for step in line["trace"])


def test_a_line_without_an_error_has_no_trace(log: Any) -> None:
    structlog.get_logger().info("turn.done", exc_info=False)
    (line,) = log()
    assert "trace" not in line


def test_a_librarys_error_is_logged_without_what_it_filled_in(log: Any) -> None:
    try:
        fails(WORDS)
    except RuntimeError:
        logging.getLogger("somebody.else").warning("gave up on %s", WORDS, exc_info=True)
    (line,) = log()
    assert (line["source"], line["said"]) == ("somebody.else", "gave up on %s")
    assert "비밀번호" not in json.dumps(line, ensure_ascii=False)
    assert "builtins.RuntimeError" in line["trace"]
