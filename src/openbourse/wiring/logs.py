"""Logs of a process: one JSON object a line on standard error."""

import logging
import os
import sys
from typing import TextIO

import structlog


def set_up_logs(roles: tuple[str, ...], stream: TextIO | None = None) -> None:
    """Send structured logs, and those of libraries from WARNING on, to standard error or a stream as JSON lines."""
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(roles="+".join(roles), pid=os.getpid())
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(levelname)s %(name)s %(message)s")
