"""Warnings about requests and statements that took longer than the settings say.

A log names the route and the shape of a statement, and never a path or a value.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, ExceptionContext

from app.infrastructure.settings import get_settings

STARTED = "slow_logs_started"
MAX_STATEMENT = 2_000  # characters
# Values in the text of a statement: texts of each kind, and numbers that are not parts of names.
VALUES = re.compile(
    r"\$(\w*)\$.*?\$\1\$|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|(?<![\w$\".])\d+(?:\.\d+)?\b",
    re.DOTALL,
)
STREAM = "text/event-stream"

logger = logging.getLogger(__name__)


def log_slow_request(seconds: float, attributes: Mapping[str, Any]) -> None:
    """Log a request that was slow. Streams are open for as long as a client listens."""
    method, route = attributes.get("http.request.method", ""), attributes.get("http.route", "")
    if seconds * 1000 < get_settings().slow_request_ms or (method.lower(), route) in streams():
        return
    status = attributes.get("http.response.status_code")
    details = {"method": method, "route": route, "status": status}
    logger.warning("slow request", extra={**details, "duration_ms": round(seconds * 1000, 1)})


@lru_cache
def streams() -> frozenset[tuple[str, str]]:
    """Return the methods and paths of the routes that can send events."""
    from app.main import app  # imports this module

    return frozenset(
        (method, path)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if STREAM in operation["responses"].get("200", {}).get("content", {})
    )


@contextlib.contextmanager
def logged_statements(engine: sa.Engine) -> Iterator[None]:
    """Log the statements of an engine that are slow, also those that fail, during the block."""
    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": _start,
        "after_cursor_execute": _end,
        "handle_error": _end_with_error,
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


def shape(statement: str) -> str:
    """Return a statement on one line, with a question mark in place of each value."""
    return " ".join(VALUES.sub("?", statement).split())[:MAX_STATEMENT]


def _start(connection: Connection, *_: object) -> None:
    connection.info[STARTED] = time.perf_counter()


def _end(connection: Connection, _: object, statement: str, *__: object) -> None:
    """Log a statement that has ended; transactions begin and end without one."""
    started = connection.info.pop(STARTED, None)
    if started is None:
        return
    milliseconds = (time.perf_counter() - started) * 1000
    if milliseconds >= get_settings().slow_statement_ms:
        details = {"statement": shape(statement), "duration_ms": round(milliseconds, 1)}
        logger.warning("slow statement", extra=details)


def _end_with_error(context: ExceptionContext) -> None:
    if context.connection is not None and context.statement is not None:
        _end(context.connection, None, context.statement)
