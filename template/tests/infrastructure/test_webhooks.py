"""Webhooks that the service receives are signed, and are received once."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from app.common.errors import UnavailableError
from app.infrastructure.redis import get_redis, running
from app.infrastructure.settings import get_settings
from app.infrastructure.webhooks import is_public, new_secret, received_webhook
from tests.fixtures import client_of

BODY = '{"type": "paid"}'
SECRET = new_secret()
PATH = "/received"
Received = Annotated[bytes, Depends(received_webhook("shop"), scope="function")]


def signed(secret: str = SECRET, age: int = 0) -> dict[str, str]:
    """Return the headers of a new message."""
    sent = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age)
    message_id = f"msg_{uuid.uuid4()}"
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, sent, BODY),
    }


@pytest.fixture
def app(spare_app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The application with a route for a sender's webhooks; it fails a given number of times."""
    secrets = {"shop": SecretStr(SECRET)}
    monkeypatch.setattr(get_settings(), "incoming_webhook_secrets", secrets)
    spare_app.state.failures = 0

    @spare_app.post(PATH)
    async def receive(body: Received) -> int:
        if spare_app.state.failures:
            spare_app.state.failures -= 1
            raise UnavailableError("later")
        return len(body)

    return spare_app


async def send(app: FastAPI, *messages: dict[str, str], body: str = BODY) -> list[httpx2.Response]:
    """Send messages to the service."""
    async with running(), client_of(app) as client:
        return [await client.post(PATH, content=body, headers=headers) for headers in messages]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("2606:4700::1111", True),
        ("::ffff:93.184.215.14", True),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::5db8:d70e", True),
        ("64:ff9b::a9fe:a9fe", False),
        ("::7f00:1", False),
        ("fec0::1", False),
        ("fe80::1%eth0", False),
        ("ff0e::1", False),
    ],
)
def test_address_of_a_network_of_its_own_is_not_public(address: str, expected: bool) -> None:
    """Also if it is in an IPv6 address: 64:ff9b::a9fe:a9fe is 169.254.169.254."""
    assert is_public(address) is expected


async def test_message_is_received_once(app: FastAPI) -> None:
    message = signed()
    first, second = await send(app, message, message)

    assert (first.status_code, first.json()) == (200, len(BODY))
    assert (second.status_code, second.json()["code"]) == (409, "replayed")


async def test_message_can_be_sent_again_after_a_failure(app: FastAPI) -> None:
    message = signed()
    app.state.failures = 1

    assert [answer.status_code for answer in await send(app, message, message)] == [503, 200]


async def test_message_is_refused_while_redis_is_down(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "redis_url", "redis://127.0.0.1:1/0")
    get_redis.cache_clear()

    [answer] = await send(app, signed())
    assert (answer.status_code, answer.json()["code"]) == (503, "redis_down")


async def test_message_without_a_valid_signature_is_refused(app: FastAPI) -> None:
    unsigned = {**signed(), "webhook-signature": "v1"}
    wrong = [{}, unsigned, signed(new_secret()), signed(age=3600), signed(age=-3600)]

    assert {answer.status_code for answer in await send(app, *wrong)} == {401}
    [changed] = await send(app, signed(), body=BODY.replace("paid", "sold"))
    assert changed.status_code == 401
