"""Webhooks over the API, and what their receivers get."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks.webhooks import Webhook as Signed

from app.db.base import utc_now
from app.infrastructure.owner import OWNER_ERRORS
from app.infrastructure.settings import get_settings
from app.infrastructure.tasks import run_job
from app.infrastructure.webhooks import ERROR_PARTS
from app.modules.jobs.models import Job
from app.modules.webhooks import service as webhooks_service
from app.modules.webhooks.models import Webhook
from app.modules.webhooks.service import WebhookService, deliver_webhook
from tests.api import assert_problem, json_name
from tests.modules.webhooks.conftest import Receiver
from tests.owner import sign_in

URL = "/api/v1/webhooks"


@pytest_asyncio.fixture
async def owner_id(client: httpx2.AsyncClient) -> uuid.UUID | None:
    """The owner, who sends every request of the client."""
    return await sign_in(client)


async def create(client: httpx2.AsyncClient, url: str, **more: Any) -> dict[str, Any]:
    """Create a webhook."""
    response = await client.post(URL, json={"url": url, **more})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def publish(session: AsyncSession, owner_id: uuid.UUID | None, event: str = "a.b") -> None:
    """Publish an event to the webhooks of an owner, and try once to send it."""
    await WebhookService(session).publish(owner_id, event, {"number": 7})
    await session.commit()
    await work(session)


async def work(session: AsyncSession) -> None:
    """Try every job that has not ended."""
    waiting = sa.select(Job.id).where(Job.finished_at.is_(None))
    for job_id in (await session.scalars(waiting)).all():
        await run_job(deliver_webhook, job_id)


async def deliveries(client: httpx2.AsyncClient, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was sent, the last first."""
    page: dict[str, Any] = (await client.get(f"{URL}/{webhook['id']}/deliveries")).json()
    return list(page["items"])


async def test_receiver_gets_a_signed_message(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
) -> None:
    webhook = await create(client, receiver.url)
    await publish(session, owner_id)

    [(headers, body)] = receiver.messages
    message = Signed(webhook["secret"]).verify(body, headers)
    assert (message["type"], message["data"]) == ("a.b", {"number": 7})
    [delivery] = await deliveries(client, webhook)
    assert (delivery["status"], delivery[json_name("response_status")]) == ("delivered", 204)
    assert delivery["payload"] == json.loads(body)


async def test_secret_is_shown_once(
    client: httpx2.AsyncClient, owner_id: uuid.UUID | None, receiver: Receiver
) -> None:
    webhook = await create(client, receiver.url)

    read = (await client.get(f"{URL}/{webhook['id']}")).json()
    assert read == {key: value for key, value in webhook.items() if key != "secret"}
    assert (await client.get(URL)).json()["items"] == [read]


async def test_only_events_of_the_webhook_are_sent(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
) -> None:
    await create(client, receiver.url, events=["a.b"])
    for event in ("a.c", "a.b"):
        await publish(session, owner_id, event)

    assert [json.loads(body)["type"] for _, body in receiver.messages] == ["a.b"]


@pytest.mark.parametrize("status", [302, 500])
async def test_failed_message_is_sent_again(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
    status: int,
) -> None:
    """A redirect is a failure, and is not followed."""
    webhook = await create(client, receiver.url)
    receiver.status = status
    await publish(session, owner_id)
    [failed] = await deliveries(client, webhook)
    receiver.status = 200
    await work(session)

    assert (failed["status"], failed["attempts"], failed[json_name("response_status")]) == (
        "pending",
        1,
        status,
    )
    [delivered] = await deliveries(client, webhook)
    assert (delivered["status"], delivered["attempts"], delivered["error"]) == (
        "delivered",
        2,
        None,
    )
    first, second = (headers["webhook-id"] for headers, _ in receiver.messages)
    assert first == second


