"""Runs in a service: finds the nearest rows with the index, and without it."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
import uuid
from typing import Any

import sqlalchemy as sa
from app.db.session import get_sessions
from app.db.vectors import fetch_nearest
from app.modules.documents.models import Document
from app.modules.users.models import User
from dev.embeddings import vector_of

DIMENSION, LIMIT, QUESTIONS, FEW = 384, 10, 100, 50
NUMBERS = random.Random(1)  # noqa: S311
WORDS = ["".join(NUMBERS.choices("abcdefghiklmnoprstuvw", k=6)) for _ in range(2_000)]


TOPICS = [NUMBERS.sample(WORDS, 40) for _ in range(200)]


def draw() -> list[float]:
    """Return the vector of a text, most of whose words are of one topic."""
    words = NUMBERS.choices(NUMBERS.choice(TOPICS), k=8) + NUMBERS.choices(WORDS, k=4)
    vector: list[float] = vector_of(" ".join(words), DIMENSION)
    return vector


def rows_of(owner: uuid.UUID) -> sa.Select[Any]:
    return sa.select(Document).where(Document.user_id == owner, sa.not_(Document.is_deleted))


async def fill(owners: dict[str, uuid.UUID], count: int) -> None:
    chosen = [*[owners["few"]] * FEW, *[owners["many"]] * (count - FEW)]
    NUMBERS.shuffle(chosen)
    rows = [{"user_id": owner, "text": "a", "embedding": draw()} for owner in chosen]
    for start in range(0, count, 1_000):
        async with get_sessions().begin() as session:
            await session.execute(sa.insert(Document), rows[start : start + 1_000])
    async with get_sessions().begin() as session:
        await session.execute(sa.text("ANALYZE documents"))


async def ask(owner: uuid.UUID, vector: list[float], *, exactly: bool) -> tuple[set[Any], float]:
    async with get_sessions().begin() as session:
        if exactly:
            await session.execute(sa.text("SET LOCAL enable_indexscan = off"))
        start = time.perf_counter()
        found = await fetch_nearest(session, rows_of(owner), Document.embedding, vector, LIMIT)
        return {row.id for row in found.items}, (time.perf_counter() - start) * 1000


async def main(count: int) -> None:
    owners = {"many": uuid.uuid4(), "few": uuid.uuid4()}
    async with get_sessions().begin() as session:
        for name, owner in owners.items():
            user = {"email": f"{name}@example.com", "name": name, "password_hash": ""}
            await session.execute(sa.insert(User).values(id=owner, **user))
    await fill(owners, count)
    for name, owner in owners.items():
        answers = []
        for _ in range(QUESTIONS):
            vector = draw()
            answers.append([await ask(owner, vector, exactly=one) for one in (False, True)])
        recall = statistics.mean(
            len(found & exact) / len(exact) for (found, _), (exact, _) in answers
        )
        times = [statistics.median(pair[at][1] for pair in answers) for at in (0, 1)]
        print(json.dumps([FEW if name == "few" else count - FEW, recall, *times]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
