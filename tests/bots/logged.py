"""What was logged, as the events that an operator's log would hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import LogCapture


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """Collect events with what travels along in their context."""
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    try:
        yield capture.entries  # type: ignore[misc]
    finally:
        structlog.configure(**before)
