"""Where a new service may go, and what becomes of the folder that stands there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Run, snapshot
from tests.test_new import TASK
from tests.tiny import release


def test_an_empty_folder_stays_the_same_folder(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that stands in it goes on standing in it."""
    place = tmp_path / "shop"
    place.mkdir()
    monkeypatch.chdir(place)
    before = place.stat().st_ino

    ran = cofee("new", ".", "--defaults", "--template", template)

    assert ran.code == 0, ran.err
    assert place.stat().st_ino == before
    assert Path("README.md").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".cofee")] == []


def test_a_failing_task_leaves_the_folder_empty_again(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """All or nothing, and the folder was not ours."""
    place = tmp_path / "shop"
    place.mkdir()
    before = place.stat().st_ino
    release(template, "v1.1.0", {"copier.yml": TASK.replace("touch", '"false"')})

    ran = cofee("new", place, "--defaults", "--trust", "--template", template)

    assert ran.code == 1
    assert (place.stat().st_ino, snapshot(place)) == (before, {})


def test_a_name_that_no_folder_can_have_is_refused(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """The system takes 255 bytes."""
    ran = cofee("new", tmp_path / ("a" * 256), "--defaults", "--template", template)

    assert ran.code == 1
    assert "cannot be made: file name too long" in ran.err


def test_a_folder_that_is_gone_is_no_place_to_run_in(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may have removed it."""
    place = tmp_path / "gone"
    place.mkdir()
    monkeypatch.chdir(place)
    place.rmdir()

    ran = cofee("new", "shop", "--defaults", "--template", template)

    os.chdir(tmp_path)
    assert ran.code == 1
    assert "is not there any more" in ran.err
