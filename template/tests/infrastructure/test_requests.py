"""Every request has an id, and a line in the log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from tests.fixtures import client_of


@pytest.mark.parametrize("given", ["abc-123", "A.b_9", "", "a b", "a" * 65, '","level":"error'])
async def test_safe_request_id_is_kept(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": given})

    found = answer.headers["x-request-id"]
    assert found == given if given in {"abc-123", "A.b_9"} else len(found) == 32


async def test_request_is_logged_with_its_duration(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="app.requests"):
        await client.get("/nowhere", params={"email": "a@example.com"})

    line = vars(next(record for record in caplog.records if record.name == "app.requests"))
    assert (line["method"], line["path"], line["status"]) == ("GET", "/nowhere", 404)
    assert line["duration_ms"] >= 0


async def test_interrupted_response_is_not_completed(spare_app: FastAPI) -> None:
    async def half() -> AsyncIterator[str]:
        yield "half"
        raise RuntimeError("the rest is missing")

    spare_app.add_api_route("/half", lambda: StreamingResponse(half()), response_model=None)
    async with client_of(spare_app) as client:
        with pytest.raises(RuntimeError, match="the rest is missing"):
            await client.get("/half")
