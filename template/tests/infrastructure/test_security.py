"""Headers, limits and origins."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request

from app.infrastructure.security import API_POLICY, DOCS_POLICY, HEADERS, add_middlewares
from app.infrastructure.settings import Settings
from tests.fixtures import client_of

ORIGIN = "https://shop.example.com"
SCRIPTS = "https://cdn.jsdelivr.net"
LIMIT = 1_048_576


@pytest.fixture(scope="module")
def probe(spare_app: FastAPI) -> FastAPI:
    """An application that reads a body and can crash."""

    async def size(request: Request) -> int:
        return len(await request.body())

    spare_app.add_api_route("/size", size, methods=["POST"])
    spare_app.add_api_route("/broken", lambda: 1 / 0)
    return spare_app


async def in_parts(size: int) -> AsyncIterator[bytes]:
    """Yield a body whose size is not declared."""
    for _ in range(size // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("path", ["/health/live", "/nowhere", "/broken", "/docs"])
async def test_every_response_has_the_security_headers(probe: FastAPI, path: str) -> None:
    async with client_of(probe) as client:
        answer = await client.get(path, headers={"Authorization": "Bearer x"})

    assert answer.headers["cache-control"] == "no-store"
    assert HEADERS.items() <= {name.title(): v for name, v in answer.headers.items()}.items()
    expected = DOCS_POLICY if path == "/docs" else API_POLICY
    assert answer.headers["content-security-policy"] == expected
    loads_scripts = [SCRIPTS in text for text in (answer.text, expected)]
    assert loads_scripts == [path == "/docs"] * 2


async def test_body_above_the_limit_is_rejected(probe: FastAPI) -> None:
    async with client_of(probe) as client:
        read = await client.post("/size", content=b"x" * LIMIT)
        answer = await client.post("/size", content=in_parts(LIMIT + 1024))

    assert (read.json(), answer.status_code) == (LIMIT, 413)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-security-policy"] == API_POLICY
    assert answer.json()["code"] == "content_too_large"


async def test_body_declared_above_the_limit_is_not_read(probe: FastAPI) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    async with client_of(probe) as client:
        headers = {"content-length": str(LIMIT + 1)}
        answer = await client.post("/size", content=unread(), headers=headers)

    assert answer.status_code == 413


@pytest.mark.parametrize("origins", [(), ("https://other.example.com",), (ORIGIN,)])
async def test_only_origins_of_the_settings_are_allowed(origins: tuple[str, ...]) -> None:
    app = FastAPI()
    add_middlewares(app, Settings(cors_origins=origins))
    async with client_of(app) as client:
        answer = await client.get("/nowhere", headers={"Origin": ORIGIN})

    assert (answer.headers.get("access-control-allow-origin") == ORIGIN) == (ORIGIN in origins)
