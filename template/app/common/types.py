"""Types of schema fields: what a value must be before any bound of its own is looked at."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    GetCoreSchemaHandler,
    HttpUrl,
    JsonValue,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

ERROR_BASE64 = "The value is not base64"
ERROR_URL_TOO_LONG = "The URL is longer than 2083 characters"

MAX_EMAIL_LENGTH = 254
MAX_URL_LENGTH = 2083
# An interval of more days than this is a mistake, and both databases keep all below it exactly.
MAX_INTERVAL = dt.timedelta(days=1_000_000)
FIRST_INSTANT = dt.datetime.min.replace(tzinfo=dt.UTC)
LAST_INSTANT = dt.datetime.max.replace(tzinfo=dt.UTC)
# JSON Schema's own format asks for an offset of a time, and knows no length of time below nothing.
DURATION = r"^-?P(\d+Y)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$"
LOCAL_TIME = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"

_http_url: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


class _Limits:
    """The limits of a type. Bounds that a field declares by `Field(ge=…)` take their place."""

    def __init__(self, **limits: Any) -> None:
        self.limits = limits

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return cast(CoreSchema, {**self.limits, **handler(source)})


def _decode_base64(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(ERROR_BASE64) from error


def _encode_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _refuse_nan(value: dict[str, Any]) -> dict[str, Any]:
    # Python reads NaN and Infinity where JSON has neither, and PostgreSQL refuses them.
    json.dumps(value, allow_nan=False)
    return value


def _normalize_url(value: str) -> str:
    url = str(_http_url.validate_python(value))
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(ERROR_URL_TOO_LONG)
    return url


# A signed integer of four and of eight bytes, which is what the columns hold.
Int32 = Annotated[int, _Limits(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, _Limits(ge=-(2**63), le=2**63 - 1)]
Finite = Annotated[float, _Limits(allow_inf_nan=False)]
# A point in time has an offset, and still exists when it is turned into UTC.
Instant = Annotated[dt.datetime, _Limits(tz_constraint="aware", ge=FIRST_INSTANT, le=LAST_INSTANT)]
LocalTime = Annotated[
    dt.time,
    _Limits(tz_constraint="naive"),
    WithJsonSchema({"type": "string", "format": "time-local", "pattern": LOCAL_TIME}),
]
# A length of time may come as a number of seconds too, and always goes out as text.
Duration = Annotated[
    dt.timedelta,
    _Limits(ge=-MAX_INTERVAL, le=MAX_INTERVAL),
    WithJsonSchema({"type": ["string", "number"], "pattern": DURATION}, mode="validation"),
    WithJsonSchema({"type": "string", "pattern": DURATION}, mode="serialization"),
]
Base64 = Annotated[
    bytes,
    BeforeValidator(_decode_base64),
    PlainSerializer(_encode_base64, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "byte", "contentEncoding": "base64"}),
]
JsonDict = Annotated[dict[str, JsonValue], AfterValidator(_refuse_nan)]
Email = Annotated[EmailStr, Field(max_length=MAX_EMAIL_LENGTH)]
# A URL is kept as text, normalised, because that is how other code reads and compares it.
Url = Annotated[
    str,
    AfterValidator(_normalize_url),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": MAX_URL_LENGTH}),
]
