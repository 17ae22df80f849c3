"""Limits of channels and of the streams that read them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class EventsSettings(BaseSettings):
    """How many events a channel keeps and how long, and how many streams may be open."""

    event_buffer_size: int = Field(default=1000, ge=1)
    event_buffer_seconds: int = Field(default=86_400, ge=1)  # since the last event
    event_streams: int = Field(default=1000, ge=1)  # of one process
    event_streams_per_user: int = Field(default=20, ge=1)
    event_check_seconds: float = Field(default=5, gt=0)  # whether the streams may still be read
    event_retry_ms: int = Field(default=3000, ge=0)  # a client waits this long to reconnect
