"""Routes of the webhooks of a project, for its owners: a webhook sends data out of the project."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.projects import ManagedProject
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

router = Router(prefix="/projects/{project_id}/webhooks", tags=["webhooks"])


@router.post(
    "",
    response_model=WebhookCreated,
    status_code=status.HTTP_201_CREATED,
    summary="Create a webhook of a project",
    responses=responses(401, 403, 404, 409, 422),
)
async def create(
    project_id: ManagedProject, data: WebhookCreate, session: DbSession
) -> WebhookCreated:
    return await WebhookService(session).create(project_id, data)


@router.get(
    "",
    response_model=Page[WebhookRead],
    status_code=status.HTTP_200_OK,
    summary="List the webhooks of a project",
    responses=responses(401, 403, 404, 422),
)
async def list_page(
    project_id: ManagedProject, query: QueryParams[WebhookQuery], session: DbSession
) -> Page[WebhookRead]:
    return await WebhookService(session).list_page(project_id, query)


@router.get(
    "/{webhook_id}",
    response_model=WebhookRead,
    status_code=status.HTTP_200_OK,
    summary="Get a webhook of a project",
    responses=responses(401, 403, 404, 422),
)
async def get(project_id: ManagedProject, webhook_id: uuid.UUID, session: DbSession) -> WebhookRead:
    return await WebhookService(session).get(project_id, webhook_id)


@router.patch(
    "/{webhook_id}",
    response_model=WebhookRead,
    status_code=status.HTTP_200_OK,
    summary="Update a webhook of a project",
    responses=responses(401, 403, 404, 422),
)
async def update(
    project_id: ManagedProject, webhook_id: uuid.UUID, data: WebhookUpdate, session: DbSession
) -> WebhookRead:
    return await WebhookService(session).update(project_id, webhook_id, data)


@router.delete(
    "/{webhook_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a webhook of a project with its deliveries",
    responses=responses(401, 403, 404, 422),
)
async def delete(project_id: ManagedProject, webhook_id: uuid.UUID, session: DbSession) -> None:
    await WebhookService(session).delete(project_id, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    response_model=Page[WebhookDeliveryRead],
    status_code=status.HTTP_200_OK,
    summary="List what was sent to a webhook of a project",
    responses=responses(401, 403, 404, 422),
)
async def list_deliveries(
    project_id: ManagedProject,
    webhook_id: uuid.UUID,
    query: QueryParams[WebhookDeliveryQuery],
    session: DbSession,
) -> Page[WebhookDeliveryRead]:
    return await WebhookService(session).list_deliveries(project_id, webhook_id, query)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    response_model=WebhookDeliveryRead,
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a message of a project again",
    responses=responses(401, 403, 404, 409, 422),
)
async def redeliver(
    project_id: ManagedProject, webhook_id: uuid.UUID, delivery_id: uuid.UUID, session: DbSession
) -> WebhookDeliveryRead:
    return await WebhookService(session).redeliver(project_id, webhook_id, delivery_id)
