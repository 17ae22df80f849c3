"""Names of fields in JSON and in query parameters, where they differ from those in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args

from fastapi import Request
from pydantic import AliasGenerator, BaseModel, BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Item = TypeVar("Item")
# FastAPI does not know that a parameter has several values if it is named as in Python.
Several = Annotated[
    list[Item], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


class JsonNames:
    """How clients call the fields of a schema. They can use the names in Python as well.

    It is the `alias_generator` of a schema. As the annotation of a `Literal` of fields, such as the
    sort orders of a list, it names these values.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def __call__(self, name: str) -> str:
        return self._names.get(name, name)

    @property
    def of_rows(self) -> AliasGenerator:
        """The names for a schema of rows, whose values are read from attributes."""
        return AliasGenerator(serialization_alias=self)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Accept both names of each value, document the one in JSON, and give the one in Python."""
        in_python = {self._signed(name): name for name in get_args(source)}
        in_json = {name: named for named, name in in_python.items()}
        named = core_schema.no_info_before_validator_function(
            lambda name: in_json.get(name, name) if isinstance(name, str) else name,
            core_schema.literal_schema([*in_python]),
        )
        return core_schema.no_info_after_validator_function(in_python.__getitem__, named)

    def _signed(self, name: str) -> str:
        """Name an order, which begins with `-` if it is descending."""
        sign = "-" if name.startswith("-") else ""
        return sign + self(name.removeprefix("-"))


def in_json(request: Request, field: str) -> str:
    """Return the name of a field in an error, as the schemas of the request's route have it."""
    route: Any = request.scope.get("route")
    body = getattr(route, "body_field", None)
    kinds = (getattr(route, "response_model", None), body and body.field_info.annotation)
    names = dict(pair for kind in kinds for pair in _aliases(kind))
    return ".".join(names.get(part, part) for part in field.split("."))


def _aliases(kind: Any) -> Iterator[tuple[str, str]]:
    """Yield the names in Python and in JSON of the fields of the schemas in an annotation."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield name, field.serialization_alias or name
    for inner in get_args(kind):
        yield from _aliases(inner)
