"""Identifiers, timestamps and constraint names."""

from __future__ import annotations

import datetime as dt
import time
import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import uuid7
from tests.db.probe import Gadget


def test_identifier_is_a_uuid_of_version_7_that_starts_with_the_time() -> None:
    before = time.time_ns() // 1_000_000

    identifier = uuid7()

    assert (identifier.version, identifier.variant) == (7, uuid.RFC_4122)
    assert before <= identifier.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_identifiers_sort_in_the_order_of_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: frozen)

    identifiers = [uuid7() for _ in range(2_000)]

    assert identifiers == sorted(set(identifiers))


def test_constraints_have_the_names_of_the_convention() -> None:
    table = Gadget.__table__
    assert isinstance(table, sa.Table)

    names = {str(constraint.name) for constraint in table.constraints}

    assert names == {"_gadgets_pkey", "_gadgets_sku_key", "_gadgets_parent_id_fkey"}
    assert {str(index.name) for index in table.indexes} == {"_gadgets_size_idx"}


async def test_row_has_the_times_of_its_creation_and_last_change(samples: AsyncSession) -> None:
    gadget = Gadget(sku="a")
    samples.add(gadget)
    await samples.flush()
    created = gadget.created_at

    gadget.sku = "b"
    await samples.flush()
    await samples.refresh(gadget)

    assert gadget.created_at == created
    assert gadget.updated_at >= created
    assert created.utcoffset() == dt.timedelta(0)
    assert gadget.is_deleted is False
