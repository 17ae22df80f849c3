"""Whose the rows are in the tests of modules whose rows are somebody's."""

from __future__ import annotations

import uuid

import httpx2
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base
from app.infrastructure import tokens
from app.infrastructure.tokens import Claims
from app.modules.users.models import User
from tests.api import JSON
from tests.rows import stored

OWNER = uuid.UUID("01900000-0000-7000-8000-000000000001")
SOMEBODY_ELSE = uuid.UUID("01900000-0000-7000-8000-000000000002")


async def sign_in(client: httpx2.AsyncClient, session: AsyncSession) -> None:
    """Let every request of a client be the owner's; no password is hashed for that."""
    for user_id, name in ((OWNER, "owner"), (SOMEBODY_ELSE, "else")):
        email = f"{name}@example.com"
        session.add(User(id=user_id, email=email, name=name, password_hash=""))
    await session.commit()
    token = tokens.issue(Claims(OWNER, session_id=uuid.uuid4(), version=0))
    client.headers["Authorization"] = f"Bearer {token}"


async def give_away(session: AsyncSession) -> None:
    """Make all rows somebody else's, so that the owner may find none of them any more."""
    for table in Base.metadata.tables.values():
        for column in table.c:
            if column.info.get("is_owner"):
                await session.execute(sa.update(table).values({column: SOMEBODY_ELSE}))
    await session.commit()


async def own_rows(url: str) -> list[JSON]:
    """Return the rows of a list that are the owner's, oldest first, as the table has them."""
    return [row for row in await stored(url) if OWNER in row.values()]


def routes(tag: str) -> list[tuple[str, str]]:
    """Return the method and path of every route of a module, those below other rows included."""
    from app.main import app  # reads the settings, which are set by now

    paths = app.openapi()["paths"].items()
    found = [(method, path, route) for path, by in paths for method, route in by.items()]
    return [(method, path) for method, path, route in found if tag in route.get("tags", ())]
