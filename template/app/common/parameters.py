"""Rejects query parameters that are given more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_origin

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.requests import HTTPConnection

ERROR_REPEATED = "Input should be given once"


def require_single_values(request: HTTPConnection) -> None:
    """Raise 422 if a parameter that has one value is given several times.

    FastAPI would take the last one: a client that filters by two values would not notice.
    """
    given = request.query_params
    if not given or len(given) == len(given.multi_items()):
        return
    counts = Counter(name for name, _ in given.multi_items())
    repeated = {name for name, count in counts.items() if count > 1}
    repeated -= {*_lists(request.scope["route"].dependant)}
    if repeated:
        errors = [("query", name) for name in sorted(repeated)]
        raise RequestValidationError(
            [{"type": "repeated", "loc": place, "msg": ERROR_REPEATED} for place in errors]
        )


def _lists(dependant: Dependant) -> Iterator[str]:
    """Yield the names of the parameters that have several values."""
    for parameter in dependant.query_params:
        yield from _lists_of({parameter.alias: parameter.field_info})
    for other in dependant.dependencies:
        yield from _lists(other)


def _lists_of(fields: dict[str, FieldInfo]) -> Iterator[str]:
    for name, field in fields.items():
        kind = get_origin(field.annotation) or field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _lists_of(kind.model_fields)
        elif isinstance(kind, type) and issubclass(kind, Sequence) and not issubclass(kind, str):
            yield from {name, field.alias or name}
