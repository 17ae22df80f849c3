"""Versions of rows in requests and answers: `ETag` and `If-Match`, as RFC 9110 has them."""

from __future__ import annotations

import re
from typing import Annotated, Protocol, TypeVar

from fastapi import Header, Response

from app.common.errors import ERROR_CHANGED, problem

# The versions that a request would change; without the header, or with `*`, it is any.
IfMatch = Annotated[list[str] | None, Header(description="The `ETag` of the row as it was read")]

_TAG = re.compile(r'(?:W/)?"[^"]*"')


class Versioned(Protocol):
    """What has a version."""

    version: int


Row = TypeVar("Row", bound=Versioned)


def tagged(response: Response, row: Row) -> Row:
    """Say in the answer which version of a row it holds."""
    response.headers["ETag"] = f'"{row.version}"'
    return row


def require_version(if_match: list[str] | None, version: int) -> None:
    """Refuse to change what is not as the client has read it; a weak tag never matches."""
    tags = ",".join(if_match or ["*"])
    if tags.strip() != "*" and f'"{version}"' not in _TAG.findall(tags):
        raise problem(412, "precondition_failed", ERROR_CHANGED)
