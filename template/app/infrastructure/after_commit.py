"""Actions after a commit: events, messages and the removal of cached values.

    after_commit(session, send_messages, message)

Nothing happens if the transaction, or the savepoint in which this was called, is rolled back. The
handler gets the items of the whole transaction at once, in their order, when the connection is back
in the pool.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.util import await_only

Item = TypeVar("Item")
Handler = Callable[[list[Item]], Awaitable[None]]

PENDING = "after_commit_pending"
COMMITTED = "after_commit_committed"

logger = logging.getLogger(__name__)


def after_commit(session: AsyncSession | Session, handler: Handler[Item], item: Item) -> None:
    """Call the handler with this item after the commit.

    An error of the handler is logged: the commit has already happened.
    """
    session = session.sync_session if isinstance(session, AsyncSession) else session
    transaction = session.get_nested_transaction()
    session.info.setdefault(PENDING, []).append((transaction, handler, item))


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    """Drop the items of a savepoint, and of savepoints inside it."""
    pending = session.info.get(PENDING, [])
    session.info[PENDING] = [item for item in pending if rolled_back not in _around(item[0])]


@event.listens_for(Session, "after_commit")
def _accept(session: Session) -> None:
    if session.get_nested_transaction() is None:  # otherwise a savepoint has been released
        session.info[COMMITTED] = session.info.pop(PENDING, [])


@event.listens_for(Session, "after_transaction_end")
def _run(session: Session, transaction: SessionTransaction) -> None:
    """Call the handlers, when the session no longer has a connection."""
    if transaction.parent is not None:
        return
    session.info.pop(PENDING, None)
    if committed := session.info.pop(COMMITTED, None):
        await_only(_call(committed))


async def _call(committed: list[tuple[object, Handler[Any], Any]]) -> None:
    batches: dict[Handler[Any], list[Any]] = {}
    for _, handler, item in committed:
        batches.setdefault(handler, []).append(item)
    for handler, items in batches.items():
        try:
            await handler(items)
        except Exception:
            logger.exception("a transaction is committed, and what follows from it has failed")


def _around(transaction: SessionTransaction | None) -> Iterator[SessionTransaction]:
    """Yield a transaction and its enclosing transactions."""
    while transaction is not None:
        yield transaction
        transaction = transaction.parent
