"""The `messages` table, and the table of calls of the model."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, RowMixin
from app.db.types import UtcDateTime


class Message(RowMixin, Base):
    """What the user, the model or a tool said in a run."""

    __tablename__ = "messages"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(),
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        index=True,
        info={"is_owner": True},
    )
    conversation_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    run_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid())
    kind: Mapped[str] = mapped_column(sa.String(20))
    text: Mapped[str] = mapped_column(sa.Text())
    tool: Mapped[str | None] = mapped_column(sa.String(100))
    # Of a result, the message with the call: a call has one result.
    call_id: Mapped[uuid.UUID | None] = mapped_column(sa.Uuid())
    error: Mapped[str | None] = mapped_column(sa.String(40))

    __table_args__ = (sa.Index("messages_call_id_key", "call_id", unique=True),)


class ModelCall(RowMixin, Base):
    """A call of the model. It stays if the conversation is deleted, because it was paid for."""

    __tablename__ = "model_calls"

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.Uuid(),
        sa.ForeignKey("users.id", ondelete="CASCADE"),
        index=True,
        info={"is_owner": True},
    )
    run_id: Mapped[uuid.UUID] = mapped_column(sa.Uuid())
    model: Mapped[str] = mapped_column(sa.String(200))
    input_tokens: Mapped[int] = mapped_column(sa.Integer())
    output_tokens: Mapped[int] = mapped_column(sa.Integer())
    # In millionths, so that tokens times the price of a million tokens is a whole number of them.
    cost: Mapped[int] = mapped_column(sa.BigInteger())
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime())
    duration_ms: Mapped[int] = mapped_column(sa.Integer())

    __table_args__ = (sa.Index("model_calls_user_id_started_at_idx", "user_id", "started_at"),)
