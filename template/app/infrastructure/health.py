"""Two questions of the platform: is the process alive, and can it serve?"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from app.common.errors import problem, responses
from app.common.schemas import Schema
from app.db.session import DbSession

ERROR_DATABASE_DOWN = "The database does not answer"
READY_SECONDS = 5

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/health", tags=["health"])


class Health(Schema):
    """The answer of a healthy service."""

    status: Literal["ok"] = "ok"


@router.get("/live", response_model=Health, summary="Tell whether the process is alive")
async def live() -> Health:
    """Ask nothing of anybody: a failure here means restart."""
    return Health()


@router.get(
    "/ready",
    response_model=Health,
    summary="Tell whether the service can answer requests",
    responses=responses(503),
)
async def ready(session: DbSession) -> Health:
    """Ask the database: a failure here means send no requests for now."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await session.execute(sa.text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        logger.warning("the database does not answer: %s", error)
        raise problem(503, "database_down", ERROR_DATABASE_DOWN) from error
    return Health()
