"""Message routes. A message of a user starts a run of the assistant, which answers it."""

from __future__ import annotations

import uuid

from fastapi import Request, status

from app.common.errors import responses
from app.common.routing import Router
from app.common.schemas import Page, QueryParams
from app.db.session import DbSession
from app.infrastructure.assistant import STREAM, AnswerStream, CallerId, answer
from app.infrastructure.auth import CurrentUserId
from app.modules.messages.schemas import MessageCreate, MessageQuery, MessageRead
from app.modules.messages.service import MessageService

router = Router(prefix="/conversations/{conversation_id}/messages", tags=["messages"])


@router.post(
    "",
    response_model=MessageRead,
    status_code=status.HTTP_200_OK,
    summary="Send a message to the assistant, and get its answer",
    responses={**responses(401, 403, 404, 409, 422, 429, 503), **STREAM},
)
async def send(
    user_id: CallerId, conversation_id: uuid.UUID, data: MessageCreate, request: Request
) -> MessageRead | AnswerStream:
    """The answer is the last message of the run; `error` says why there is none.

    With `Accept: text/event-stream`, what happens is sent at once: the events `delta` (a piece of
    text), `message` (one that was stored) and, at the end, `answer`.
    """
    return await answer(request, user_id, conversation_id, data)


@router.get(
    "",
    response_model=Page[MessageRead],
    status_code=status.HTTP_200_OK,
    summary="List the messages of a conversation",
    responses=responses(401, 404, 422),
)
async def list_page(
    user_id: CurrentUserId,
    conversation_id: uuid.UUID,
    query: QueryParams[MessageQuery],
    session: DbSession,
) -> Page[MessageRead]:
    return await MessageService(session).list_page(user_id, conversation_id, query)
