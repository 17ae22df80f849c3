"""Changes of rows, as sessions write them.

    on_change(Order, listener)

The listener is called for every row of the model that a session creates, changes or deletes,
including rows that a deletion of another row affects. It is not called for statements that change
rows in bulk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, UOWTransaction

from app.db.base import Base

Change = Literal["created", "updated", "deleted"]
Listener = Callable[[Session, Any, Change], None]

_listeners: dict[type[Base], list[Listener]] = defaultdict(list)


def on_change(model: type[Base], listener: Listener) -> None:
    """Call a listener with the session, the row and its change."""
    _listeners[model].append(listener)


@event.listens_for(Session, "after_flush")
def _call(session: Session, _: UOWTransaction) -> None:
    for row, change in _changes(session):
        for listener in _listeners.get(type(row), ()):
            listener(session, row, change)


def _changes(session: Session) -> Iterator[tuple[Any, Change]]:
    for row in session.new:
        yield row, "created"
    for row in session.dirty:
        if session.is_modified(row):
            yield from _update(row)
    for row in session.deleted:
        yield row, "deleted"


def _update(row: Any) -> Iterator[tuple[Any, Change]]:
    """Yield an update. A row that is marked as deleted is deleted; unmarked, it is created."""
    is_deleted = getattr(row, "is_deleted", False)
    if hasattr(row, "is_deleted") and sa.inspect(row).attrs.is_deleted.history.has_changes():
        yield row, "deleted" if is_deleted else "created"
    elif not is_deleted:
        yield row, "updated"
