"""Creation of many rows by one request: all of them, or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.common.errors import MAX_LISTED, ApiError, FieldProblem, violated
from app.common.schemas import Schema
from app.db.base import RowMixin

MAX_ROWS = 1_000

Body = TypeVar("Body", bound=Schema)
Row = TypeVar("Row", bound=RowMixin)
Bulk = Annotated[list[Body], Field(min_length=1, max_length=MAX_ROWS)]
Values = dict[str, Any]
Write = Callable[[Sequence[Values]], Awaitable[Sequence[Row]]]
Validate = Callable[[Values], Awaitable[None]]


async def create_all(
    session: AsyncSession, bodies: Sequence[Schema], write: Write[Row]
) -> Sequence[Row]:
    """Write a row for each body. The error of a failure names the index of every row that fails.

    Raises:
        ApiError: nothing is written. The status is that of the first row that fails.
    """
    values = [body.model_dump() for body in bodies]
    try:
        async with session.begin_nested():
            return await write(values)
    except (ApiError, IntegrityError) as error:
        failures = await _failures(session, values, write)
        if not failures:
            raise
        raise _combined(failures) from error


async def insert_all(
    session: AsyncSession,
    model: type[Row],
    owner: Mapping[str, Any],
    links: Mapping[str, sa.Table],
    validate: Validate,
    values: Sequence[Values],
) -> Sequence[Row]:
    """Insert rows and their links with few statements, and return what the database stored."""
    for related in _related(model, owner, links, values):
        await validate(related)
    rows = [model(**owner, **{k: v for k, v in row.items() if k not in links}) for row in values]
    session.add_all(rows)
    await session.flush()
    for name, table in links.items():
        pairs = [
            {"item_id": row.id, "other_id": other_id}
            for row, body in zip(rows, values, strict=True)
            for other_id in dict.fromkeys(body[name])
        ]
        if pairs:
            await session.execute(sa.insert(table), pairs)
    linked = [r.class_attribute for r in sa.inspect(model).relationships if r.secondary is not None]
    stored = sa.select(model).where(model.id.in_([row.id for row in rows])).order_by(model.id)
    stored = stored.options(*map(selectinload, linked))
    return (await session.scalars(stored, execution_options={"populate_existing": True})).all()


def _related(
    model: type[Row],
    owner: Mapping[str, Any],
    links: Mapping[str, sa.Table],
    values: Sequence[Values],
) -> Iterator[Values]:
    """Yield each row that the values refer to once, and all linked rows of a field together."""
    keys = [column.key for column in sa.inspect(model).columns if column.foreign_keys]
    for name in keys:
        if name not in owner:
            yield from ({name: row_id} for row_id in {row.get(name) for row in values})
    for name in links:
        yield {name: list({other_id: None for row in values for other_id in row[name]})}


async def _failures(
    session: AsyncSession, values: Sequence[Values], write: Write[Row], start: int = 0
) -> dict[int, ApiError]:
    """Write the rows again by halves, until each one that fails is alone."""
    try:
        async with session.begin_nested():
            await write(values)
        return {}
    except (ApiError, IntegrityError) as error:
        if len(values) == 1:
            return {start: error if isinstance(error, ApiError) else violated(error)}
    half = len(values) // 2
    failures = await _failures(session, values[:half], write, start)
    if len(failures) < MAX_LISTED:
        failures |= await _failures(session, values[half:], write, start + half)
    return failures


def _combined(failures: Mapping[int, ApiError]) -> ApiError:
    """Return the first error with the fields of all, after the index of their row."""
    combined = next(iter(failures.values()))
    combined.errors = [
        problem.model_copy(update={"field": f"{index}.{problem.field}".rstrip(".")})
        for index, error in failures.items()
        for problem in error.errors
        or [FieldProblem(field="", code=error.code, message=str(error.detail))]
    ][:MAX_LISTED]
    return combined


async def accept(_: Values) -> None:
    """Accept rows that refer to no others."""
