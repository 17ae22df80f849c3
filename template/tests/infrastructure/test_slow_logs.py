"""Slow requests and statements are logged, without a value."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.infrastructure.metrics import RequestDuration
from app.infrastructure.settings import get_settings
from app.infrastructure.slow_logs import log_slow_request, logged_statements, shape, streams
from app.infrastructure.telemetry import running
from tests.fixtures import client_of

SECRET = "SELECT 'it''s secret', 17, :given"
LOGGER = "app.infrastructure.slow_logs"


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[object]:
    """Return an attribute of each warning."""
    return [getattr(record, name) for record in caplog.records if record.name == LOGGER]


async def test_slow_statement_is_logged_by_its_shape(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "slow_statement_ms", 0)
    with logged_statements(engine.sync_engine):
        async with engine.connect() as connection:
            await connection.execute(sa.text(SECRET), {"given": "given"})
            with pytest.raises(DBAPIError):
                await connection.execute(sa.text("SELECT 'secret' FROM nothing"))

    statements = logged(caplog, "statement")
    first, second = [text for text in statements if text != "BEGIN"]  # which SQLite gets as well
    assert str(first).startswith("SELECT ?, ?, ")
    assert second == "SELECT ? FROM nothing"
    assert not [word for word in ("secret", "17", "given") if word in f"{first} {second}"]


async def test_quick_statement_is_not_logged(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "slow_statement_ms", 60_000)
    with logged_statements(engine.sync_engine):
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))

    assert logged(caplog, "statement") == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT  a1\nFROM t WHERE b = $1 AND c = 12.5", "SELECT a1 FROM t WHERE b = $1 AND c = ?"),
        (r"SELECT E'a\' b', 'c\', 'd'", "SELECT ?, ?, ?"),
        ("SELECT $x$it$x$, a2fa", "SELECT ?, a2fa"),
    ],
)
def test_shape_has_no_values(statement: str, expected: str) -> None:
    assert shape(statement) == expected


async def test_slow_request_is_logged_by_its_route(
    spare_app: FastAPI, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get(number: int) -> int:
        return number

    spare_app.get("/slow/{number}")(get)
    monkeypatch.setattr(get_settings(), "slow_request_ms", 0)
    async with running(), client_of(spare_app) as client:
        await client.get("/slow/7")
        monkeypatch.setattr(get_settings(), "slow_request_ms", 60_000)
        await client.get("/slow/8")

    assert logged(caplog, "route") == ["/slow/{number}"]
    assert logged(caplog, "status") == [200]


def test_open_stream_is_not_slow(caplog: pytest.LogCaptureFixture) -> None:
    for method, route in streams():
        log_slow_request(99, {"http.request.method": method.upper(), "http.route": route})
    RequestDuration().record(99, {"http.request.method": "GET", "http.route": "/health/live"})

    assert logged(caplog, "route") == ["/health/live"]
