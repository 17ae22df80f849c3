"""Request ids, request logs and responses to unexpected errors."""

from __future__ import annotations

import logging
import os
import re
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common.errors import ERROR_INTERNAL, ProblemResponse, describe
from app.infrastructure.logging import request_id

REQUEST_ID_HEADER = "X-Request-ID"
REQUEST_ID_KEY = REQUEST_ID_HEADER.lower().encode()
# An id from a proxy is kept unless it could break a log line or fill the disk.
TRUSTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

logger = logging.getLogger("app.requests")


class RequestMiddleware:
    """Assign an id to each request, log its duration, and return 500 for unexpected errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(REQUEST_ID_KEY, b"").decode("latin-1")
        identifier = given if TRUSTED_ID.fullmatch(given) else os.urandom(16).hex()
        token = request_id.set(identifier)
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = identifier
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            logger.exception("request failed")
            if status:  # the response has started, so only a closed connection can report the error
                raise
            await ProblemResponse(describe(500, ERROR_INTERNAL))(scope, receive, send_with_id)
        finally:
            log_request(scope, status, time.perf_counter() - started)
            request_id.reset(token)


def log_request(scope: Scope, status: int, seconds: float) -> None:
    """Log a request without its query, which may contain personal data."""
    known = {"method": scope["method"], "path": scope["path"], "status": status}
    logger.info("request", extra={**known, "duration_ms": round(seconds * 1000, 1)})
