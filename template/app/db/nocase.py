"""Text that is compared without regard to case."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

# What `lower()` is applied to both sides of. Sorting and searching are as for all text.
_COMPARISONS = {operator.eq, operator.ne, operators.in_op, operators.not_in_op}


class NoCase(sa.types.TypeDecorator[str]):
    """Text that keeps its case, and equals text of another case.

    A unique index of `lower(column)` enforces the same. SQLite lowers the letters A to Z alone.
    """

    impl = sa.String
    cache_ok = True

    class Comparator(sa.types.TypeDecorator.Comparator[str]):
        def operate(self, op: Callable[..., Any], *other: Any, **options: Any) -> Any:
            if op not in _COMPARISONS or other[0] is None:
                return super().operate(op, *other, **options)
            column = sa.func.lower(sa.type_coerce(self.expr, sa.String()))
            (value,) = other
            values = [*map(sa.func.lower, value)] if isinstance(value, list) else value
            return op(column, values if isinstance(value, list) else sa.func.lower(value))

    comparator_factory = Comparator
