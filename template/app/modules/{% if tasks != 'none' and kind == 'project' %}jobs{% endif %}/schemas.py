"""Response schemas of jobs."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from app.common.schemas import OMITTED, Filter, PageQuery, RowSchema, RowSort
from app.common.sorts import Sort

# In the order in which a job has them. A job that has ended no longer changes.
JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobRead(RowSchema):
    kind: str = Field(description="The name of the task")
    status: JobStatus
    progress: int = Field(description="In percent", ge=0, le=100)
    attempts: int = Field(description="How often it was tried, if the worker was not stopped")
    arguments: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None = Field(description="What went wrong in the last attempt")
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class JobQuery(PageQuery):
    kind: Filter[str] = OMITTED
    status: Filter[JobStatus] = OMITTED
    sort: Sort[RowSort] = "id"
