"""Structured logs: one line an event, JSON where nobody watches, readable on a terminal.

No personal data: messages are named by their numbers, never by their words. Context such as `inbox` travels
with the task through `structlog.contextvars`.
"""

import logging
import sys
import warnings
from typing import Any

import structlog

# Libraries that tell every request or query; theirs is of no use to an operator.
_QUIET = ("aiohttp.access", "tortoise", "aiosqlite", "asyncio", "rasa", "apscheduler", "matplotlib", "sanic",
          "httpx", "telegram")  # fmt: skip


def configure(process: str, *, level: int = logging.INFO) -> None:
    """Set up logging once, before Rasa is imported (its own default prints debug)."""
    terminal = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    last = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward(logging.WARNING)], level=logging.WARNING, force=True)
    warnings.showwarning = _warned  # Rasa and TensorFlow switch plain filters on again
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _warned(message: Warning | str, *_where: object, **_more: object) -> None:
    """Deprecations inside libraries are for developers: the tests see them, an operator does not."""
    structlog.get_logger().debug("library warned", said=str(message)[:200])


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"process": process, **event}

    return add


class _Forward(logging.Handler):
    """Warnings of libraries, as events of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(record.levelno, "library", source=record.name, said=record.getMessage()[:500])
