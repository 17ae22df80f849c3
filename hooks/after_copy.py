"""Finish a new project: its `.env`, its git repository, its lock file and its first commit.

Copier runs this in the new folder. A step that cannot run says so in one line on standard error and
leaves the others alone: the files are there already, and each step can be done by hand later.
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
    """Why a step cannot run."""


def main() -> None:
    """Take every step; only a repository of our own gets a commit."""
    attempt(write_environment)
    is_ours = attempt(make_repository)
    attempt(lock_dependencies)
    if is_ours:
        attempt(commit)


def attempt(step: Callable[[], None]) -> bool:
    """Take one step and tell whether it worked; say in one line why it did not."""
    try:
        step()
    except (SkipError, OSError) as error:
        print(f"Skipped: {error}", file=sys.stderr)
        return False
    return True


def write_environment() -> None:
    """Write `.env` from its example with a secret of its own, readable by its owner alone."""
    if ENVIRONMENT.exists():
        raise SkipError("`.env` is there already and stays as it is")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    text = SECRET.sub(f"SECRET_KEY={secret}", EXAMPLE.read_text(encoding="utf-8"))
    descriptor = os.open(ENVIRONMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def make_repository() -> None:
    """Start a git repository, unless the project is a folder of a larger one."""
    if succeeds("git", "rev-parse", "--is-inside-work-tree"):
        raise SkipError("no git repository made, because this folder is inside one already")
    run("git", "init", "--quiet", "--initial-branch=main")


def lock_dependencies() -> None:
    """Write `uv.lock`, so that everybody installs the same versions."""
    run("uv", "lock", "--quiet")


def commit() -> None:
    """Commit everything, so that the first edit can be compared with the start."""
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--no-verify", f"--message={FIRST_COMMIT}")


def succeeds(*command: str) -> bool:
    """Tell whether a command is there and ends well."""
    try:
        run(*command)
    except SkipError:
        return False
    return True


def run(*command: str) -> None:
    """Run a command without a word, or tell the last line of what it complains about."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SkipError(f"`{command[0]}` is not installed") from error
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise SkipError(f"`{' '.join(command[:2])}` failed: {complaint[-1]}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # whoever ran this was interrupted too, and says so
        sys.exit(INTERRUPTED)
