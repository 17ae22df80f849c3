"""The probes report the state of the process and its database."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from app.main import lifespan
from tests.fixtures import client_of


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_service_with_its_database_is_ready(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_service_without_its_database_is_alive_but_not_ready(spare_app: FastAPI) -> None:
    async with lifespan(spare_app), client_of(spare_app) as client:
        alive = await client.get("/health/live")
        ready = await client.get("/health/ready")

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["code"]) == (503, "database_down")
    assert ready.headers["retry-after"] == "1"
