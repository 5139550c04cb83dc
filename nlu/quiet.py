"""Rasa made silent: it prints at debug level by default, and what it logs holds what people wrote."""

import logging
import os
import sys
import warnings
from typing import Any

import structlog


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
    os.environ["LOG_LEVEL"] = "ERROR"  # Rasa's own: else it draws progress bars while training
    for name in ("rasa", "rasa_sdk"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("rasa", "rasa_sdk") and "structlogger" in vars(module):
            vars(module)["structlogger"] = _SILENT
