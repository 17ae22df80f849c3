"""Pytest plugin for the tests of a generated service: keeps one contract test for each risk.

Contract tests are the product of the modules of a service, their fields and the contracts. Most of
the product repeats: two fields of one type, two soft-deleted modules. This plugin keeps tests until
each of them has met every rule of a module, every type and every kind of relation: its facts. A
module whose rows refer to few others is preferred, because they are cheap to create.

It is copied into the service, in whose environment it runs.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

# Arguments of tests for which the type of the field makes no difference.
OF_ANY_TYPE = {
    "required_field",
    "invalid_field",
    "nullable_field",
    "nullable_sort",
    "nullable_filter",
}
# Arguments of tests of deletion, in which each pair of the rules of both rows is a risk.
OF_DELETION = {"restricting", "cascading", "emptied", "shared_reference"}

PER_TEST = 12  # what a test costs besides its rows, as if it were rows


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the contract tests that meet nothing new."""
    tests: dict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item.cls, "case"):
            tests[item.originalname].append(item)
    dropped = {item for group in tests.values() for item in repeated(group)}
    config.hook.pytest_deselected(items=[item for item in items if item in dropped])
    items[:] = [item for item in items if item not in dropped]


def repeated(group: list[pytest.Function]) -> set[pytest.Function]:
    """Return the tests without which the others still meet every fact.

    They are chosen greedily: the most new facts for the rows that have to be created.
    """
    met = {item: set(facts(item)) for item in group}
    cost = {item: PER_TEST + len(rows(item.cls.case)) for item in group}
    missing: set[object] = set().union(*met.values())
    while missing:
        best = max(met, key=lambda item: len(met[item] & missing) / cost[item])
        missing -= met.pop(best)
    return set(met)


def rows(case: Any) -> set[str]:
    """Return the modules that have a row when there is one of this module."""
    relations = [one for one in case.relations.values() if not one.deferred]
    return {case.url}.union(*(rows(one.target) for one in relations))


def facts(item: pytest.Function) -> Iterator[object]:
    """Yield what a test meets: the rules of its module, and the kind of each of its arguments."""
    case = item.cls.case
    columns = case.table.c
    yield "deletion", "is_deleted" in columns
    yield "owner", case.owner and "/projects/" in case.url
    yield "versions", "version" in columns
    yield "routes", len(case.routes) == 6
    if item.originalname == "test_only_open_routes_need_no_token":
        yield "access", case.access
    yield from (("has", name) for name in ("search", "checked", "links") if getattr(case, name))
    arguments = item.callspec.params if hasattr(item, "callspec") else {}
    for name, value in arguments.items():
        is_field = isinstance(value, str) and value in columns
        if name in OF_ANY_TYPE:
            yield name, value in case.relations
        elif isinstance(value, str) and value in case.relations:
            kinds = relation_kinds(case, case.relations[value])
            pairs = itertools.combinations(kinds, 2)
            yield from ((name, one) for one in (pairs if name in OF_DELETION else kinds))
        else:
            yield name, type(columns[value].type).__name__ if is_field else str(value)


def relation_kinds(case: Any, relation: Any) -> tuple[object, ...]:
    """Return the rules of a relation, and how the rows at both of its ends are deleted."""
    return (
        (type(relation).__name__, getattr(relation, "on_delete", "")),
        ("single", getattr(relation, "is_single", False)),
        ("deferred", relation.deferred),
        ("from soft", "is_deleted" in case.table.c),
        ("to soft", "is_deleted" in relation.target.table.c),
        ("own", relation.target is case),
    )
