"""Runs git as a child process, without the environment of a surrounding git."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cofee.errors import CofeeError

OLDEST = (2, 38)  # the first git with `merge-tree --write-tree`
# Variables with which a surrounding git (a hook, an alias) would select its own repository.
REDIRECTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
ISOLATED = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


class GitError(Exception):
    """Git exited with an unexpected code; the text is its output."""


def git(
    *arguments: str,
    cwd: Path | None = None,
    stdin: bytes = b"",
    accept: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
) -> bytes:
    """Return the output of git.

    Raises:
        GitError: git exited with a code that is not in `accept`.
        CofeeError: git is not installed.
    """
    environment = {k: v for k, v in os.environ.items() if k not in REDIRECTING}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(env or {})}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, input=stdin, capture_output=True, env=environment
        )
    except FileNotFoundError as error:
        if cwd and not cwd.exists():
            raise GitError(f"{cwd} does not exist") from error
        raise CofeeError("git is not installed", hint="install git 2.38 or newer") from error
    if done.returncode not in accept:
        raise GitError(done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")
    return done.stdout


def require_modern_git() -> None:
    """Reject a git that cannot merge trees without a working tree."""
    words = git("version").decode()
    found = re.search(r"(\d+)\.(\d+)", words)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise CofeeError(
            f"cofee needs git 2.38 or newer; found `{words.strip()}`", hint="upgrade git"
        )


def enclosing_git_dir(folder: Path) -> Path | None:
    """Return the git directory of `folder` without running git."""
    for candidate in (folder, *folder.parents):
        marker = candidate / ".git"
        if marker.is_dir():
            return marker
        if marker.is_file():  # a submodule or a linked work tree
            _, _, target = marker.read_text().partition("gitdir:")
            return (candidate / target.strip()).resolve()
    return None
