"""Events of the rows of a model: `orders.created`, `orders.updated` and `orders.deleted`."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.db.base import Base, owner_column
from app.infrastructure.changes import Change, on_change
from app.infrastructure.channels import SHARED_CHANNEL, project_channel, publish, user_channel

OWNERS = {"user_id": user_channel, "project_id": project_channel}


def publish_changes(model: type[Base], *changes: Change) -> None:
    """Publish these changes of rows, to those who can see them: the owner, or all users."""

    def listener(session: Session, row: Any, change: Change) -> None:
        if change in changes:
            name = f"{model.__tablename__}.{change}"
            publish(session, channel_of(row), name, {"id": row.id})

    on_change(model, listener)


def channel_of(row: Base) -> str:
    """Return the channel of a row's owner."""
    owner = owner_column(row.__table__)
    return OWNERS[owner](getattr(row, owner)) if owner else SHARED_CHANNEL
