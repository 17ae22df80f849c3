"""Where a new service can be created, and what happens to an existing folder."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cofee.project import staging
from tests.conftest import Run, snapshot
from tests.generated import snapshot_template
from tests.test_new import TASK
from tests.tiny import FILES, release, run_git, write


def test_an_empty_folder_stays_the_same_folder(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell in this directory can continue there."""
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


STARTED = {
    "LICENSE": "MIT\n",
    "README.md": "# mine\n",
    ".gitignore": "*.log\n",
}


def started(place: Path, files: dict[str, str], *, commit: bool) -> Path:
    """Create a repository as a host creates it."""
    place.mkdir()
    write(place, files)
    run_git(place, "init", "--quiet", "--initial-branch=main")
    if commit:
        run_git(place, "add", "--all")
        run_git(place, "commit", "--quiet", "--message", "Initial commit")
    return place


@pytest.mark.parametrize(
    ("files", "commit"),
    [({}, False), (STARTED, True), ({"LICENSE": "MIT\n", ".gitignore": "*.log\n"}, False)],
)
def test_new_repository_gets_a_service(
    files: dict[str, str], commit: bool, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """What the repository has is kept: its history, the license, and what git ignores."""
    release(template, "v1.1.0", {"template/.gitignore": ".env\n"})
    place = started(tmp_path / "shop", files, commit=commit)

    ran = cofee("new", place, "--defaults", "--template", template)

    assert ran.code == 0, ran.err
    assert (place / "README.md").read_text() == "# shop\n"
    for name in files.keys() - {"README.md", ".gitignore"}:
        assert (place / name).read_text() == files[name]
    assert (place / ".gitignore").read_text() == (".env\n\n*.log\n" if files else ".env\n")
    assert cofee("new-module", "orders", "-C", place).code == 0
    if commit:
        assert "    update  README.md\n" in ran.err
        assert run_git(place, "show", "HEAD:README.md") == "# mine\n"


def test_uncommitted_file_that_would_be_replaced_is_refused(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """Git does not have it, so it would be lost."""
    place = started(tmp_path / "shop", STARTED, commit=False)
    before = snapshot(place)

    ran = cofee("new", place, "--defaults", "--template", template)

    assert ran.code == 1
    assert "`README.md` would be replaced, and is not committed" in ran.err
    assert snapshot(place) == before


@pytest.mark.parametrize("path", ["app/main.py", "pyproject.toml"])
def test_repository_with_code_is_refused(
    path: str, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """A service is not mixed with other code."""
    place = started(tmp_path / "shop", {path: "x\n", **STARTED}, commit=True)

    ran = cofee("new", place, "--defaults", "--template", template)

    assert ran.code == 1
    assert f"is not empty: it contains `{path.split('/')[0]}`" in ran.err


def test_failing_task_leaves_a_repository_as_it_was(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """The files of the host come back, and its history was never touched."""
    place = started(tmp_path / "shop", STARTED, commit=True)
    before = snapshot(place)
    release(template, "v1.1.0", {"copier.yml": TASK.replace("touch", '"false"')})

    ran = cofee("new", place, "--defaults", "--trust", "--template", template)

    assert ran.code == 1
    assert snapshot(place) == before
    assert run_git(place, "status", "--porcelain") == ""


LEFT_OVER = ".cofee-new-0123abcd"


def test_next_new_removes_what_a_killed_one_left(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """It leaves what belongs to a process that runs, or to another program."""
    parent = tmp_path / "services"
    killed, locked, foreign = (parent / f"{LEFT_OVER[:-1]}{number}" for number in range(3))
    for folder in (killed, locked, foreign):
        write(folder, {"lock": "", "made/shop/app/main.py": "x\n"})
    write(foreign, {"notes.txt": "mine\n"})
    with (locked / "lock").open("r+") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        ran = cofee("new", parent / "shop", "--defaults", "--template", template)

    assert ran.code == 0, ran.err
    assert {path.name for path in parent.iterdir()} == {locked.name, foreign.name, "shop"}


def test_next_command_moves_the_rest_of_a_killed_new(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was edited in between stays edited."""
    place = started(tmp_path / "shop", STARTED, commit=True)
    (place / "README.md").chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setattr(staging, "_settle", lambda folder: None)
        assert cofee("new", place, "--defaults", "--template", template).code == 0
    assert not (place / "app").exists()
    write(place, {"LICENSE": "mine\n"})

    ran = cofee("status", "-C", place)

    assert ran.code == 0, ran.err
    assert (place / "README.md").read_text() == "# shop\n"
    assert (place / "README.md").stat().st_mode & 0o777 == 0o600
    assert (place / "LICENSE").read_text() == "mine\n"
    assert (place / "app/main.py").exists()
    assert not [*place.glob(".cofee-*")]


def test_directory_created_before_the_rest_is_moved_is_kept(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command fails until the directory is renamed, and then finishes."""
    place = tmp_path / "shop"
    place.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(staging, "_settle", lambda folder: None)
        assert cofee("new", place, "--defaults", "--template", template).code == 0
    write(place, {"app/mine.py": "x\n"})

    rejected = cofee("status", "-C", place)
    (place / "app").rename(tmp_path / "app")
    finished = cofee("status", "-C", place)

    assert (rejected.code, finished.code) == (1, 0)
    assert "another program has created it" in rejected.err
    assert (tmp_path / "app/mine.py").read_text() == "x\n"
    assert (place / "app/main.py").exists()


def test_path_that_tasks_have_recorded_is_noted(template: Path, tmp_path: Path, cofee: Run) -> None:
    """Tasks run in a temporary directory, so the path is wrong afterwards."""
    task = '_tasks: ["mkdir .venv && pwd > .venv/activate"]\n'
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + task})

    ran = cofee("new", tmp_path / "shop", "--defaults", "--trust", "--template", template)

    assert ran.code == 0
    assert "note  the tasks ran in a temporary directory, and `.venv` contains its path" in ran.err


ROOT_ONLY = '_cofee_repository_root: {ci.yml: "run it in `{folder}`"}\n'


def test_file_that_a_host_does_not_read_in_a_directory_is_noted(
    template: Path, tmp_path: Path, cofee: Run
) -> None:
    """In a larger repository only, when the file is created."""
    release(template, "v1.1.0", {"copier.yml": FILES["copier.yml"] + ROOT_ONLY})
    run_git(tmp_path, "init", "--quiet")
    shop, alone = tmp_path / "services/shop", tmp_path / "alone"
    alone.mkdir()
    run_git(alone, "init", "--quiet")

    below = cofee("new", shop, "--defaults", "--template", template)
    at_root = cofee("new", alone, "--defaults", "--template", template)
    off = cofee("set", "ci=none", "-C", shop)
    on = cofee("set", "ci=github", "-C", shop)

    words = "note  `ci.yml`: run it in `services/shop`\n"
    assert [words in ran.err for ran in (below, at_root, off, on)] == [True, False, False, True]
    assert at_root.code == on.code == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a" * 256, "cannot be created: file name too long"),
        pytest.param(
            "/proc/shop",
            "cannot be written: no such file or directory",
            marks=pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has it"),
        ),
    ],
)
def test_a_name_that_no_folder_can_have_is_refused(
    name: str, reason: str, template: Path, tmp_path: Path, cofee: Run
) -> None:
    """A name has at most 255 bytes, and the system makes the directories of processes."""
    ran = cofee("new", tmp_path / name, "--defaults", "--template", template)

    assert ran.code == 1
    assert reason in ran.err


def test_a_folder_that_is_gone_is_no_place_to_run_in(
    template: Path, tmp_path: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may have removed it."""
    place = tmp_path / "gone"
    place.mkdir()
    monkeypatch.chdir(place)
    place.rmdir()

    commands = (("new", "shop", "--defaults", "--template", template), ("status",))
    ran = [cofee(*command) for command in commands]

    os.chdir(tmp_path)
    assert [one.code for one in ran] == [1, 1]
    assert all("the current directory no longer exists" in one.err for one in ran)


def press_ctrl_c(command: list[str], ready: Path) -> tuple[int, str]:
    """Interrupt a command and all that it runs, as a terminal does, once a file is there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, process_group=0) as started:
        while not ready.exists():
            assert started.poll() is None, started.communicate()
            time.sleep(0.05)
        os.killpg(started.pid, signal.SIGINT)
        _, told = started.communicate()
    return started.returncode, told


@pytest.fixture
def slow_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `uv` that takes its time; return the file that is there once it runs."""
    ready, slow = tmp_path / "ready", tmp_path / "bin/uv"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch {ready}\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    return ready


def test_ctrl_c_during_the_tasks_leaves_nothing(slow_lock: Path, tmp_path: Path) -> None:
    """The lock file takes longest, so Ctrl-C is most likely then."""
    released, place = snapshot_template(tmp_path / "template"), tmp_path / "shop"
    arguments = ["new", str(place), f"--template={released}", "--trust", "--defaults", "--quiet"]

    code, told = press_ctrl_c([sys.executable, "-m", "cofee", *arguments], slow_lock)

    assert (code, told) == (130, "error: interrupted; nothing was kept\n")
    assert not place.exists()


def test_ctrl_c_in_copier_shows_no_traceback_of_the_tasks(slow_lock: Path, tmp_path: Path) -> None:
    """What becomes of the folder is up to Copier."""
    released, place = snapshot_template(tmp_path / "template"), tmp_path / "shop"
    arguments = ["copy", "--trust", "--defaults", "--quiet", str(released), str(place)]

    _, told = press_ctrl_c([sys.executable, "-m", "copier", *arguments], slow_lock)

    assert "stopped by user" in told
    assert "Traceback" not in told
