"""Liveness and readiness probes."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from app.common.errors import UnavailableError, responses
from app.common.schemas import Schema
from app.db.session import DbSession

ERROR_DATABASE_DOWN = "The database does not respond"
READY_SECONDS = 5

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/health", tags=["health"])


class Health(Schema):
    status: Literal["ok"] = "ok"


@router.get("/live", response_model=Health, summary="Report whether the process is alive")
async def live() -> Health:
    """Liveness: a failure means that the process must be restarted."""
    return Health()


@router.get(
    "/ready",
    response_model=Health,
    summary="Report whether the service can answer requests",
    responses=responses(503),
)
async def ready(session: DbSession) -> Health:
    """Readiness: a failure means that the service cannot handle requests at the moment."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await session.execute(sa.text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        logger.warning("the database does not answer: %s", error)
        raise UnavailableError(ERROR_DATABASE_DOWN, code="database_down") from error
    return Health()
