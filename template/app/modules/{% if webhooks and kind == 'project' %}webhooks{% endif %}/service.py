"""Webhook business logic: `WebhookService` for requests, `DeliveryService` for workers."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession

from app.common.errors import ConflictError, NotFoundError, UnavailableError
from app.common.schemas import Page
from app.db.base import utc_now
from app.infrastructure.settings import get_settings
from app.infrastructure.tasks import Run, task
from app.infrastructure.webhooks import (
    ERROR_PARTS,
    ERROR_PRIVATE,
    InvalidUrlError,
    PrivateAddressError,
    new_secret,
    send_webhook,
)
from app.modules.webhooks.models import Webhook, WebhookDelivery
from app.modules.webhooks.repository import WebhookRepository
from app.modules.webhooks.schemas import (
    WebhookCreate,
    WebhookCreated,
    WebhookDeliveryQuery,
    WebhookDeliveryRead,
    WebhookQuery,
    WebhookRead,
    WebhookUpdate,
)

ERROR_NOT_FOUND = "There is no webhook with this id"
ERROR_NO_DELIVERY = "The webhook has no delivery with this id"
ERROR_TOO_MANY = "The maximum number of webhooks is reached"
ERROR_DISABLED = "The webhook is disabled"
ERROR_PENDING = "The message is still being sent"
ERROR_NO_ANSWER = "The URL did not answer"
ERROR_STATUS = "The URL answered with status {}"
NO_ANSWER = (httpx2.HTTPError, OSError)
GONE = 410  # the receiver asks for no more messages


class WebhookService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = WebhookRepository(session)

    async def publish(self, owner_id: uuid.UUID | None, event: str, data: dict[str, Any]) -> None:
        """Send an event to the owner's webhooks after the commit."""
        payload = {"type": event, "timestamp": utc_now().isoformat(), "data": data}
        for webhook in await self._repository.list_active(owner_id):
            if not webhook.events or event in webhook.events:
                delivery = WebhookDelivery(webhook_id=webhook.id, event=event, payload=payload)
                await self._repository.save(delivery)
                await self._send(delivery)

    async def create(self, owner_id: uuid.UUID | None, data: WebhookCreate) -> WebhookCreated:
        if await self._repository.count(owner_id) >= get_settings().webhook_max_endpoints:
            raise ConflictError(ERROR_TOO_MANY, code="too_many")
        webhook = Webhook(owner_id=owner_id, secret=new_secret(), **data.model_dump())
        await self._repository.save(webhook)
        return WebhookCreated.model_validate(webhook)

    async def get(self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID) -> WebhookRead:
        return WebhookRead.model_validate(await self._get(owner_id, webhook_id))

    async def list_page(self, owner_id: uuid.UUID | None, query: WebhookQuery) -> Page[WebhookRead]:
        return Page[WebhookRead].model_validate(await self._repository.list_page(owner_id, query))

    async def update(
        self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID, data: WebhookUpdate
    ) -> WebhookRead:
        webhook = await self._get(owner_id, webhook_id)
        for name, value in data.model_dump(exclude_unset=True).items():
            setattr(webhook, name, value)
        if data.is_active:
            webhook.failures = 0
        await self._repository.save(webhook)
        return WebhookRead.model_validate(webhook)

    async def delete(self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID) -> None:
        await self._repository.remove(await self._get(owner_id, webhook_id))

    async def list_deliveries(
        self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID, query: WebhookDeliveryQuery
    ) -> Page[WebhookDeliveryRead]:
        webhook = await self._get(owner_id, webhook_id)
        rows = await self._repository.list_deliveries(webhook.id, query)
        return Page[WebhookDeliveryRead].model_validate(rows)

    async def redeliver(
        self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID, delivery_id: uuid.UUID
    ) -> WebhookDeliveryRead:
        """Send a message again, with the id that it had."""
        webhook = await self._get(owner_id, webhook_id)
        delivery = await self._repository.get_delivery(webhook.id, delivery_id)
        if delivery is None:
            raise NotFoundError(ERROR_NO_DELIVERY)
        if not webhook.is_active:
            raise ConflictError(ERROR_DISABLED, code="disabled")
        longest = dt.timedelta(milliseconds=deliver_webhook.max_age)
        if not await self._repository.begin_again(delivery.id, utc_now() - longest):
            raise ConflictError(ERROR_PENDING, code="pending")
        await self._send(delivery)
        return WebhookDeliveryRead.model_validate(delivery)

    async def _send(self, delivery: WebhookDelivery) -> None:
        """Start a job without an owner. The delivery shows its result."""
        await deliver_webhook.enqueue(self._session, None, {"delivery_id": str(delivery.id)})

    async def _get(self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID) -> Webhook:
        webhook = await self._repository.get(owner_id, webhook_id)
        if webhook is None:
            raise NotFoundError(ERROR_NOT_FOUND)
        return webhook


class DeliveryService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._repository = WebhookRepository(session)

    async def deliver(self, run: Run, delivery_id: uuid.UUID) -> None:
        """Make one attempt at a delivery. Its result is stored even if it must be repeated."""
        delivery = await self._repository.get_delivery_of_anyone(delivery_id)
        if delivery is None or delivery.status != "pending":
            return
        webhook = await self._repository.get_of_anyone(delivery.webhook_id)
        if not webhook.is_active:
            delivery.status, delivery.error = "failed", ERROR_DISABLED
            return
        await run.report(0)  # no transaction is open while the receiver is waited for
        delivery.response_status, delivery.error = await self._attempt(delivery, webhook)
        delivery.attempts += 1
        if delivery.error is None:
            delivery.status, delivery.delivered_at = "delivered", utc_now()
            await self._repository.reset_failures(webhook.id)
            return
        if delivery.response_status == GONE:
            webhook.is_active = False
        if run.attempt > deliver_webhook.max_retries or not webhook.is_active:
            delivery.status = "failed"
        error = delivery.error
        await self._repository.count_failure(webhook.id, get_settings().webhook_max_failures)
        await run.report(50)
        if delivery.status == "pending":
            raise UnavailableError(error)

    async def give_up(self, delivery_id: uuid.UUID) -> None:
        """Show that no attempt follows."""
        await self._repository.give_up(delivery_id)

    async def _attempt(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> tuple[int | None, str | None]:
        """Return the status of the answer, and the error."""
        body = json.dumps(delivery.payload, separators=(",", ":"))
        try:
            status = await send_webhook(webhook.url, webhook.secret, f"msg_{delivery.id}", body)
        except InvalidUrlError:
            return None, ERROR_PARTS
        except PrivateAddressError:
            return None, ERROR_PRIVATE
        except NO_ANSWER:
            return None, ERROR_NO_ANSWER
        return status, None if 200 <= status < 300 else ERROR_STATUS.format(status)


async def give_up(session: AsyncSession, arguments: dict[str, Any]) -> None:
    """End a delivery whose job has failed."""
    await DeliveryService(session).give_up(uuid.UUID(arguments["delivery_id"]))


# Attempts after 5, 10, 20 … seconds and then once an hour, for a day.
@task(
    queue="webhooks",
    max_retries=32,
    min_backoff=5_000,
    time_limit=30_000,
    max_age=172_800_000,
    on_failure=give_up,
)
async def deliver_webhook(run: Run) -> None:
    """Send a message to a webhook."""
    await DeliveryService(run.session).deliver(run, uuid.UUID(run.arguments["delivery_id"]))
