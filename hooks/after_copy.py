"""Creates the `.env`, the git repository, the lock file and the first commit of a new service.

Copier runs this in the new directory. A step that cannot run prints one line on standard error; the
other steps still run, because the files exist and each step can be done by hand.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

EXAMPLE = Path(".env.example")
ENVIRONMENT = Path(".env")
SECRET = re.compile(r"^SECRET_KEY=.*$", re.MULTILINE)
SECRET_BYTES = 48
FIRST_COMMIT = "Start from the template"
INTERRUPTED = 130  # 128 + SIGINT, as shells count it


class SkipError(Exception):
    """A step cannot run; the text is the reason."""


def main() -> None:
    """Run every step; commit only to a repository that this script has created."""
    attempt(write_environment)
    is_ours = attempt(make_repository)
    attempt(lock_dependencies)
    if is_ours:
        attempt(commit)


def attempt(step: Callable[[], None]) -> bool:
    """Run a step and return whether it succeeded; print why it was skipped."""
    try:
        step()
    except (SkipError, OSError) as error:
        print(f"Skipped: {error}", file=sys.stderr)
        return False
    return True


def write_environment() -> None:
    """Write `.env` from its example with a new secret, readable only by its owner."""
    if ENVIRONMENT.exists():
        raise SkipError("`.env` exists and is not changed")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    text = SECRET.sub(f"SECRET_KEY={secret}", EXAMPLE.read_text(encoding="utf-8"))
    descriptor = os.open(ENVIRONMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def make_repository() -> None:
    """Create a git repository, unless the directory is inside one."""
    if Path(".git").exists():
        raise SkipError("nothing committed, because the git repository is not new")
    if succeeds("git", "rev-parse", "--is-inside-work-tree"):
        raise SkipError("no git repository created, because the directory is inside one")
    run("git", "init", "--quiet", "--initial-branch=main")


def lock_dependencies() -> None:
    """Write `uv.lock`, so that all installations have the same versions."""
    run("uv", "lock", "--quiet")


def commit() -> None:
    """Commit all files, so that later edits can be compared with them."""
    if not succeeds("git", "var", "GIT_COMMITTER_IDENT"):
        raise SkipError(
            "no first commit, because git does not know your name. Run `git config --global "
            "user.name NAME` and `git config --global user.email ADDRESS`, then "
            "`git add --all` and `git commit`"
        )
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--no-verify", f"--message={FIRST_COMMIT}")


def succeeds(*command: str) -> bool:
    """Return whether a command exists and succeeds."""
    try:
        run(*command)
    except SkipError:
        return False
    return True


def run(*command: str) -> None:
    """Run a command quietly; raise an error with what it complains about if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SkipError(f"`{command[0]}` is not installed") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        errors = [line for line in lines if line.startswith(("error:", "fatal:"))]  # hints follow
        raise SkipError(f"`{' '.join(command[:2])}` failed: {[*errors, lines[-1]][0]}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # the parent process was interrupted too and reports it
        sys.exit(INTERRUPTED)
