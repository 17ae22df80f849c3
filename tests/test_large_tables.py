"""An index serves every page of a list, so that it takes the same time in a table of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scale import make_lists, measure
from tests.generated import DATABASES, environment, snapshot_template
from tests.preforked import Preforked

pytestmark = pytest.mark.service

ROWS = 5_000  # so many that sorting them would take longer than an index


@pytest.mark.parametrize("database", DATABASES)
def test_every_page_is_read_from_an_index(tmp_path: Path, forks: Preforked, database: str) -> None:
    """Nothing is sorted and no table scanned: from both ends, in the middle, without a value."""
    template = snapshot_template(tmp_path / "template")
    service = make_lists(template, tmp_path / "shop", database)

    forked = forks.first("alembic")
    *pages, search = measure(service, environment(template), 0, ROWS, **forked)

    has_index = any("things_name_search_idx" in step for step in search.plan)
    assert has_index == (database == "postgresql"), search.plan
    assert len(pages) == 156
    slow = [(*page.page, step) for page in pages for step in page.plan if is_slow(step)]
    assert slow == []


def is_slow(step: str) -> bool:
    """Return whether a step of a plan reads or sorts more rows in a larger table."""
    is_scan = step.startswith(("Seq Scan on things", "Seq Scan on notes", "Seq Scan on jobs"))
    is_scan |= step.startswith("SCAN") and "USING INDEX" not in step
    return is_scan or step.startswith(("Sort", "Incremental Sort", "USE TEMP B-TREE", "Bitmap"))
