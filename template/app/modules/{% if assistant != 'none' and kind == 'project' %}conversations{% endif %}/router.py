"""Conversation routes. Users see, change and delete their own."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.auth import CurrentUserId
from app.modules.conversations.schemas import (
    ConversationCreate,
    ConversationQuery,
    ConversationRead,
    ConversationUpdate,
)
from app.modules.conversations.service import ConversationService

router = Router(prefix="/conversations", tags=["conversations"])


@router.post(
    "",
    response_model=ConversationRead,
    status_code=status.HTTP_201_CREATED,
    summary="Start a conversation with the assistant",
    responses=responses(401, 403, 422),
)
async def create(
    user_id: CurrentUserId, data: ConversationCreate, session: DbSession
) -> ConversationRead:
    return await ConversationService(session).create(user_id, data)


@router.get(
    "",
    response_model=Page[ConversationRead],
    status_code=status.HTTP_200_OK,
    summary="List your conversations",
    responses=responses(401, 422),
)
async def list_page(
    user_id: CurrentUserId, query: QueryParams[ConversationQuery], session: DbSession
) -> Page[ConversationRead]:
    return await ConversationService(session).list_page(user_id, query)


@router.get(
    "/{conversation_id}",
    response_model=ConversationRead,
    status_code=status.HTTP_200_OK,
    summary="Get conversation",
    responses=responses(401, 404, 422),
)
async def get(
    user_id: CurrentUserId, conversation_id: uuid.UUID, session: DbSession
) -> ConversationRead:
    return await ConversationService(session).get(user_id, conversation_id)


@router.patch(
    "/{conversation_id}",
    response_model=ConversationRead,
    status_code=status.HTTP_200_OK,
    summary="Rename conversation",
    responses=responses(401, 403, 404, 422),
)
async def update(
    user_id: CurrentUserId,
    conversation_id: uuid.UUID,
    data: ConversationUpdate,
    session: DbSession,
) -> ConversationRead:
    return await ConversationService(session).update(user_id, conversation_id, data)


@router.delete(
    "/{conversation_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete conversation with its messages",
    responses=responses(401, 403, 404, 422),
)
async def delete(user_id: CurrentUserId, conversation_id: uuid.UUID, session: DbSession) -> None:
    await ConversationService(session).delete(user_id, conversation_id)
