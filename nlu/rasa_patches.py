"""What Rasa 3.6.21 does that we do not want, in one place: talk to the network, print, and waste time."""

import logging
import sys
import warnings
from typing import Any

import structlog

import nlu  # noqa: F401  switches telemetry off


class _Silent:
    """Rasa's structured loggers carry whole messages and slot values; only what failed is passed on."""

    def debug(self, event: str, **_: Any) -> None:
        """Dropped."""

    info = debug

    def warning(self, event: str, **_: Any) -> None:
        logging.getLogger("rasa.structured").warning(event)

    warn = warning

    def error(self, event: str, **_: Any) -> None:
        logging.getLogger("rasa.structured").error(event)

    exception = critical = error


_SILENT = _Silent()


def silence() -> None:
    """Quieten every Rasa module imported so far (again after more were imported)."""
    if not structlog.is_configured():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    # Raised for every domain that has slots, whatever their mappings.
    warnings.filterwarnings("ignore", "Slot auto-fill has been removed", UserWarning)
    for name in ("rasa", "rasa_sdk"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("rasa", "rasa_sdk") and hasattr(module, "structlogger"):
            setattr(module, "structlogger", _SILENT)  # noqa: B010  not an attribute of every module


def apply() -> None:
    """Apply every patch, once."""
    silence()
