"""Requests are traced down to their statements, and measured by route."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.sampling import Decision
from pydantic import SecretStr

from app.db.session import DbSession, get_engine, get_sessions
from app.infrastructure.logging import JsonFormatter
from app.infrastructure.metrics import DIRECTORY
from app.infrastructure.settings import get_settings
from app.infrastructure.telemetry import RequestSampler, get_tracer_provider, running, send_spans
from tests.fixtures import client_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
# Two processes count; the second one reports when the first has ended.
COUNT = """
import os
from app.infrastructure.metrics import DURATION, exposition

if first := os.fork():
    os.waitpid(first, 0)
DURATION.labels("A", "/a", 1).observe(1)
if first:
    print(exposition().decode())
"""


@pytest.fixture(scope="module")
def spans() -> Iterator[list[Span]]:
    """What a collector of OpenTelemetry receives."""
    received: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    received.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        send_spans(get_tracer_provider(), f"http://127.0.0.1:{server.server_port}")
        yield received
        get_tracer_provider().shutdown()
        server.shutdown()


async def ask_database(session: DbSession) -> int:
    logging.getLogger("app").warning("asked")
    return int((await session.execute(sa.text("SELECT 7"))).scalar_one())


@pytest.fixture
def traced_app(spare_app: FastAPI) -> FastAPI:
    """The application with a route that asks the database."""
    spare_app.get("/asked/{number}")(ask_database)
    return spare_app


async def test_trace_goes_from_the_caller_to_the_statement(
    traced_app: FastAPI,
    spans: list[Span],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if database_url == "sqlite+aiosqlite://":
        pytest.skip("the service does not connect to a database in memory")
    monkeypatch.setattr(get_settings(), "database_url", database_url)
    get_engine.cache_clear()
    get_sessions.cache_clear()
    async with running(), client_of(traced_app) as client:
        assert (await client.get("/asked/1", headers=TRACEPARENT)).json() == 7
        await client.get("/health/live")
    await get_engine().dispose()
    get_engine.cache_clear()
    get_sessions.cache_clear()

    names = [span.name for span in spans if span.trace_id.hex() == TRACE]
    assert "GET /asked/{number}" in names
    assert [name for name in names if name.startswith("SELECT")]
    assert not [span for span in spans if "/health" in span.name]
    line = json.loads(JsonFormatter().format(caplog.records[0]))
    assert (line["message"], line["trace_id"]) == ("asked", TRACE)


async def test_metrics_name_the_route_and_not_the_path(traced_app: FastAPI) -> None:
    async with running(), client_of(traced_app) as client:
        await client.get("/api/v1/nothing/of/this/name")
        await client.get("/health/live")
        text = (await client.get("/metrics")).text

    counted = [line for line in text.splitlines() if "duration_seconds_count" in line]
    assert any('route="/health/live",status="200"' in line for line in counted)
    assert "/of/this/name" not in text


async def test_metrics_are_for_the_holder_of_the_token(
    traced_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "environment", "production")
    async with client_of(traced_app) as client:
        none = await client.get("/metrics", headers={"Authorization": "Bearer "})
        monkeypatch.setattr(get_settings(), "metrics_token", SecretStr("right"))
        wrong = await client.get("/metrics", headers={"Authorization": "Bearer wrong"})
        right = await client.get("/metrics", headers={"Authorization": "Bearer right"})

    assert [answer.status_code for answer in (none, wrong, right)] == [404, 404, 200]


def test_processes_report_together(tmp_path: Path) -> None:
    """Also those that have ended: a counter never falls."""
    command = [sys.executable, "-c", COUNT]
    environment = {**os.environ, DIRECTORY: str(tmp_path)}
    reported = subprocess.check_output(command, env=environment, text=True)  # noqa: S603

    assert 'duration_seconds_count{method="A",route="/a",status="1"} 2.0' in reported


def test_share_of_zero_keeps_no_trace() -> None:
    result = RequestSampler(0).should_sample(None, 1, "GET", attributes={"url.path": "/api"})

    assert result.decision is Decision.DROP
