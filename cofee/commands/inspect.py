"""Where a project stands: its template's version, its modules, the user's edits, open conflicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cofee.cli import rule_options
from cofee.errors import CofeeError
from cofee.files import read_file
from cofee.project import plan as planning
from cofee.project import sides
from cofee.project.project import ANSWERS_FILE, Project
from cofee.spec import parse as language
from cofee.template import template


@dataclass(frozen=True)
class Status:
    """`newer` is None if the template could not be reached."""

    commit: str
    commit_hash: str | None
    version: str | None
    source: str
    newer: list[str] | None
    changed_tag: str | None
    modules: list[dict[str, Any]]
    edited: list[str]
    missing: list[str]
    conflicts: list[str]
    fields: dict[str, list[str]]  # each module's fields as they would be typed
    rules: dict[str, list[str]]  # its rules, as the options that would give them

    @property
    def is_pending(self) -> bool:
        """Whether something waits: a newer version, or conflicts."""
        return bool(self.newer or self.conflicts)

    @property
    def document(self) -> dict[str, Any]:
        """The status as `--json` prints it."""
        return {**self.__dict__, "pending": self.is_pending}


def read(project: Project) -> Status:
    """Compare the project with what its template gives, and ask the template for newer versions."""
    rendered = sides.rendered_now(project)
    differing = [
        path
        for path, file in sorted(rendered.items())
        if path != ANSWERS_FILE and read_file(project.root / path) != file
    ]
    missing = [path for path in differing if not (project.root / path).exists()]
    pending = project.journal.pending()
    return Status(
        commit=project.template.commit,
        commit_hash=project.template.commit_hash,
        version=str(project.template.version or "") or None,
        source=project.template.source,
        newer=_newer(project),
        changed_tag=template.changed_tag(project.template, base=project.root),
        modules=project.modules,
        edited=[path for path in differing if path not in missing],
        missing=missing,
        fields={
            module["name"]: [
                language.format_field(field, project.template.types) for field in module["fields"]
            ]
            for module in project.modules
        },
        rules={module["name"]: rule_options.written(module) for module in project.modules},
        conflicts=[path for path in _conflicted(pending) if planning.has_markers(project, path)],
    )


def lines(status: Status, based_on: template.Template) -> Iterator[str]:
    """Yield the status as a person reads it."""
    yield f"template  {based_on.source} at {based_on.label}{_newer_words(status.newer)}"
    if status.changed_tag:
        yield f"note      {status.changed_tag}"
    for module in status.modules:
        yield f"module    {module['name']} ({module['entity']})"
        yield from (f"          {field}" for field in status.fields[module["name"]])
        yield from (f"          {rule}" for rule in status.rules[module["name"]])
    yield from (f"edited    {path}" for path in status.edited)
    yield from (f"missing   {path}" for path in status.missing)
    yield from (f"conflict  {path}" for path in status.conflicts)


def _newer(project: Project) -> list[str] | None:
    try:
        return template.newer_versions(project.template, base=project.root)
    except CofeeError:
        return None


def _newer_words(newer: list[str] | None) -> str:
    if newer is None:
        return " (could not be asked for newer versions)"
    return f" (newer: {', '.join(newer)})" if newer else " (the newest)"


def _conflicted(pending: Any) -> list[str]:
    return pending.data["conflicts"] if pending else []
