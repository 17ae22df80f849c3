"""References between modules: each is checked by the service of the module that it leads to."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from app.common.errors import problem

ERROR_UNKNOWN_REFERENCE = "It refers to a row that does not exist"


async def require_reference(
    values: Mapping[str, Any],
    field: str,
    exists: Callable[[uuid.UUID], Awaitable[bool]],
) -> None:
    """Refuse the field's value if it names a row that is not there, or no longer is."""
    item_id = values.get(field)
    if item_id is not None and not await exists(item_id):
        raise problem(422, "unknown_reference", ERROR_UNKNOWN_REFERENCE, field)


async def require_references(
    values: Mapping[str, Any],
    field: str,
    exist: Callable[[Collection[uuid.UUID]], Awaitable[bool]],
) -> None:
    """Refuse the field's values if one of them names a row that is not there, or no longer is."""
    item_ids = values.get(field)
    if item_ids and not await exist(item_ids):
        raise problem(422, "unknown_reference", ERROR_UNKNOWN_REFERENCE, field)
