"""`poe load`: users read and create rows of every module, and the service answers all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.generated import environment, make_service, run, snapshot_template
from tests.preforked import Preforked

pytestmark = pytest.mark.service

MODULES = [
    {
        "name": "notes",
        "entity": "Note",
        "fields": [
            {"name": "title", "type": "str", "unique": True},
            {"name": "kind", "type": "enum", "values": ["plain", "urgent"]},
            {"name": "price", "type": "decimal", "precision": 8, "scale": 2},
        ],
    },
    {
        "name": "remarks",
        "entity": "Remark",
        "fields": [{"name": "note", "type": "ref", "to": "notes"}],
    },
]


def test_users_read_and_create_rows_without_an_error(tmp_path: Path, forks: Preforked) -> None:
    """Locust says so at the end, and the exit code is 0."""
    template = snapshot_template(tmp_path / "template")
    answers = {"database": "sqlite", "auth": "jwt", "modules": MODULES}
    project = make_service(template, tmp_path / "service", answers)
    short = ["--users", "5", "--seconds", "6", "--max-p95-ms", "60000"]
    locust = ["python", "-m", "dev", "--temporary", "python", "-m", "dev.load", *short]

    said = run(project, environment(template), *locust, **forks.first("alembic"))

    assert re.search(r"^[1-9]\d* requests, 0 errors, p95 \d+ ms", said, re.MULTILINE), said
    assert re.search(r"POST +/api/v1/notes +[1-9]", said), said
    assert re.search(r"GET +/api/v1/notes/\{id\} +[1-9]", said), said
    assert re.search(r"GET +/api/v1/remarks +[1-9]", said), said
    assert "POST     /api/v1/remarks" not in said
