"""`--verify`: runs the checks that the template names before and after a change."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence

from cofee.changes.step import Modules
from cofee.errors import CofeeError
from cofee.project.project import Project
from cofee.spec.record import reach

MODULE = "{module}"  # the placeholder for a module in a command of the template


def concerned(before: Modules, after: Modules) -> set[str]:
    """Return the modules with tests that a change can break; empty for all tests.

    A module that is added, removed or renamed changes the service: its routes, what imports
    it, and which tests exist.
    """
    standing = {module.name for module in before} & {module.name for module in after}
    reached = reach(before, after)
    return reached if reached <= standing else set()


def failures(project: Project, modules: Collection[str]) -> dict[str, str]:
    """Run the template's checks; return the commands that fail and their output.

    Args:
        modules: the modules with tests to run; empty for all tests.
    """
    wanted: Sequence[str] = project.template.setting("cofee_verify", [])
    commands = [shlex.join(_words(command, modules)) for command in wanted]
    outputs = {command: _failure(project, command) for command in commands}
    return {command: output for command, output in outputs.items() if output is not None}


def _words(command: str, modules: Collection[str]) -> Iterator[str]:
    """Yield the words of a command; one that names a module is repeated for each of them."""
    for word in shlex.split(command):
        if MODULE in word:
            yield from (word.replace(MODULE, module) for module in sorted(modules))
        else:
            yield word


def require_still_green(
    project: Project, failing_before: Collection[str], modules: Collection[str]
) -> None:
    """Run the checks again on written files that are not committed yet; show what turned red.

    Raises:
        CofeeError: a check fails that passed before.
    """
    failing = failures(project, modules)
    broken = [command for command in failing if command not in failing_before]
    if not broken:
        return
    for command in broken:
        print(f"$ {command}\n{failing[command].rstrip()}", file=sys.stderr)
    raise CofeeError(
        f"`{broken[0]}` passed before the change and failed after it, so the change was reverted",
        hint="run it without `--verify` to inspect the result",
    )


def _failure(project: Project, command: str) -> str | None:
    """Run a command; return its output if it fails."""
    done = subprocess.run(
        shlex.split(command),
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.stdout if done.returncode else None
