"""Limits and security headers for all routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common.errors import ProblemResponse, describe
from app.infrastructure.requests import REQUEST_ID_HEADER, RequestMiddleware
from app.infrastructure.settings import Settings

ERROR_TOO_LARGE = "The request body is larger than {limit} bytes"
ERROR_TOO_SLOW = "The request body did not arrive in time"
ERROR_INCOMPLETE = "The request body is incomplete"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}
# Paths with a different limit of bytes, by their last two parts. They limit the time themselves.
BODY_LIMITS: dict[str, Callable[[], int]] = {}
CREDENTIALS = {b"authorization", b"cookie"}  # responses to such requests must not be cached
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
# The documentation loads Swagger UI from its CDN and starts it in an inline script.
DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src data: https://fastapi.tiangolo.com"
)
API_HEADERS = dict(Headers({**HEADERS, "Content-Security-Policy": API_POLICY}).raw)
DOCS_HEADERS = dict(Headers({**HEADERS, "Content-Security-Policy": DOCS_POLICY}).raw)


class SecurityHeadersMiddleware:
    """Set the security headers of every response, including errors."""

    def __init__(self, app: ASGIApp, docs_url: str | None) -> None:
        self.app = app
        self.docs_url = docs_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = DOCS_HEADERS if scope["path"] == self.docs_url else API_HEADERS
                kept = [header for header in message.get("headers", ()) if header[0] not in ours]
                message["headers"] = [*kept, *ours.items()]
                if not CREDENTIALS.isdisjoint(dict(scope["headers"])):
                    MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimitMiddleware:
    """Reject a body that is too slow or too large, before it is read if the client sends its size.

    FastAPI also has a limit, but it answers outside the middlewares, in plain text.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = "/".join(scope["path"].split("/")[-2:])
        max_bytes = BODY_LIMITS.get(name, lambda: self.settings.max_body_bytes)()
        if declared_size(scope) > max_bytes:
            problem = describe(413, ERROR_TOO_LARGE.format(limit=max_bytes))
            await ProblemResponse(problem)(scope, receive, send)
            return
        seconds = None if name in BODY_LIMITS else self.settings.max_body_seconds
        await self.app(scope, limited(receive, max_bytes, seconds), send)


def limited(receive: Receive, max_bytes: int, max_seconds: float | None) -> Receive:
    """Raise if a body is too large, too slow or cut. After it comes the end of the connection."""
    deadline = max_seconds and asyncio.get_running_loop().time() + max_seconds
    received, is_complete = 0, False

    async def receive_within_limits() -> Message:
        nonlocal received, is_complete
        if is_complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                part = await receive()
        except TimeoutError:
            raise HTTPException(408, ERROR_TOO_SLOW, {"Connection": "close"}) from None
        if part["type"] == "http.disconnect":
            raise HTTPException(400, ERROR_INCOMPLETE)
        received += len(part.get("body", b""))
        if received > max_bytes:
            raise HTTPException(413, ERROR_TOO_LARGE.format(limit=max_bytes))
        is_complete = not part.get("more_body")
        return part

    return receive_within_limits


def declared_size(scope: Scope) -> int:
    """Return the size that the request declares, or 0, as for a chunked request."""
    size = dict(scope["headers"]).get(b"content-length", b"")
    return int(size) if size.isdigit() else 0


def add_middlewares(app: FastAPI, settings: Settings) -> None:
    """Add the middleware. The last one added is the outermost."""
    app.add_middleware(BodyLimitMiddleware, settings=settings)
    app.add_middleware(RequestMiddleware)
    if origins := settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            # Cookies sign users in. Not every site may read what is theirs.
            allow_credentials="*" not in origins and getattr(settings, "auth_cookies", False),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[REQUEST_ID_HEADER],
        )
    app.add_middleware(SecurityHeadersMiddleware, docs_url=app.docs_url)
