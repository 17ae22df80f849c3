"""Where traces are sent, and who may read the metrics."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class TelemetrySettings(BaseSettings):
    """The names of OpenTelemetry, where it has names for these."""

    otel_service_name: str = ""  # the name of the project, if it is empty
    otel_exporter_otlp_endpoint: str = ""  # of the collector that traces are sent to, if any
    otel_traces_sampler_arg: float = Field(default=1, ge=0, le=1)  # the share that is kept
    metrics_token: SecretStr = SecretStr("")  # in production, none may read without one
