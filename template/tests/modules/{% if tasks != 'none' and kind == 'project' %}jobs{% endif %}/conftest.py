"""No messages or steps of a test are left to the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.infrastructure.broker import get_broker
from tests.modules.jobs.probe import steps


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Remove the messages and the steps of a test."""
    yield
    steps.clear()
    get_broker().flush_all()
