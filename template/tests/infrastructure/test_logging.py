"""A log line is one JSON object."""

from __future__ import annotations

import json
import logging
from typing import Any

from app.infrastructure.logging import JsonFormatter, request_id


def format_line(**attributes: Any) -> dict[str, Any]:
    """Return the formatted record."""
    record = logging.makeLogRecord(
        {"name": "shop", "levelname": "INFO", "msg": "sold %d", "args": (3,), **attributes}
    )
    return dict(json.loads(JsonFormatter().format(record)))


def test_line_has_the_request_id_and_extra_values() -> None:
    token = request_id.set("r-1")

    line = format_line(created=0, sku="tea")

    request_id.reset(token)
    assert line == {
        "time": "1970-01-01T00:00:00+00:00",
        "level": "info",
        "logger": "shop",
        "message": "sold 3",
        "request_id": "r-1",
        "sku": "tea",
    }


def test_traceback_is_in_the_same_line() -> None:
    line = format_line(exc_info=(RuntimeError, RuntimeError("broken"), None))

    assert line["exception"].endswith("RuntimeError: broken")
    assert "request_id" not in line
