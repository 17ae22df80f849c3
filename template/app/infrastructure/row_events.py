"""Events of the rows of a model: `orders.created`, `orders.updated` and `orders.deleted`."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.db.base import Base, owner_column
from app.infrastructure.changes import Change, on_change
from app.infrastructure.channels import channel_of, publish


def publish_changes(model: type[Base], *changes: Change) -> None:
    """Publish these changes of rows, to those who can see them: the owner, or all users."""

    owner = owner_column(model.__table__)

    def listener(session: Session, row: Any, change: Change) -> None:
        if change in changes:
            channel = channel_of(owner, getattr(row, owner, None))
            publish(session, channel, f"{model.__tablename__}.{change}", {"id": row.id})

    on_change(model, listener)
