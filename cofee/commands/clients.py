"""`cofee new-client` and `cofee remove-client`."""

from __future__ import annotations

from pathlib import Path

from cofee.changes import clients as client_changes
from cofee.changes.clients import CLIENTS
from cofee.changes.step import Step
from cofee.commands.modules import run_step
from cofee.console.mode import Options
from cofee.errors import CofeeError
from cofee.project.project import Project


def add_client(directory: Path, name: str, options: Options) -> None:
    """Run `cofee new-client`."""

    def step(found: Project) -> Step:
        facts = found.template.facts
        return client_changes.add_client(found.modules, _recorded(found), name, facts)

    run_step(directory, step, options)


def remove_client(directory: Path, name: str, options: Options) -> None:
    """Run `cofee remove-client`."""
    run_step(
        directory,
        lambda found: client_changes.remove_client(found.modules, _recorded(found), name),
        options,
    )


def _recorded(found: Project) -> list[str]:
    """Return the clients of the service.

    Raises:
        CofeeError: the template has none, or they were written by hand.
    """
    if CLIENTS not in found.template.questions:
        raise CofeeError(
            "the template of this service has no clients of other services",
            hint="update the service first with `cofee update`",
        )
    recorded = found.answers.get(CLIENTS) or []
    if not isinstance(recorded, list) or not all(isinstance(name, str) for name in recorded):
        raise CofeeError(
            f"`{CLIENTS}` in the answers file must be a list of names",
            hint="restore the file from the git history",
        )
    return recorded
