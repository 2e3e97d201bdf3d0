"""The log: a line of JSON for each request and for what goes wrong, on stderr.

A line says which route, by whose key and with what answer. Of what was in a request it says nothing: no path as it
was called, no query, no header, no body; of an error nobody foresaw, where it happened and not its message.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from ledger.errors import BahiError

Log = structlog.typing.FilteringBoundLogger


def log_to(stream: TextIO | None = None) -> Log:
    """A log that writes lines of JSON."""
    logger: Log = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True, key="at"),
            _line,
        ],
    )
    return logger


def _line(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=str).decode()


def where(error: BaseException) -> dict[str, Any]:
    """What is told of an error: its type and where it was raised; its message only where it is of ours, since
    those quote nobody.
    """
    frames = traceback.extract_tb(error.__traceback__)
    told: dict[str, Any] = {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "raised_at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, BahiError):
        told["why"] = str(error)
    return told


class _Passed(logging.Handler):
    """What a library logs, in our log: its words, and of an error that comes with them not the message."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        told = where(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        said, *_ = record.getMessage().splitlines() or [""]  # asyncio adds what it was about
        self._log.log(record.levelno, said, logger=record.name, **told)


def overhear(name: str, log: Log) -> None:
    """Have what a library's logger says in our log, and nowhere else."""
    logger = logging.getLogger(name)
    logger.handlers = [_Passed(log)]
    logger.propagate = False
