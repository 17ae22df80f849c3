"""Versions of rows in requests and responses: `ETag` and `If-Match` of RFC 9110."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

from fastapi import Header, Response

from app.common.errors import ERROR_CHANGED, ApiError
from app.common.schemas import RowSchema

# The versions that a request may change. Without the header, or with `*`, it may change any.
IfMatch = Annotated[list[str] | None, Header(description="The `ETag` of the row as it was read")]

_TAG = re.compile(r'(?:W/)?"[^"]*"')


class PreconditionFailedError(ApiError):
    status = 412
    code = "precondition_failed"


class VersionedSchema(RowSchema):
    version: int


Row = TypeVar("Row", bound=VersionedSchema)


def tagged(response: Response, row: Row) -> Row:
    """Set the `ETag` of a response to the version of its row."""
    response.headers["ETag"] = f'"{row.version}"'
    return row


def require_version(if_match: list[str] | None, version: int) -> None:
    """Raise 412 if the row has another version than the client read. Weak tags never match."""
    tags = ",".join(if_match or ["*"])
    if tags.strip() != "*" and f'"{version}"' not in _TAG.findall(tags):
        raise PreconditionFailedError(ERROR_CHANGED)
