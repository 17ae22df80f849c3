"""Calls to another service that fails, stalls and recovers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import stamina
from pydantic import SecretStr

from app.infrastructure.clients import running
from app.infrastructure.clients.base import ServiceClient, ServiceError, ServiceTimeoutError
from app.infrastructure.logging import request_id
from app.infrastructure.settings import get_settings
from tests.infrastructure.clients.servers import HANG_UP, STALL, OtherService, serve


@pytest_asyncio.fixture
async def other(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OtherService]:
    """The other service, without waits before another attempt."""
    monkeypatch.setattr(get_settings(), "client_timeout_seconds", 0.3)
    async with serve() as service, running():
        with stamina.set_testing(True, attempts=get_settings().client_attempts, cap=True):
            yield service


@pytest.fixture
def client(other: OtherService) -> ServiceClient:
    return ServiceClient("other", other.url, SecretStr("secret"))


async def test_call_sends_the_token_and_the_request_id(
    client: ServiceClient, other: OtherService
) -> None:
    token = request_id.set("1234")
    answer = await client.request("GET", "/items", params={"limit": 1})
    request_id.reset(token)

    assert answer.json() == {}
    (received,) = other.received
    assert received.startswith("GET /items?limit=1 ")
    assert "Authorization: Bearer secret" in received
    assert "X-Request-ID: 1234" in received


@pytest.mark.parametrize("failure", [502, 503, 504, 429, HANG_UP, STALL])
async def test_idempotent_call_is_repeated_until_the_service_recovers(
    client: ServiceClient, other: OtherService, failure: int
) -> None:
    other.planned = [failure]

    assert (await client.request("GET", "/")).status_code == 200
    assert len(other.received) == 2


@pytest.mark.parametrize(
    ("failure", "error"),
    [(503, ServiceError), (HANG_UP, ServiceError), (STALL, ServiceTimeoutError)],
)
async def test_other_call_is_sent_once(
    client: ServiceClient, other: OtherService, failure: int, error: type[ServiceError]
) -> None:
    other.planned = [failure]

    with pytest.raises(error) as raised:
        await client.request("POST", "/")

    assert raised.value.status_code == (504 if failure == STALL else 502)
    assert len(other.received) == 1


async def test_call_fails_after_the_last_attempt(
    client: ServiceClient, other: OtherService
) -> None:
    other.planned = [503] * 9

    with pytest.raises(ServiceError):
        await client.request("GET", "/")

    assert len(other.received) == get_settings().client_attempts


async def test_refusal_is_not_repeated_and_tells_the_answer(
    client: ServiceClient, other: OtherService
) -> None:
    other.planned = [404]

    with pytest.raises(ServiceError) as raised:
        await client.request("GET", "/")

    assert raised.value.response is not None
    assert raised.value.response.status_code == 404
    assert len(other.received) == 1


async def test_call_ends_in_time_with_all_of_its_attempts(
    client: ServiceClient, other: OtherService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "client_total_seconds", 0.1)
    other.planned = [STALL]

    with pytest.raises(ServiceTimeoutError):
        await client.request("GET", "/")


async def test_connections_are_bounded(
    other: OtherService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "client_max_connections", 1)
    client = ServiceClient("other", other.url, SecretStr(""))
    other.planned = [STALL]

    stalled = asyncio.create_task(client.request("POST", "/", timeout=60))
    await asyncio.sleep(0.05)
    with pytest.raises(ServiceTimeoutError):
        await client.request("POST", "/")
    stalled.cancel()

    assert len(other.received) == 1


async def test_service_that_is_not_there_is_a_bad_gateway(client: ServiceClient) -> None:
    with pytest.raises(ServiceError) as raised:
        await ServiceClient("other", "http://127.0.0.1:1", SecretStr("")).request("GET", "/")

    assert raised.value.status_code == 502


async def test_connections_are_closed_when_the_service_stops(other: OtherService) -> None:
    client = ServiceClient("other", other.url, SecretStr(""))
    async with running():
        await client.request("GET", "/")
        assert client in ServiceClient.opened

    assert ServiceClient.opened == []
    assert (await client.request("GET", "/")).status_code == 200