async def test_webhook_that_always_fails_is_disabled(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(get_settings(), "webhook_max_failures", 2)
    webhook = await create(client, receiver.url)
    receiver.status = 500
    await publish(session, owner_id)
    for _ in range(2):
        await work(session)

    assert len(receiver.messages) == 2
    [delivery] = await deliveries(client, webhook)
    assert delivery["status"] == "failed"
    path = f"{URL}/{webhook['id']}"
    assert (await client.get(path)).json()[json_name("is_active")] is False
    again = f"{path}/deliveries/{delivery['id']}/redeliver"
    assert_problem(await client.post(again), 409)
    receiver.status = 204
    enabled = (await client.patch(path, json={"is_active": True})).json()
    assert (enabled[json_name("is_active")], enabled["failures"]) == (True, 0)
    assert (await client.post(again)).status_code == 202
    await work(session)
    assert (await deliveries(client, webhook))[0]["status"] == "delivered"


async def test_message_that_waited_too_long_fails_and_is_sent_again_once(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
) -> None:
    webhook = await create(client, receiver.url)
    await WebhookService(session).publish(owner_id, "a.b", {})
    long_ago = utc_now() - dt.timedelta(days=3)
    await session.execute(sa.update(Job).values(created_at=long_ago))
    await session.commit()
    await work(session)

    [delivery] = await deliveries(client, webhook)
    assert (delivery["status"], receiver.messages) == ("failed", [])
    again = f"{URL}/{webhook['id']}/deliveries/{delivery['id']}/redeliver"
    assert (await client.post(again)).json()["status"] == "pending"
    refused = await client.post(again)
    assert_problem(refused, 409)
    assert refused.json()["code"] == "pending"
    await work(session)
    assert len(receiver.messages) == 1


async def test_success_resets_failures_that_were_counted_in_the_meantime(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(*_: str) -> int:
        await session.execute(sa.update(Webhook).values(failures=5))
        await session.commit()
        return 204

    webhook = await create(client, receiver.url)
    monkeypatch.setattr(webhooks_service, "send_webhook", answer)
    await publish(session, owner_id)

    assert (await client.get(f"{URL}/{webhook['id']}")).json()["failures"] == 0


async def test_receiver_that_is_gone_gets_no_more(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
) -> None:
    webhook = await create(client, receiver.url)
    receiver.status = 410
    await publish(session, owner_id)
    await publish(session, owner_id)

    assert len(receiver.messages) == 1
    assert (await client.get(f"{URL}/{webhook['id']}")).json()[json_name("is_active")] is False


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "https://user:password@example.com/",
        "https:///path",
        "https://a..example.com/",
        f"https://{'a' * 64}.example.com/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://example\0.com/",
        "https://[::1/",
        "file:///etc/passwd",
    ],
)
async def test_url_that_is_not_public_is_refused(
    client: httpx2.AsyncClient, owner_id: uuid.UUID | None, url: str
) -> None:
    assert_problem(await client.post(URL, json={"url": url}), 422, "url")


async def test_stored_url_without_a_valid_host_counts_as_a_failure(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
) -> None:
    """Older versions of the service accepted such URLs."""
    webhook = await create(client, receiver.url)
    await session.execute(sa.update(Webhook).values(url="https://a..example.com/"))
    await publish(session, owner_id)

    [delivery] = await deliveries(client, webhook)
    assert (delivery["attempts"], delivery["error"]) == (1, ERROR_PARTS)
    assert (await client.get(f"{URL}/{webhook['id']}")).json()["failures"] == 1


async def test_name_of_a_private_address_is_not_reached(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name is resolved when the message is sent."""
    webhook = await create(client, receiver.url)
    monkeypatch.setattr(get_settings(), "webhook_allow_private", False)
    await publish(session, owner_id)

    assert receiver.messages == []
    [delivery] = await deliveries(client, webhook)
    assert (delivery["status"], delivery[json_name("response_status")]) == ("pending", None)


async def test_number_of_webhooks_is_limited(
    client: httpx2.AsyncClient,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(get_settings(), "webhook_max_endpoints", 1)
    await create(client, receiver.url)

    assert_problem(await client.post(URL, json={"url": receiver.url}), 409)


async def test_webhook_of_another_owner_is_not_found(
    client: httpx2.AsyncClient, session: AsyncSession, receiver: Receiver
) -> None:
    await sign_in(client)
    other = Webhook(owner_id=uuid.uuid4(), url=receiver.url, events=[], secret="whsec_MTIz")
    session.add(other)
    await session.commit()
    await publish(session, other.owner_id)
    path = f"{URL}/{other.id}"
    mine = await create(client, receiver.url)

    for method, url in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/deliveries/{uuid.uuid4()}/redeliver"),
        ("POST", f"{URL}/{mine['id']}/deliveries/{uuid.uuid4()}/redeliver"),
    ):
        assert_problem(await client.request(method, url, json={}), 404)
    assert [row["id"] for row in (await client.get(URL)).json()["items"]] == [mine["id"]]


async def test_deleted_webhook_gets_nothing(
    client: httpx2.AsyncClient,
    session: AsyncSession,
    owner_id: uuid.UUID | None,
    receiver: Receiver,
) -> None:
    webhook = await create(client, receiver.url)
    await WebhookService(session).publish(owner_id, "a.b", {})
    await session.commit()
    assert (await client.delete(f"{URL}/{webhook['id']}")).status_code == 204
    await work(session)

    assert receiver.messages == []
    assert_problem(await client.get(f"{URL}/{webhook['id']}"), 404)


async def test_routes_need_the_owner(client: httpx2.AsyncClient) -> None:
    assert (await client.get(URL)).status_code == (401 if OWNER_ERRORS else 200)
