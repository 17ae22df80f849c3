"""Files that hold or are something unexpected: a sentence, never a traceback and never a wait."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from cofee.console import output
from cofee.errors import CofeeError
from cofee.files import load_yaml, read_file
from cofee.project.migrations import Migrations
from cofee.project.project import Project
from cofee.spec import names
from tests.strategies import FACTS


@pytest.mark.parametrize(
    "text", ["x: 2026-13-45", "x: !!int foo", "[" * 5000, "x: \udc80", "? {}: 1"]
)
def test_yaml_that_cannot_be_read_is_named(text: str) -> None:
    """The constructors of YAML raise what they like."""
    with pytest.raises(CofeeError, match=r"`a\.yml`.* is not valid YAML"):
        load_yaml(text.encode(errors="surrogateescape"), path="a.yml")


@pytest.mark.parametrize("line", ['_commit: "v1\\0"', '_src_path: "/a\\nb"'])
def test_origins_that_are_no_text_are_refused(line: str, tmp_path: Path) -> None:
    """Git and the file system take no NUL, and no path holds a line break by intent."""
    (tmp_path / ".copier-answers.yml").write_text(f"_commit: v1\n_src_path: /a\n{line}\n")

    with pytest.raises(CofeeError, match="which is not plain text"):
        _ = Project(tmp_path).answers


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """The sentence says which and why."""
    path = tmp_path / "secret.py"
    path.write_text("")
    path.chmod(0)

    with pytest.raises(CofeeError, match="cannot be read: permission denied"):
        read_file(path)


def test_only_files_are_migrations(tmp_path: Path) -> None:
    """Folders, pipes and links to nothing neither stop nor hang."""
    folder = tmp_path / "migrations/versions"
    (folder / "folder.py").mkdir(parents=True)
    os.mkfifo(folder / "pipe.py")
    (folder / "link.py").symlink_to("nowhere")
    (folder / "first.py").write_text('revision = "a"\ndown_revision = None\n')

    migrations = Migrations(tmp_path, "migrations/versions", "alembic")
    assert migrations.single_head() == "a"
    assert migrations.created_by("x") is None
    assert migrations.is_head("migrations/versions/pipe.py")


@pytest.mark.parametrize(("name", "better"), [("test", "LabTest"), ("TestRun", "RunTest")])
def test_what_pytest_would_collect_names_no_entity(name: str, better: str) -> None:
    """`TestCreate` in a test module is taken for tests, and warned of."""
    with pytest.raises(CofeeError, match="pytest collects") as refused:
        names.check_names(names.derive(name), FACTS)

    assert f"`--entity {better}`" in (refused.value.hint or "")


def test_data_is_written_whatever_the_terminal_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch keeps every byte."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))

    output.write("+ü\udce9\n")

    assert raw.getvalue() == "+ü".encode() + b"\xe9\n"
