"""The route that deletes a user."""

from __future__ import annotations

import uuid

from fastapi import status

from app.common.errors import responses
from app.common.routing import Router
from app.db.session import DbSession
from app.infrastructure.auth import Administrator
from app.modules.users.references import UserReferences

router = Router(prefix="/users", tags=["users"])


@router.delete(
    "/{user_id}",
    response_model=None,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a user, as an administrator",
    responses=responses(401, 403, 404, 409, 422),
)
async def delete(user_id: uuid.UUID, administrator: Administrator, session: DbSession) -> None:
    service = UserReferences(session)
    await service.delete_by(administrator.id, user_id)
