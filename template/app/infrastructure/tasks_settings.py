"""Settings of tasks and of the workers that run them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TasksSettings(BaseSettings):
    # What the keys in Redis begin with. Services that share a server need different ones.
    task_namespace: str = Field(default="dramatiq", pattern="^[a-z0-9_-]+$")
    # Tasks that a worker runs at once. Each can use a connection to the database.
    task_threads: int = Field(default=8, ge=1, le=100)
    # How often a worker looks for jobs that are due, and how long a message may take to arrive.
    task_poll_seconds: float = Field(default=1, gt=0)
    task_resend_seconds: float = Field(default=30, gt=0)
    # A running job whose worker has not reported for this long is run by another worker.
    task_lease_seconds: float = Field(default=30, gt=0)
    # How long a worker that is stopped waits for its running tasks.
    task_stop_seconds: float = Field(default=30, ge=0)
    # Jobs that have ended are removed after this time.
    task_retention_days: int = Field(default=30, ge=1)
