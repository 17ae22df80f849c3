"""Fixtures of tests that make services: the template as a release, and what their programs need."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generated import environment, snapshot_template


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in the working tree, as a release."""
    return snapshot_template(tmp_path_factory.mktemp("snapshot") / "template")


@pytest.fixture(scope="module")
def programs(template: Path) -> Path:
    """The one environment of all generated services."""
    return environment(template)
