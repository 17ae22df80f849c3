"""Who a row is written for, and who it matters to."""

from __future__ import annotations

import pytest

from app.db.owners import require_owner
from tests.owners import OWNER, SOMEBODY_ELSE


def test_row_is_written_for_its_owner_alone() -> None:
    require_owner(OWNER, OWNER)
    with pytest.raises(PermissionError):
        require_owner(SOMEBODY_ELSE, OWNER)
