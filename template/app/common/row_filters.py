"""Statistics of rows, and the filters of these rows."""

from __future__ import annotations

from app.common.schemas import OMITTED, Before, From, Model, Schema
from app.common.types import Instant


class RowFilters(Schema):
    """The times by which rows can be filtered, as in every list."""

    created_at_from: From[Instant] = OMITTED
    created_at_before: Before[Instant] = OMITTED
    updated_at_from: From[Instant] = OMITTED
    updated_at_before: Before[Instant] = OMITTED


class RowStats(Model):
    """Base of the counts and sums of rows."""
