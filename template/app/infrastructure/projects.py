"""Access to projects: the only place where routes check membership.

A route below `/projects/{project_id}` takes the project's id as `ReadableProject`, or as
`WritableProject` if it changes something.
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
    """Return a dependency that requires this role in the project, or a higher one.

    An anonymous caller gets 401, a user who is not a member 404, as for a project that does not
    exist, and a member with a lower role 403.
    """

    async def check(project_id: uuid.UUID, user: CurrentUser, session: DbSession) -> uuid.UUID:
        service = MemberService(session)
        await service.require_role(project_id, user.id, role)
        return project_id

    return check


ReadableProject = Annotated[uuid.UUID, Depends(require_member("viewer"))]
WritableProject = Annotated[uuid.UUID, Depends(require_member("editor"))]
ManagedProject = Annotated[uuid.UUID, Depends(require_member("owner"))]
