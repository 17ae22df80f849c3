"""The metrics of requests that FastAPI measures, kept for Prometheus.

Several processes share what they count in the directory PROMETHEUS_MULTIPROC_DIR: any of them
reports for all. OpenTelemetry's own exporter would report one process at a time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, Meter, MeterProvider, NoOpMeter, UpDownCounter
from opentelemetry.util.types import Attributes
from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client import Histogram as PrometheusHistogram
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app.infrastructure.slow_logs import log_slow_request

__all__ = ["CONTENT_TYPE", "exposition", "forget_process", "measure"]

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
DURATION = PrometheusHistogram(
    "http_server_request_duration_seconds",
    "Duration of requests, by the template of their route",
    ["method", "route", "status"],
)
ACTIVE = Gauge(
    "http_server_active_requests",
    "Requests that are being answered",
    ["method"],
    multiprocess_mode="livesum",
)


class RequestDuration(Histogram):
    """Receives `http.server.request.duration`. A path of no route must not become a label."""

    def __init__(self) -> None:
        """Ignore the arguments: the metric has its own name."""

    def record(
        self, amount: float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        known = attributes or {}
        DURATION.labels(
            known.get("http.request.method", ""),
            known.get("http.route", ""),
            known.get("http.response.status_code", ""),
        ).observe(amount)
        log_slow_request(amount, known)


class ActiveRequests(UpDownCounter):
    """Receives `http.server.active_requests`."""

    def __init__(self) -> None:
        """Ignore the arguments: the metric has its own name."""

    def add(
        self, amount: float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        ACTIVE.labels((attributes or {}).get("http.request.method", "")).inc(amount)


class RequestMeter(NoOpMeter):
    """Keeps the two instruments of FastAPI, and drops those of other libraries."""

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        if name == "http.server.request.duration":
            return RequestDuration()
        return super().create_histogram(name, unit, description)

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> UpDownCounter:
        if name == "http.server.active_requests":
            return ActiveRequests()
        return super().create_up_down_counter(name, unit, description)


class RequestMeterProvider(MeterProvider):
    """Returns the same meter for every library."""

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> Meter:
        return RequestMeter(name, version, schema_url)


def measure() -> None:
    """Let FastAPI measure requests from now on."""
    if not isinstance(metrics.get_meter_provider(), RequestMeterProvider):
        metrics.set_meter_provider(RequestMeterProvider())


def exposition() -> bytes:
    """Return the metrics of this process, or of all that share a directory."""
    if DIRECTORY not in os.environ:  # allow(I2): the library reads it there
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    # Neither function of the library has annotations.
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process() -> None:
    """Remove the active requests of this process, which is about to end."""
    if DIRECTORY in os.environ:  # allow(I2): the library reads it there
        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]  # as above
