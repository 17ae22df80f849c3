"""Runs git as a child process, with nothing of the user's settings but what is needed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cofee.errors import CofeeError

OLDEST = (2, 38)  # the first git with `merge-tree --write-tree`
# What git needs of the environment to reach a server: programs, certificates, and settings with
# credentials. All other variables would select a repository or change what git does to it.
NEEDED = re.compile(
    r"GIT_(SSH.*|ASKPASS|PROXY_.*|ALLOW_PROTOCOL|SSL_.*|HTTP_.*|CURL_.*|TRACE.*|EXEC_PATH|CONFIG_.+)"
)
# Of the user's settings, these could stop a command or change its result.
NEUTRAL = (
    *("-c", "safe.bareRepository=all"),  # the clones of templates are bare
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.safecrlf=false"),
    *("-c", "log.showSignature=false"),
)
NO_ATTRIBUTES = ("-c", f"core.attributesFile={os.devnull}")
ISOLATED = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
# Lines that git prints after the reason of a failure, or before it.
ADVICE = re.compile(
    r"Cloning into|Please make sure|and the repository exists|hint:|warning:|$"
    r"|fatal: (Could not read from remote repository|the remote end hung up)",
    re.IGNORECASE,
)
LABEL = re.compile(r"^(remote: |fatal: |error: )+", re.IGNORECASE)


class GitError(Exception):
    """Git exited with an unexpected code; the text is its output."""

    @property
    def reason(self) -> str:
        """The line of the output that says why."""
        lines = [line.strip() for line in str(self).splitlines()]
        telling = [line for line in lines if not ADVICE.match(line)] or lines or ["no output"]
        fatal = [line for line in telling if LABEL.match(line)]
        return LABEL.sub("", fatal[0] if fatal else telling[-1])


class Repository(NamedTuple):
    """A git repository: its top directory and its git directory."""

    top: Path
    git_dir: Path


def git(
    *arguments: str,
    cwd: Path | None = None,
    stdin: bytes = b"",
    accept: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    isolated: bool = False,
    attributes: bool = False,
) -> bytes:
    """Return the output of git.

    Args:
        isolated: without all of the user's settings.
        attributes: with the user's own attributes, as for files of the user's repository.

    Raises:
        GitError: git exited with a code that is not in `accept`.
        CofeeError: git is not installed.
    """
    settings = NEUTRAL if attributes else (*NEUTRAL, *NO_ATTRIBUTES)
    user, group = _owner(cwd)
    try:
        done = subprocess.run(
            ["git", *settings, *arguments],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            env=_environment(isolated, attributes) | {**(env or {})},
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
    except FileNotFoundError as error:
        if cwd and not cwd.exists():
            raise GitError(f"{cwd} does not exist") from error
        raise CofeeError("git is not installed", hint="install git 2.38 or newer") from error
    if done.returncode not in accept:
        raise GitError(done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")
    return done.stdout


def _environment(isolated: bool, attributes: bool) -> dict[str, str]:
    """Return the environment for git, without a surrounding git (a hook, an alias)."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or (NEEDED.fullmatch(name) and not isolated)
    }
    environment |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM": "1",
    }
    if not attributes:
        environment["GIT_ATTR_NOSYSTEM"] = "1"
    return environment | ISOLATED if isolated else environment


def _owner(folder: Path | None) -> tuple[int | None, int | None]:
    """Return the user and group for git: for root those of a directory, else None.

    As root, git would leave files that the owner of the repository cannot write.
    """
    if folder is None or os.geteuid() != 0 or not folder.exists():
        return None, None
    status = folder.stat()
    return (status.st_uid, status.st_gid) if status.st_uid != 0 else (None, None)


def require_modern_git() -> None:
    """Reject a git that cannot merge trees without a working tree."""
    words = git("version").decode()
    found = re.search(r"(\d+)\.(\d+)", words)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise CofeeError(
            f"cofee needs git 2.38 or newer; found `{words.strip()}`", hint="upgrade git"
        )


def enclosing_repository(folder: Path) -> Repository | None:
    """Return the repository of `folder` without running git; None if git would not find one."""
    for candidate in (folder, *folder.parents):
        marker = candidate / ".git"
        if marker.is_dir() and _is_git_dir(marker):
            return Repository(candidate, marker)
        if marker.is_file():  # a submodule or a linked work tree
            label, _, target = marker.read_text(errors="replace").partition("gitdir: ")
            git_dir = (candidate / target.strip()).resolve()
            return Repository(candidate, git_dir) if not label and _is_git_dir(git_dir) else None
    return None


def enclosing_git_dir(folder: Path) -> Path | None:
    """Return the git directory of `folder`."""
    found = enclosing_repository(folder)
    return found.git_dir if found else None


def _is_git_dir(folder: Path) -> bool:
    """Return whether git accepts a directory; that of a linked work tree has no objects."""
    kept = (folder / "objects").is_dir() or (folder / "commondir").is_file()
    return kept and os.path.lexists(folder / "HEAD")
