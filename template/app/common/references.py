"""References between modules, checked by the service of the module that they refer to."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from app.common.errors import ERROR_UNKNOWN_REFERENCE, ConflictError, UnprocessableError


class InUseError(ConflictError):
    code = "in_use"


class UnknownReferenceError(UnprocessableError):
    code = "unknown_reference"


async def require_reference(
    values: Mapping[str, Any],
    field: str,
    exists: Callable[[uuid.UUID], Awaitable[bool]],
) -> None:
    """Raise an error if the field refers to a row that does not exist, or is deleted."""
    row_id = values.get(field)
    if row_id is not None and not await exists(row_id):
        raise UnknownReferenceError(ERROR_UNKNOWN_REFERENCE, field)


async def require_references(
    values: Mapping[str, Any],
    field: str,
    exist: Callable[[Collection[uuid.UUID]], Awaitable[bool]],
) -> None:
    """Raise an error if the field lists a row that does not exist, or is deleted."""
    row_ids = values.get(field)
    if row_ids and not await exist(row_ids):
        raise UnknownReferenceError(ERROR_UNKNOWN_REFERENCE, field)
