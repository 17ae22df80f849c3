"""No messages of other tests, such as those of routes that start tasks, and no steps are left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.infrastructure.broker import get_broker
from tests.modules.jobs.probe import steps


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Remove the messages and the steps of a test, and the messages of earlier tests."""
    get_broker().flush_all()
    yield
    steps.clear()
    get_broker().flush_all()
