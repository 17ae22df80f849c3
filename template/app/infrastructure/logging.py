"""Logs as JSON, one object per line, each with its request id."""

from __future__ import annotations

import datetime as dt
import json
import logging
import logging.config
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

# Attributes of every record, and Uvicorn's message with colours. All others come from `extra=`.
STANDARD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "taskName", "color_message"}
ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)


class JsonFormatter(logging.Formatter):
    """Formats a record, its `extra` values and its traceback as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        extra = vars(record).keys() - STANDARD_ATTRIBUTES
        line |= {name: getattr(record, name) for name in sorted(extra)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return ENCODER.encode(line)


def configure_logging(level: str) -> None:
    """Log everything to standard error as JSON, including messages of the server.

    At DEBUG, libraries log their inputs, including secrets. Only the service uses that level.
    """
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": "INFO" if level == "DEBUG" else level, "handlers": ["stderr"]},
            "loggers": {
                "app": {"level": level},
                "uvicorn": {"handlers": [], "propagate": True},
                # RequestMiddleware logs every request with more detail.
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )
