"""Structured logs: one line an event, JSON where nobody watches, readable on a terminal.

No personal data: messages are named by their numbers, never by their words, and errors by their class and
place, since their text may quote what a customer wrote. `inbox_id` travels with a turn through
`structlog.contextvars`.
"""

import logging
import sys
import traceback
import warnings
from typing import Any

import structlog

# Libraries that tell every request or query; theirs is of no use to an operator.
_QUIET = ("aiohttp.access", "tortoise", "aiosqlite", "asyncio", "rasa", "apscheduler", "matplotlib", "sanic",
          "httpx", "telegram")  # fmt: skip
_FRAMES = 12


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
        processors=[*shared, _trace, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward(logging.WARNING)], level=logging.WARNING, force=True)
    warnings.showwarning = _warned  # Rasa and TensorFlow switch plain filters on again
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def stored(inbox_id: int, channel: str, *, duplicate: bool) -> None:
    """The first line of a message: what follows it carries the same `inbox_id`."""
    structlog.get_logger().info("message.stored", inbox_id=inbox_id, channel=channel, duplicate=duplicate)


def _warned(message: Warning | str, *_where: object, **_more: object) -> None:
    """Deprecations inside libraries are for developers: the tests see them, an operator does not."""
    structlog.get_logger().debug("library warned", said=str(message)[:200])


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"process": process, **event}

    return add


def _trace(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """An error's class, those it came from, and its places, in the place of a traceback with its words."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    return event if error is None else {**event, "trace": _places(error)}


def _places(error: BaseException) -> list[str]:
    """From the innermost cause on: its class, then `file:line function` from the outermost call on."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    own = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    return [*(_places(cause) if cause else ()), kind, *own]


class _Forward(logging.Handler):
    """Warnings of libraries, as events of ours: what they say, not what they fill in."""

    def emit(self, record: logging.LogRecord) -> None:
        said = str(record.msg).partition("\n")[0][:200]
        trace = _places(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        facts = {"source": record.name, "said": said, **({"trace": trace} if trace else {})}
        structlog.get_logger().log(record.levelno, "library", **facts)
