"""The user's edits: what stands in the project against what its template gives."""

from __future__ import annotations

from cofee.errors import CofeeError, did_you_mean
from cofee.files import read_file
from cofee.project import sides
from cofee.project.project import ANSWERS_FILE, Project
from cofee.project.recording import Change


def edits(project: Project, module: str | None = None) -> list[Change]:
    """Return each file that differs, from what the template gives to what stands there.

    Args:
        module: look at the files of one module alone.

    Raises:
        CofeeError: there is no such module.
    """
    names = [record["name"] for record in project.modules]
    if module is not None and module not in names:
        raise CofeeError(f"there is no module `{module}`", hint=did_you_mean(module, names))
    found = (
        Change(path, file, read_file(project.root / path))
        for path, file in sorted(sides.rendered_now(project).items())
        if path != ANSWERS_FILE and (module is None or f"/modules/{module}/" in f"/{path}")
    )
    return [change for change in found if change.before != change.after]
