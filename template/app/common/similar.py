"""Schemas of rows that are similar to a text, or to another row."""

from __future__ import annotations

from pydantic import Field

from app.common.schemas import MAX_PAGE_SIZE, Model, Schema

MAX_TEXT = 2_000
USUAL_NUMBER = 10
SIMILAR_ERRORS = (502, 504)  # of the service that computes the vector of a text


class SimilarRow(Model):
    """A row with its similarity, the greatest first."""

    similarity: float = Field(description="From -1 to 1, which is that of the same text")


class SimilarQuery(Schema):
    """The query of rows that are similar to one."""

    limit: int = Field(default=USUAL_NUMBER, ge=1, le=MAX_PAGE_SIZE)


class TextQuery(SimilarQuery):
    """The query of rows that are similar to a text."""

    text: str = Field(min_length=1, max_length=MAX_TEXT)
