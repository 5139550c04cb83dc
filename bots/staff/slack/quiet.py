"""The Slack library's own log without what people wrote."""

import logging

import structlog

log = structlog.get_logger()


class Quiet(logging.Logger):
    """Only that something went wrong, and where."""

    def __init__(self) -> None:
        super().__init__("slack", logging.WARNING)

    def handle(self, record: logging.LogRecord) -> None:
        log.info("slack.library", level=record.levelname.lower(), at=f"{record.filename}:{record.lineno}")
