"""Tests of a generated service that its sample values are valid, invalid and distinct."""

from __future__ import annotations

# They ask the schemas alone, as one row and one request for each value would ask them too.
VALUES = '''
"""The sample values of all modules."""

from __future__ import annotations

import importlib
import sys
import uuid
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from tests.api import JSON
from tests.contract.case import Case

FOLDERS = sorted(path.parent.name for path in Path(__file__).parent.glob("*/case.py"))
CASES: dict[str, Case] = {
    name: importlib.import_module(f"tests.modules.{name}.case").CASE for name in FOLDERS
}


@pytest.mark.parametrize("name", CASES)
def test_sample_values_are_valid_and_distinct(name: str) -> None:
    case = CASES[name]
    first, second = (case.schema.model_validate(body(case, number)) for number in (0, 1))

    for field in {*case.unique} & {*case.first}:
        attribute = case.attribute(field)
        assert getattr(first, attribute) != getattr(second, attribute), field


@pytest.mark.parametrize("name", CASES)
def test_invalid_sample_values_are_rejected(name: str) -> None:
    case = CASES[name]
    changes = vars(sys.modules[case.schema.__module__]).get(f"{case.model.__name__}Update")

    for field, values in case.invalid.items():
        for value in values:
            assert rejected(case.schema, body(case, 0) | {field: value}) == {field}, value
            if changes:
                assert rejected(changes, {field: value}) == {field}, value


def body(case: Case, number: int) -> JSON:
    """Return a body whose references lead to unknown rows."""
    return {**(case.first, case.second)[number], **{name: uuid.uuid4() for name in case.references}}


def rejected(schema: type[BaseModel], values: JSON) -> set[object]:
    """Return the fields that a schema rejects."""
    try:
        schema.model_validate(values)
    except ValidationError as error:
        return {part["loc"][0] for part in error.errors()}
    return set()
'''
