"""Samples are within the narrowest and the widest bounds of a type, refused values outside."""

from __future__ import annotations

import ast
import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from cofee.engine.render import Renderer
from cofee.spec.gate import check_fields
from cofee.template.template import Template
from tests.strategies import FACTS, ROOT

RENDERER = Renderer(Template(str(ROOT), "HEAD", ROOT))
SAMPLES: Any = RENDERER.environment.get_template("macros/samples.jinja").module

LENGTHS = ["1", "2", "3", "4", "8", "9", "1-1", "2-2", "3-3", "1-", "2-", "5-", "10-12", "10485760"]
SIZED = [f"{kind}:len={length}" for kind in ("text", "bytes", "list:int") for length in LENGTHS]
SIZED += [f"str:len={length}" for length in [*LENGTHS, "255-255", "10485760-10485760"]]
SIZED += ["bytes:len=10485760-10485760"]
BOUNDED = [
    "decimal:1.0", "decimal:1.1", "decimal:18.0", "decimal:18.18", "decimal:18.2:min=0",
    "decimal:1.1:max=-0.9", "decimal:5.2:min=1.50:max=1.51",
    "decimal:18.0:min=999999999999999998", "decimal:3.1:max=-99.8",
    "int", "int:min=-2147483648", "int:max=2147483647", "int:max=-2147483647", "int:min=2147483646",
    "bigint:min=9223372036854775806", "bigint:max=-9223372036854775807", "int:min=5:max=6",
    "interval:min=86399999999", "interval:max=-86399999999", "interval:max=1",
    "float", "float:min=0", "float:max=0", "float:min=1.5:max=1.6", "float:max=-1e12",
    "float:min=1e12", "float:min=-1e12:max=1e12",
    "date", "date:min=9999-12-30", "date:max=0001-01-02", "date:min=2026-02-01:max=2026-02-02",
    "datetime:min=99991231T235958Z", "datetime:max=00010101T000001Z", "time:min=235958",
    "time:max=000001", "time:min=0930:max=0931",
]  # fmt: skip
ONE_VALUE = ("int:min=7:max=7", "decimal:1.0:min=9:max=9", "float:min=1:max=1", "enum:a")


def field_of(spec: str) -> dict[str, Any]:
    (field,) = check_fields([f"value:{spec}"], FACTS, (), "things")
    longest = FACTS.types[field.type].max_length
    return {"max_length": longest, **field.to_record()} if longest else field.to_record()


def evaluated(literal: str) -> Any:
    """Return the value of a literal, or of a literal times a number."""
    return eval(compile(ast.parse(literal, mode="eval"), "sample", "eval"), {})  # noqa: S307


def size_of(field: dict[str, Any], value: Any) -> int:
    return len(base64.b64decode(value, validate=True) if field["type"] == "bytes" else value)


def read(field: dict[str, Any], value: Any) -> Any:
    """Return a sample or a bound as a value that can be compared."""
    if field["type"] == "decimal":
        return Decimal(value)
    # Dates and times are texts that compare as they do.
    return value


@pytest.mark.parametrize("spec", SIZED)
def test_samples_have_an_allowed_length(spec: str) -> None:
    field = field_of(spec)
    samples = [evaluated(SAMPLES.sample(field, which)) for which in (0, 1)]
    least, most = field.get("min_length", 0), field.get("max_length", 2**31)

    assert samples[0] != samples[1]
    assert all(least <= size_of(field, sample) <= most for sample in samples)


@pytest.mark.parametrize("spec", SIZED)
def test_refused_values_have_a_forbidden_length(spec: str) -> None:
    field = field_of(spec)
    least, most = field.get("min_length", 0), field.get("max_length", 2**31)
    _, *refused = map(evaluated, json.loads(SAMPLES.refused(field)))

    assert all(not least <= size_of(field, value) <= most for value in refused)
    assert len(refused) == (least > 0) + (most < 100_000)


@pytest.mark.parametrize("spec", BOUNDED)
def test_samples_are_within_the_bounds(spec: str) -> None:
    field = field_of(spec)
    first, second = (read(field, evaluated(SAMPLES.sample(field, which))) for which in (0, 1))

    assert first < second
    assert "min" not in field or first >= read(field, field["min"])
    assert "max" not in field or second <= read(field, field["max"])


@pytest.mark.parametrize("spec", ONE_VALUE)
def test_the_only_value_is_both_samples(spec: str) -> None:
    field = field_of(spec)

    assert SAMPLES.sample(field, 0) == SAMPLES.sample(field, 1)


@pytest.mark.parametrize("spec", BOUNDED)
def test_refused_values_are_outside_of_the_bounds(spec: str) -> None:
    field = field_of(spec)
    _, *refused = map(evaluated, json.loads(SAMPLES.refused(field)))
    if field["type"] == "decimal":
        refused, finer = refused[:-1], Decimal(refused[-1])
        assert finer.as_tuple().exponent == -field["scale"] - 1
    for bound, sign in (("min", -1), ("max", 1)):
        if bound in field:
            edge = read(field, field[bound])
            beyond = [read(field, value) for value in refused]
            assert any(value < edge if sign < 0 else value > edge for value in beyond), refused
