"""Request and response schemas of files."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.common.schemas import OMITTED, Filter, PageQuery, RowSchema, RowSort, Schema
from app.common.sorts import Sort
from app.common.types import ONE_LINE

FileState = Literal["pending", "stored"]
OwnerKind = Literal["user", "project"]
FileSort = Literal[RowSort, "name", "-name", "size", "-size"]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


FileName = Annotated[
    str,
    Field(min_length=1, max_length=255, description="The name on download", examples=["cat.png"]),
    ONE_LINE,
]
ContentType = Annotated[
    str,
    BeforeValidator(_lower),
    Field(
        max_length=255,
        pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$",
        description="A media type without parameters",
        examples=["image/png"],
    ),
]
Sha256 = Annotated[
    str,
    BeforeValidator(_lower),
    Field(
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of the content, in hexadecimal digits",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]


class FileCreate(Schema):
    """The content of a direct upload. Other content is rejected."""

    name: FileName
    content_type: ContentType
    size: Annotated[int, Field(ge=1, le=5 * 2**30, description="Bytes", examples=[4])]
    sha256: Sha256


class FileUpload(Schema):
    """Query parameters of an upload; its body is the content."""

    name: FileName
    sha256: Annotated[Sha256, Field(description="Checked, if given")] = OMITTED


class FileRead(RowSchema):
    name: str
    content_type: str
    size: int | None = Field(description="Null while an upload runs")
    sha256: str | None = Field(description="Null while an upload runs")
    state: FileState


class DirectUpload(Schema):
    """A request that uploads the content. It must be sent exactly like this."""

    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: dt.datetime


class FileCreated(FileRead):
    upload: DirectUpload


class FileQuery(PageQuery):
    content_type: Filter[ContentType] = OMITTED
    state: Filter[FileState] = OMITTED
    sort: Sort[FileSort] = "id"
