"""Webhook routes."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.owner import OWNER_ERRORS, READER_ERRORS, OwnerId
from app.modules.webhooks.schemas import (
    WebhookCreate,
    WebhookCreated,
    WebhookDeliveryQuery,
    WebhookDeliveryRead,
    WebhookQuery,
    WebhookRead,
    WebhookUpdate,
)
from app.modules.webhooks.service import WebhookService

router = Router(prefix="/webhooks", tags=["webhooks"])


@router.post(
    "",
    response_model=WebhookCreated,
    status_code=status.HTTP_201_CREATED,
    summary="Create a webhook",
    responses=responses(*OWNER_ERRORS, 409, 422),
)
async def create(owner_id: OwnerId, data: WebhookCreate, session: DbSession) -> WebhookCreated:
    return await WebhookService(session).create(owner_id, data)


@router.get(
    "",
    response_model=Page[WebhookRead],
    status_code=status.HTTP_200_OK,
    summary="List webhooks",
    responses=responses(*READER_ERRORS, 422),
)
async def list_page(
    owner_id: OwnerId, query: QueryParams[WebhookQuery], session: DbSession
) -> Page[WebhookRead]:
    return await WebhookService(session).list_page(owner_id, query)


@router.get(
    "/{webhook_id}",
    response_model=WebhookRead,
    status_code=status.HTTP_200_OK,
    summary="Get a webhook",
    responses=responses(*READER_ERRORS, 404, 422),
)
async def get(owner_id: OwnerId, webhook_id: uuid.UUID, session: DbSession) -> WebhookRead:
    return await WebhookService(session).get(owner_id, webhook_id)


@router.patch(
    "/{webhook_id}",
    response_model=WebhookRead,
    status_code=status.HTTP_200_OK,
    summary="Update a webhook",
    responses=responses(*OWNER_ERRORS, 404, 422),
)
async def update(
    owner_id: OwnerId, webhook_id: uuid.UUID, data: WebhookUpdate, session: DbSession
) -> WebhookRead:
    return await WebhookService(session).update(owner_id, webhook_id, data)


@router.delete(
    "/{webhook_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a webhook with its deliveries",
    responses=responses(*OWNER_ERRORS, 404, 422),
)
async def delete(owner_id: OwnerId, webhook_id: uuid.UUID, session: DbSession) -> None:
    await WebhookService(session).delete(owner_id, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    response_model=Page[WebhookDeliveryRead],
    status_code=status.HTTP_200_OK,
    summary="List what was sent to a webhook",
    responses=responses(*READER_ERRORS, 404, 422),
)
async def list_deliveries(
    owner_id: OwnerId,
    webhook_id: uuid.UUID,
    query: QueryParams[WebhookDeliveryQuery],
    session: DbSession,
) -> Page[WebhookDeliveryRead]:
    return await WebhookService(session).list_deliveries(owner_id, webhook_id, query)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    response_model=WebhookDeliveryRead,
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a message again",
    responses=responses(*OWNER_ERRORS, 404, 409, 422),
)
async def redeliver(
    owner_id: OwnerId, webhook_id: uuid.UUID, delivery_id: uuid.UUID, session: DbSession
) -> WebhookDeliveryRead:
    return await WebhookService(session).redeliver(owner_id, webhook_id, delivery_id)
