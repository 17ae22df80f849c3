"""Runs inside a generated service with labels, and notes that refer to them, on PostgreSQL.

One session refers to a label while another one deletes it, in both orders; the second one has to
wait for the first, and is then refused. It prints both refusals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from uuid import UUID

from app.db.session import get_engine, get_sessions
from app.modules.labels.schemas import LabelCreate
from app.modules.labels.service import LabelService
from app.modules.notes.schemas import NoteCreate
from app.modules.notes.service import NoteService
from fastapi import HTTPException

A_WHILE = 0.5  # seconds; long enough for a statement that does not wait


async def make_label() -> UUID:
    """Store a label."""
    async with get_sessions()() as session:
        label = await LabelService(session).create(LabelCreate(name="red"))
        await session.commit()
    return UUID(str(label.id))


async def race(*, deletes_first: bool) -> str:
    """Let two sessions meet at one label; return how the second one is refused."""
    label = await make_label()
    sessions = get_sessions()
    async with sessions() as first, sessions() as second:
        deleting, referring = (first, second) if deletes_first else (second, first)
        steps: list[Awaitable[object]] = [
            LabelService(deleting).delete(label),
            NoteService(referring).create(NoteCreate(label_id=label)),
        ]
        winner, loser = steps if deletes_first else reversed(steps)
        await winner
        waiting = asyncio.ensure_future(loser)
        await asyncio.wait([waiting], timeout=A_WHILE)
        if waiting.done():
            return f"did not wait: {waiting}"
        await first.commit()
        try:
            return f"succeeded: {await waiting}"
        except HTTPException as refusal:
            return f"{refusal.status_code} {refusal.code}"


async def main() -> None:
    """Run both races."""
    print(await race(deletes_first=False), await race(deletes_first=True), sep="; ")
    await get_engine().dispose()


asyncio.run(main())
