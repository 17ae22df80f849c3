"""A row is written only for its owner."""

from __future__ import annotations

import uuid

import pytest

from app.db.owners import ERROR_FOREIGN_ROW, require_owner

OWNER, OTHER_OWNER = uuid.uuid4(), uuid.uuid4()


def test_row_of_another_owner_is_not_written() -> None:
    require_owner(OWNER, OWNER)
    with pytest.raises(RuntimeError, match=ERROR_FOREIGN_ROW):
        require_owner(OTHER_OWNER, OWNER)
