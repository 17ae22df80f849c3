"""`--verify`: the project's own checks before and after, as its template names them."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from cofee.change import Plan
from cofee.errors import CofeeError
from cofee.project import Project
from cofee.recording import Change, Record


def failures(project: Project, module: str) -> list[str]:
    """Run the template's checks; return the commands that fail.

    Args:
        module: the module whose tests are run; empty for those of all modules.
    """
    wanted: Sequence[str] = project.template.setting("cofee_verify", [])
    commands = [command.replace("{module}", module) for command in wanted]
    return [command for command in commands if not _passes(project, command)]


def require_still_green(
    project: Project, plan: Plan, record: Record, before: Sequence[str], module: str
) -> None:
    """Take an applied plan back when it broke what was green before.

    Raises:
        CofeeError: it did; the project is as it was.
    """
    broken = [command for command in failures(project, module) if command not in before]
    if not broken or plan.conflicts:
        return
    back = [Change(change.path, change.after, change.before) for change in record.changes]
    project.journal.apply(back, {"command": f"{plan.command}, taken back"})
    record.mark_undone()
    raise CofeeError(
        f"`{broken[0]}` was green before and would be red after, so everything was taken back",
        hint="run without `--verify` to look at the result",
    )


def _passes(project: Project, command: str) -> bool:
    done = subprocess.run(
        shlex.split(command), cwd=project.root, stdin=subprocess.DEVNULL, capture_output=True
    )
    return done.returncode == 0
