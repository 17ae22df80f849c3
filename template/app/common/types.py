"""Types of schema fields, with the limits of their columns and their format in JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    HttpUrl,
    JsonValue,
    PlainSerializer,
    TypeAdapter,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

ERROR_BASE64 = "The value is not valid base64"
ERROR_NOT_JSON = "JSON cannot contain NaN, Infinity or unpaired surrogates"
ERROR_NOT_ONE_LINE = "The text must be on one line and contain no control characters"
ERROR_NUMBER = "Input should be text in the format of RFC 3339, not a number"
ERROR_URL_TOO_LONG = "The URL is longer than 2083 characters"

MAX_EMAIL_LENGTH = 254
MAX_URL_LENGTH = 2083
# Both databases store every duration up to this limit exactly.
MAX_INTERVAL = dt.timedelta(days=1_000_000)
FIRST_INSTANT = dt.datetime.min.replace(tzinfo=dt.UTC)
LAST_INSTANT = dt.datetime.max.replace(tzinfo=dt.UTC)
# The formats of JSON Schema require an offset in a time and do not allow negative durations.
DURATION = r"^-?P(\d+Y)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$"
# All but the control characters of Unicode and its separators of lines and paragraphs.
ONE_LINE_TEXT = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
LOCAL_TIME = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"

_http_url: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)
_one_line = re.compile(ONE_LINE_TEXT)
_number = re.compile(r"\s*[-+]?[\d.]+(e[-+]?\d+)?\s*", re.IGNORECASE)


class _Limits:
    """The limits of a type, unless a field has narrower ones from `Field(ge=…)`."""

    def __init__(self, **limits: Any) -> None:
        self.limits = limits

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return cast(CoreSchema, {**self.limits, **handler(source)})


class _Text:
    """JSON Schema of a value that is text. It keeps the description and the examples of a field."""

    def __init__(self, **schema: Any) -> None:
        self.schema = {"type": "string", **schema}

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        field = handler(schema)
        documented = self.schema | {
            key: field[key] for key in ("description", "examples") if key in field
        }
        return documented | {"type": "string"} if handler.mode == "serialization" else documented


class _OneLine:
    """Rejects line breaks and other control characters. OpenAPI shows a field's own pattern."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_require_one_line, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"pattern": ONE_LINE_TEXT, **handler(schema)}


def _require_one_line(value: str) -> str:
    if _one_line.fullmatch(value) is None:
        raise ValueError(ERROR_NOT_ONE_LINE)
    return value


def _reject_number(value: Any) -> Any:
    # Pydantic takes a number for seconds since 1970, also as text, such as `created_at_from=2026`.
    if isinstance(value, int | float | str) and _number.fullmatch(str(value)):
        raise ValueError(ERROR_NUMBER)
    return value


def _decode_base64(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError(ERROR_BASE64) from error


def _require_json(value: dict[str, Any]) -> dict[str, Any]:
    # Python parses NaN, Infinity and lone surrogates, which no database and no response can hold.
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        raise ValueError(ERROR_NOT_JSON) from error
    return value


def _normalize_url(value: str) -> str:
    url = str(_http_url.validate_python(value))
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(ERROR_URL_TOO_LONG)
    return url


# Used after the bounds of a text: `Annotated[str, Field(max_length=40), ONE_LINE]`.
ONE_LINE = _OneLine()
Text = Annotated[str, Field(examples=["alpha"])]
# Signed integers of four and eight bytes, the sizes of the columns.
Int32 = Annotated[int, _Limits(ge=-(2**31), le=2**31 - 1), Field(examples=[1])]
Int64 = Annotated[int, _Limits(ge=-(2**63), le=2**63 - 1), Field(examples=[1])]
Finite = Annotated[float, _Limits(allow_inf_nan=False), Field(examples=[1.5])]
Date = Annotated[dt.date, BeforeValidator(_reject_number), Field(examples=["2026-01-31"])]
# A datetime with an offset, which can be converted to UTC.
Instant = Annotated[
    dt.datetime,
    _Limits(tz_constraint="aware", ge=FIRST_INSTANT, le=LAST_INSTANT),
    BeforeValidator(_reject_number),
    Field(examples=["2026-01-31T09:30:00Z"]),
]
LocalTime = Annotated[
    dt.time,
    _Limits(tz_constraint="naive"),
    BeforeValidator(_reject_number),
    _Text(format="time-local", pattern=LOCAL_TIME, examples=["09:30:00"]),
]
# Requests contain ISO 8601 text or a number of seconds, responses always text.
Duration = Annotated[
    dt.timedelta,
    _Limits(ge=-MAX_INTERVAL, le=MAX_INTERVAL),
    _Text(type=["string", "number"], pattern=DURATION, examples=["PT1H30M"]),
]
Base64 = Annotated[
    bytes,
    BeforeValidator(_decode_base64),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), str, when_used="json"),
    _Text(format="byte", contentEncoding="base64", examples=["aGVsbG8="]),
]
JsonDict = Annotated[
    dict[str, JsonValue], AfterValidator(_require_json), Field(examples=[{"letter": "alpha"}])
]
Email = Annotated[EmailStr, Field(max_length=MAX_EMAIL_LENGTH, examples=["alpha@example.com"])]
# A URL is normalised and stored as text.
Url = Annotated[
    str,
    AfterValidator(_normalize_url),
    _Text(format="uri", maxLength=MAX_URL_LENGTH, examples=["https://example.com/alpha"]),
]
