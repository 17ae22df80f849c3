"""The types of schemas accept and reject values before any bounds of a field."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from app.common import types

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (types.Int32, 2**31 - 1, 2**31 - 1),
        (types.Int64, -(2**63), -(2**63)),
        (types.Instant, "2026-01-31T01:00:00+01:00", dt.datetime(2026, 1, 31, tzinfo=dt.UTC)),
        (types.LocalTime, "09:30", dt.time(9, 30)),
        (types.Duration, "P1D", DAY),
        (types.Base64, "dGVh", b"tea"),
        (types.Base64, b"tea", b"tea"),
        (types.JsonDict, {"a": [1, None]}, {"a": [1, None]}),
        (Annotated[str, types.ONE_LINE], "Zoë 茶 100 %", "Zoë 茶 100 %"),
        (types.Email, "me@example.com", "me@example.com"),
        (types.Url, "HTTP://Example.com", "http://example.com/"),
    ],
)
def test_valid_value_is_parsed(kind: Any, given: Any, expected: Any) -> None:
    assert TypeAdapter(kind).validate_python(given) == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (types.Int32, 2**31),
        (types.Int64, 2**63),
        (types.Finite, float("nan")),
        (types.Date, 86_400),
        (types.Instant, "2026-01-31T00:00:00"),
        (types.Instant, "2026"),
        (types.Instant, " -1.5E3 "),
        (types.LocalTime, "09:30Z"),
        (types.LocalTime, 34_200.5),
        (types.Duration, DAY * 1_000_001),
        (types.Base64, "not base64"),
        (types.JsonDict, {"a": float("inf")}),
        (types.JsonDict, {"a": [{"b": "\ud83d"}]}),
        (Annotated[str, types.ONE_LINE], "two\nlines"),
        (Annotated[str, types.ONE_LINE], "two\u2028lines"),
        (Annotated[str, types.ONE_LINE], "a\x00b"),
        (Annotated[str, types.ONE_LINE], "a\n"),
        (types.Email, "me@"),
        (types.Url, "ftp://example.com"),
        (types.Url, f"http://example.com/{'a' * types.MAX_URL_LENGTH}"),
    ],
)
def test_invalid_value_is_rejected(kind: Any, given: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(given)


@pytest.mark.parametrize("value", [types.MAX_INTERVAL, -types.MAX_INTERVAL, -DAY / 7, 0 * DAY])
def test_duration_is_serialized_as_documented(value: dt.timedelta) -> None:
    assert re.match(types.DURATION, TypeAdapter(types.Duration).dump_python(value, mode="json"))


def test_bytes_are_serialized_as_base64() -> None:
    assert TypeAdapter(types.Base64).dump_json(b"tea") == b'"dGVh"'


def test_the_description_of_a_nullable_field_is_kept() -> None:
    documented = Annotated[types.Duration, Field(description="Short")]
    assert TypeAdapter(documented | None).json_schema()["anyOf"][0]["description"] == "Short"


@pytest.mark.parametrize("kind", [types.Int32, types.Date, types.Instant, types.Text, types.Url])
def test_example_of_a_field_replaces_that_of_its_type(kind: Any) -> None:
    example = TypeAdapter(kind).json_schema()["examples"][0]
    own = Annotated[kind, Field(examples=["own"])]
    assert TypeAdapter(kind).validate_python(example)
    assert TypeAdapter(own).json_schema()["examples"] == ["own"]
