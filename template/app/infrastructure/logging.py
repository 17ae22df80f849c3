"""Logs as JSON, one object a line, each with the id of the request that it belongs to."""

from __future__ import annotations

import datetime as dt
import json
import logging
import logging.config
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

# What every record has anyway; anything else came by `extra=` and belongs in the line.
STANDARD_ATTRIBUTES = set(vars(logging.makeLogRecord({}))) | {"message", "taskName"}
# Uvicorn adds a copy of the message with colours for the terminal.
NOISE = {"color_message"}


class JsonFormatter(logging.Formatter):
    """Write a record, its `extra` values and its traceback as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        extra = vars(record).keys() - STANDARD_ATTRIBUTES - NOISE
        line |= {name: getattr(record, name) for name in sorted(extra)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(level: str) -> None:
    """Send everything to standard error as JSON, the server's own messages too.

    At DEBUG libraries write what they are given, secrets as well: only the service itself goes there.
    """
    propagate: dict[str, object] = {"handlers": [], "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": "INFO" if level == "DEBUG" else level, "handlers": ["stderr"]},
            "loggers": {
                "app": {"level": level},
                "uvicorn": propagate,
                "uvicorn.error": propagate,
                # Every request is logged already, with more to say.
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )
