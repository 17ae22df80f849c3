"""Base of the clients of other services: timeouts, retries, and errors as problems."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar

import httpx2
import stamina
from pydantic import SecretStr

from app.common.errors import ApiError
from app.infrastructure.logging import request_id
from app.infrastructure.requests import REQUEST_ID_HEADER
from app.infrastructure.settings import get_settings
from app.infrastructure.tls import get_tls

ERROR_FAILED = "The service `{name}` does not answer as it should"
ERROR_TOO_SLOW = "The service `{name}` does not answer in time"
# Methods that have the same effect once or twice (RFC 9110). No other call is repeated.
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
TEMPORARY = {429, 502, 503, 504}

logger = logging.getLogger(__name__)


class ServiceError(ApiError):
    """Another service failed. `response` is its answer, if there was one."""

    status = 502
    code = "service_failed"

    def __init__(self, message: str, response: httpx2.Response | None = None) -> None:
        super().__init__(message)
        self.response = response


class ServiceTimeoutError(ServiceError):
    status = 504
    code = "service_timeout"


class ServiceClient:
    """Sends requests to another service. It connects on first use, in each process."""

    opened: ClassVar[list[ServiceClient]] = []
    idempotent: ClassVar[frozenset[str]] = IDEMPOTENT

    def __init__(self, name: str, url: str, token: SecretStr) -> None:
        self.name = name
        self._url = url
        self._token = token
        self._http: httpx2.AsyncClient | None = None

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request, with the options of `httpx2`, and return the answer.

        Raises:
            ServiceTimeoutError: no answer in time.
            ServiceError: no connection, or an answer with a status of 400 or more.
        """
        settings = get_settings()
        attempts = settings.client_attempts if method in self.idempotent else 1
        try:
            async with asyncio.timeout(settings.client_total_seconds):
                return await self._attempt(attempts, method, path, options)
        except (TimeoutError, httpx2.TimeoutException) as error:
            logger.warning("%s does not answer in time: %s %s", self.name, method, path)
            raise ServiceTimeoutError(ERROR_TOO_SLOW.format(name=self.name)) from error
        except httpx2.HTTPStatusError as error:
            answered = error.response.status_code
            logger.warning("%s answers %s: %s %s", self.name, answered, method, path)
            raise ServiceError(ERROR_FAILED.format(name=self.name), error.response) from error
        except httpx2.HTTPError as error:
            logger.warning("%s does not answer: %s", self.name, error)
            raise ServiceError(ERROR_FAILED.format(name=self.name)) from error

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
        self._http = None

    async def _attempt(
        self, attempts: int, method: str, path: str, options: dict[str, Any]
    ) -> httpx2.Response:
        async for attempt in stamina.retry_context(
            on=is_temporary, attempts=attempts, timeout=None
        ):
            with attempt:
                response = await self._open().request(method, path, **options)
                return response.raise_for_status()
        raise AssertionError  # the last attempt returns or raises

    def _open(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = connect(self._url, self._token)
            self.opened.append(self)
        return self._http


def connect(url: str, token: SecretStr) -> httpx2.AsyncClient:
    """Return a client with the limits of the settings."""
    settings = get_settings()
    secret = token.get_secret_value()
    return httpx2.AsyncClient(
        base_url=url,
        verify=get_tls(),
        headers={"Authorization": f"Bearer {secret}"} if secret else {},
        timeout=settings.client_timeout_seconds,
        limits=httpx2.Limits(max_connections=settings.client_max_connections),
        event_hooks={"request": [pass_request_id]},
    )


async def pass_request_id(request: httpx2.Request) -> None:
    """Pass the request id on, so that both services log the same one."""
    if identifier := request_id.get():
        request.headers.setdefault(REQUEST_ID_HEADER, identifier)


def is_temporary(error: Exception) -> bool:
    """Return whether another attempt can succeed."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code in TEMPORARY
    return isinstance(error, httpx2.TransportError)


async def close_all() -> None:
    """Close the connections of all clients."""
    while ServiceClient.opened:
        await ServiceClient.opened.pop().close()
