"""Settings of traces and metrics."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class TelemetrySettings(BaseSettings):
    """Settings of traces and metrics, with the names of OpenTelemetry where it has some."""

    otel_service_name: str = ""  # if empty, the name of the project
    otel_exporter_otlp_endpoint: str = ""  # of the collector that traces are sent to, if any
    otel_traces_sampler_arg: float = Field(default=1, ge=0, le=1)  # the share that is kept
    # What is logged as slow, from this many milliseconds.
    slow_request_ms: int = Field(default=1_000, ge=0)
    slow_statement_ms: int = Field(default=200, ge=0)
    metrics_token: SecretStr = SecretStr("")  # required to read the metrics in production
