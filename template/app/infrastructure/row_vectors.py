"""The vectors of rows, computed from the texts of their fields.

    VECTORS = RowVectors(Document.embedding, "title", "body")

The vector of a row is computed again when one of its texts changes, by any code that writes the
row in a session. `vector_writes.py` says when. A row without a text has no vector.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.common.errors import ConflictError
from app.infrastructure.embeddings import get_embeddings
from app.infrastructure.transactions import end_read_transaction
from app.infrastructure.vector_index import is_affected, synchronize
from app.infrastructure.vector_writes import on_write

ERROR_NO_VECTOR = "The vector of this row is not computed yet"
BATCH = 100

Values = Mapping[str, Any]


class RowVectors:
    """Keeps the vectors of the rows of a model, and computes that of a text to look for."""

    # Those of all models, by their tables.
    known: ClassVar[dict[str, RowVectors]] = {}

    def __init__(self, column: InstrumentedAttribute[Any], *fields: str) -> None:
        self.model: Any = column.class_
        self.column = column
        self.fields = fields
        self.dimension: int = column.type.dimension
        self.known[self.model.__tablename__] = self
        on_write(self)

    async def of_text(self, session: AsyncSession, text: str) -> list[float]:
        """Return the vector of a text. Meanwhile, the session has no connection."""
        await end_read_transaction(session)
        return (await get_embeddings().embed([text], self.dimension))[0]

    async def of_row(self, session: AsyncSession, row: Any) -> list[float]:
        """Return the vector of a row, or raise 409 if it has none."""
        found = await session.scalar(sa.select(self.column).where(self.model.id == row.id))
        if found is None:
            raise ConflictError(ERROR_NO_VECTOR, code="no_vector")
        vector: list[float] = found
        return vector

    def changed(self, session: Session) -> Iterator[Any]:
        """Yield the rows of the model that are about to be written and have another vector then."""
        for row in [*session.new, *session.dirty, *session.deleted]:
            if isinstance(row, self.model) and is_affected(self, session, row):
                yield row

    def text_of(self, values: Values) -> str:
        """Return the text that the vector of a row is computed from."""
        return "\n".join(filter(None, (values[name] for name in self.fields)))

    async def compute(self, rows: Sequence[Values]) -> list[list[float] | None]:
        """Return the vector of each row of values."""
        texts = [self.text_of(row) for row in rows]
        vectors = iter(await get_embeddings().embed([*filter(None, texts)], self.dimension))
        return [next(vectors) if text else None for text in texts]

    async def write(self, session: AsyncSession, ids: Sequence[uuid.UUID]) -> None:
        """Compute the vectors of rows of any owner, and commit them.

        No transaction is open while they are computed. A row whose text changes meanwhile is left
        to the one who changed it.
        """
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            texts = [getattr(self.model, name) for name in self.fields]
            statement = sa.select(self.model.id, *texts).where(self.model.id.in_(batch))
            if hasattr(self.model, "is_deleted"):
                statement = statement.where(sa.not_(self.model.is_deleted))
            rows: list[Values] = [row._asdict() for row in await session.execute(statement)]
            await session.commit()
            for row, vector in zip(rows, await self.compute(rows), strict=True):
                await session.execute(self._unless_changed(row, vector))
            await session.commit()
            await synchronize(session, self, batch)

    def _unless_changed(self, row: Values, vector: list[float] | None) -> sa.Update:
        """Return the statement that writes a vector, which counts as no change of the row."""
        same = [getattr(self.model, name).is_not_distinct_from(row[name]) for name in row]
        values = {self.column.key: vector, "updated_at": self.model.updated_at}
        return sa.update(self.model).where(*same).values(values)
