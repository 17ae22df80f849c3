"""Who may reach a project: the one place where routes check membership.

A route below `/projects/{project_id}` takes the project as `ReadableProject`, or as
`WritableProject` where it changes something. Both are the project's id.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends

from app.db.session import DbSession
from app.infrastructure.auth import CurrentUser
from app.modules.projects.schemas import ProjectRole
from app.modules.projects.service import MemberService


def require_member(
    role: ProjectRole,
) -> Callable[[uuid.UUID, CurrentUser, DbSession], Awaitable[uuid.UUID]]:
    """Return the dependency that lets members with this role, or a higher one, through.

    Nobody gets 401, who is no member 404 as for a project that does not exist, and a member whose
    role is too low 403.
    """

    async def check(project_id: uuid.UUID, user: CurrentUser, session: DbSession) -> uuid.UUID:
        service = MemberService(session)
        await service.require_role(project_id, user.id, role)
        return project_id

    return check


ReadableProject = Annotated[uuid.UUID, Depends(require_member("viewer"))]
WritableProject = Annotated[uuid.UUID, Depends(require_member("editor"))]
ManagedProject = Annotated[uuid.UUID, Depends(require_member("owner"))]
