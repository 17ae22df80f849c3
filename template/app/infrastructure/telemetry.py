"""Traces by OpenTelemetry and metrics for Prometheus.

FastAPI measures and traces requests itself once a provider exists. Statements, and Redis and
outgoing HTTP if they are installed, are instrumented here.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import tomllib
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

from app.common.errors import NotFoundError, responses
from app.db.session import get_engine
from app.infrastructure.metrics import CONTENT_TYPE, exposition, forget_process, measure
from app.infrastructure.settings import get_settings
from app.infrastructure.slow_logs import logged_statements

ERROR_NO_METRICS = "There are no metrics here"
PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
UNTRACED = ("/health/", "/metrics")  # probes and scrapes would outnumber all other requests

router = APIRouter(tags=["metrics"])


class RequestSampler(Sampler):
    """Keeps a share of the traces; a caller that traces decides for its own requests.

    Probes are not traced, and neither are statements outside a trace, such as the polling of a
    worker.
    """

    def __init__(self, share: float) -> None:
        self._sampler = ParentBased(TraceIdRatioBased(share))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        is_alone = kind is SpanKind.CLIENT and not parent.is_valid
        if is_alone or str((attributes or {}).get("url.path", "")).startswith(UNTRACED):
            return SamplingResult(Decision.DROP)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return "RequestSampler"


@lru_cache
def get_tracer_provider() -> TracerProvider:
    """Return the provider of this process: OpenTelemetry accepts only one."""
    settings = get_settings()
    name = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["name"]
    resource = Resource.create({"service.name": settings.otel_service_name or name})
    sampler = RequestSampler(settings.otel_traces_sampler_arg)
    provider = TracerProvider(resource=resource, sampler=sampler)
    if settings.otel_exporter_otlp_endpoint:
        send_spans(provider, settings.otel_exporter_otlp_endpoint)
    trace.set_tracer_provider(provider)
    return provider


def send_spans(provider: TracerProvider, collector: str) -> None:
    """Send spans to the URL of a collector, in batches, from a separate thread."""
    exporter = OTLPSpanExporter(endpoint=f"{collector.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Trace and measure during the block, and send the remaining spans at its end."""
    provider = get_tracer_provider()
    measure()
    try:
        with logged_trace_ids(), instrumented(), logged_statements(get_engine().sync_engine):
            yield
    finally:
        await run_sync(provider.force_flush)
        forget_process()


@contextlib.contextmanager
def instrumented() -> Iterator[None]:
    """Trace statements, and the calls of each library whose instrumentation is installed.

    The instrumentation of SQLAlchemy works with newer versions than it declares.
    """
    statements = SQLAlchemyInstrumentor()
    statements.instrument(engine=get_engine().sync_engine, skip_dep_check=True)
    others = [
        entry.load()()
        for entry in entry_points(group="opentelemetry_instrumentor")
        if entry.name in ("redis", "httpx2")
    ]
    for other in others:
        other.instrument(skip_dep_check=True)
    try:
        yield
    finally:
        for each in (statements, *others):
            each.uninstrument()


@contextlib.contextmanager
def logged_trace_ids() -> Iterator[None]:
    """Give every log line the ids of the trace and the span in which it is written."""
    make = logging.getLogRecordFactory()

    def make_with_ids(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = make(*arguments, **options)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = trace.format_trace_id(context.trace_id)
            record.span_id = trace.format_span_id(context.span_id)
        return record

    logging.setLogRecordFactory(make_with_ids)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)


def require_metrics_token(request: Request) -> None:
    """Raise 404 for callers without METRICS_TOKEN. Outside production it can be empty."""
    settings = get_settings()
    token = settings.metrics_token.get_secret_value()
    if not token and settings.environment != "production":
        return
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not secrets.compare_digest(given.encode(), token.encode()):
        raise NotFoundError(ERROR_NO_METRICS)


@router.get(
    "/metrics",
    response_class=Response,
    summary="Report the metrics of all processes in the format of Prometheus",
    responses=responses(404),
)
def metrics(_: Annotated[None, Depends(require_metrics_token)]) -> Response:
    return Response(exposition(), media_type=CONTENT_TYPE)
