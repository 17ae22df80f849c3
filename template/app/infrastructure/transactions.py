"""Ends transactions that have only read, so that slow work holds no database connection."""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction

HAS_WRITTEN = "has_written"


async def end_read_transaction(session: AsyncSession) -> None:
    """End the transaction and detach its objects, unless the session has written something."""
    if session.info.get(HAS_WRITTEN) or session.new or session.dirty or session.deleted:
        return
    session.expunge_all()
    await session.rollback()


@event.listens_for(Session, "after_flush")
def _note_flush(session: Session, _: UOWTransaction) -> None:
    session.info[HAS_WRITTEN] = True


@event.listens_for(Session, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    if not state.is_select:
        state.session.info[HAS_WRITTEN] = True


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(HAS_WRITTEN, None)
