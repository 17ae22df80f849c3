"""Who a row is written for, and who it matters to."""

from __future__ import annotations

import uuid

import pytest

from app.db.owners import require_owner

OWNER, OTHER_OWNER = uuid.uuid4(), uuid.uuid4()


def test_row_is_written_for_its_owner_alone() -> None:
    require_owner(OWNER, OWNER)
    with pytest.raises(PermissionError):
        require_owner(OTHER_OWNER, OWNER)
