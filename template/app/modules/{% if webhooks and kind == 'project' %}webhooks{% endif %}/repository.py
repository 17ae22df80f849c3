"""Webhook queries: those of routes are limited to the webhooks of one owner."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.keyset import Columns, Rows, fetch_page, where_matches
from app.modules.webhooks.models import Webhook, WebhookDelivery
from app.modules.webhooks.schemas import WebhookDeliveryQuery, WebhookQuery

DELIVERY_FILTERS: Columns = {"status": WebhookDelivery.status}


class WebhookRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, owner_id: uuid.UUID | None, webhook_id: uuid.UUID) -> Webhook | None:
        return await self._session.scalar(self._own(owner_id).filter_by(id=webhook_id))

    async def list_page(self, owner_id: uuid.UUID | None, query: WebhookQuery) -> Rows[Webhook]:
        return await fetch_page(self._session, self._own(owner_id), query.sort, query)

    async def list_active(self, owner_id: uuid.UUID | None) -> Sequence[Webhook]:
        active = self._own(owner_id).where(Webhook.is_active)
        return (await self._session.scalars(active.order_by(Webhook.id))).all()

    async def count(self, owner_id: uuid.UUID | None) -> int:
        own = self._own(owner_id).subquery()
        return await self._session.scalar(sa.select(sa.func.count()).select_from(own)) or 0

    async def save(self, row: Webhook | WebhookDelivery) -> None:
        self._session.add(row)
        await self._session.flush()

    async def remove(self, webhook: Webhook) -> None:
        await self._session.delete(webhook)
        await self._session.flush()

    async def count_failure(self, webhook_id: uuid.UUID, max_failures: int) -> None:
        """Count an attempt that failed, and disable the webhook after too many."""
        failures = Webhook.failures + 1
        statement = sa.update(Webhook).where(Webhook.id == webhook_id)
        values = {
            "failures": failures,
            "is_active": sa.and_(Webhook.is_active, failures < max_failures),
        }
        await self._session.execute(
            statement.values(values), execution_options={"synchronize_session": False}
        )

    async def reset_failures(self, webhook_id: uuid.UUID) -> None:
        """Forget the attempts that failed, also those that were counted in the meantime."""
        statement = sa.update(Webhook).where(Webhook.id == webhook_id, Webhook.failures > 0)
        await self._session.execute(
            statement.values(failures=0), execution_options={"synchronize_session": False}
        )

    async def begin_again(self, delivery_id: uuid.UUID, before: dt.datetime) -> bool:
        """Make a delivery pending, unless it has been so since a time; return whether it was not."""
        has_ended = WebhookDelivery.status != "pending"
        is_lost = WebhookDelivery.updated_at < before
        return await self._change_delivery(delivery_id, sa.or_(has_ended, is_lost), "pending")

    async def give_up(self, delivery_id: uuid.UUID) -> None:
        """Let a delivery fail if it is pending."""
        await self._change_delivery(delivery_id, WebhookDelivery.status == "pending", "failed")

    async def _change_delivery(
        self, delivery_id: uuid.UUID, condition: sa.ColumnElement[bool], status: str
    ) -> bool:
        statement = sa.update(WebhookDelivery).where(WebhookDelivery.id == delivery_id, condition)
        changed = await self._session.scalar(
            statement.values(status=status).returning(WebhookDelivery),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )
        return changed is not None

    async def get_delivery(
        self, webhook_id: uuid.UUID, delivery_id: uuid.UUID
    ) -> WebhookDelivery | None:
        statement = sa.select(WebhookDelivery).filter_by(webhook_id=webhook_id, id=delivery_id)
        return await self._session.scalar(statement)

    async def get_delivery_of_anyone(self, delivery_id: uuid.UUID) -> WebhookDelivery | None:
        return await self._session.get(WebhookDelivery, delivery_id)

    async def get_of_anyone(self, webhook_id: uuid.UUID) -> Webhook:
        return await self._session.get_one(Webhook, webhook_id)

    async def list_deliveries(
        self, webhook_id: uuid.UUID, query: WebhookDeliveryQuery
    ) -> Rows[WebhookDelivery]:
        own = sa.select(WebhookDelivery).filter_by(webhook_id=webhook_id)
        statement = where_matches(own, DELIVERY_FILTERS, query)
        return await fetch_page(self._session, statement, query.sort, query)

    def _own(self, owner_id: uuid.UUID | None) -> sa.Select[Webhook]:
        return sa.select(Webhook).where(Webhook.owner_id == owner_id)
