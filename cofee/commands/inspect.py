"""Status of a service: the template's version, the modules, edits and conflicts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cofee.changes.step import find
from cofee.console import output
from cofee.console.mode import Options
from cofee.errors import PENDING, CofeeError
from cofee.files import Change, Tree, read_file, with_endings_of
from cofee.project import apply, project, sides
from cofee.project.project import ANSWERS_FILE, Project
from cofee.spec import module_rules
from cofee.spec import parse as language
from cofee.spec.facts import Facts
from cofee.spec.record import Module
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
    modules: tuple[Module, ...]
    edited: list[str]
    missing: list[str]
    conflicts: list[str]
    fields: dict[str, list[str]]  # each module's fields as they would be typed
    rules: dict[str, list[str]]  # its rules, as the options that would give them

    def of_module(self, module: Module, facts: Facts) -> Status:
        """Return the status of one module and its files."""
        folders = tuple(f"{folder}/" for folder in facts.folders(module.name))

        def inside(paths: list[str]) -> list[str]:
            return [path for path in paths if path.startswith(folders)]

        return replace(
            self,
            modules=(module,),
            edited=inside(self.edited),
            missing=inside(self.missing),
            conflicts=inside(self.conflicts),
            fields={module.name: self.fields[module.name]},
            rules={module.name: self.rules[module.name]},
        )

    @property
    def is_pending(self) -> bool:
        """Whether something waits: a newer version, or conflicts."""
        return bool(self.newer or self.conflicts)

    @property
    def document(self) -> dict[str, Any]:
        """The status as `--json` prints it."""
        modules = [module.to_record() for module in self.modules]
        return {**self.__dict__, "modules": modules, "pending": self.is_pending}


def show_difference(directory: Path, module: str | None, options: Options) -> None:
    """Run `cofee diff`."""
    found = project.find(directory)
    found.journal.recover()
    changes = edits(found, module)
    if options.as_json:
        rows = [{"path": edit.path, "action": output.action(edit)} for edit in changes]
        options.printer.data({"command": "cofee diff", "files": rows})
    else:
        output.write(output.patch_of(changes))


def show_status(directory: Path, module: str | None, options: Options, *, check: bool) -> None:
    """Run `cofee status`."""
    found = project.find(directory)
    found.journal.recover()
    state = read(found)
    if module is not None:
        facts = found.template.facts
        state = state.of_module(find(state.modules, module, facts), facts)
    for line in lines(state, found.template):
        if not options.as_json:
            output.write(f"{line}\n")
    options.printer.data(state.document)
    if check and (state.is_pending or state.newer is None):
        sys.exit(PENDING)


def read(project: Project) -> Status:
    """Compare the project with its rendered template, and fetch newer versions."""
    rendered = sides.rendered_now(project)
    differing = [change.path for change in _edits(project, rendered)]
    missing = [path for path in differing if not (project.root / path).exists()]
    pending = project.journal.pending()
    modules = (*project.modules, *(module for module in project.extensible if module.fields))
    return Status(
        commit=project.template.commit,
        commit_hash=project.template.commit_hash,
        version=str(project.template.version or "") or None,
        source=project.template.source,
        newer=_newer(project),
        changed_tag=template.changed_tag(project.template, base=project.root),
        modules=modules,
        edited=[path for path in differing if path not in missing],
        missing=missing,
        fields={
            module.name: [
                language.format_field(field, project.template.facts) for field in module.fields
            ]
            for module in modules
        },
        rules={
            module.name: module_rules.format_rules(module, project.template.facts)
            for module in modules
        },
        conflicts=[path for path in _conflicted(pending) if apply.has_markers(project, path)],
    )


def lines(status: Status, based_on: template.Template) -> Iterator[str]:
    """Yield the lines of the status."""
    yield f"template  {based_on.source} at {based_on.label}{_newer_words(status.newer)}"
    if status.changed_tag:
        yield f"note      {status.changed_tag}"
    for module in status.modules:
        yield f"module    {module.name} ({module.entity})"
        yield from (f"          {field}" for field in status.fields[module.name])
        yield from (f"          {rule}" for rule in status.rules[module.name])
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
        return " (newer versions could not be checked)"
    return f" (newer: {', '.join(newer)})" if newer else " (the newest)"


def _conflicted(pending: Any) -> list[str]:
    return pending.data["conflicts"] if pending else []


def edits(project: Project, module: str | None = None) -> list[Change]:
    """Return the files that differ, as changes from the rendered to the existing content.

    Args:
        module: only files of this module.

    Raises:
        CofeeError: the module does not exist.
    """
    facts = project.template.facts
    known = [*project.modules, *project.extensible]
    name = "" if module is None else find(known, module, facts).name
    folders = facts.folders(name)
    inside = tuple(f"{folder}/" for folder in folders)
    changes = _edits(project, sides.rendered_now(project))
    return [change for change in changes if module is None or change.path.startswith(inside)]


def _edits(project: Project, rendered: Tree) -> Iterator[Change]:
    """Yield the files that differ from their rendering by more than their line endings."""
    for path, file in sorted(rendered.items()):
        current = read_file(project.root / path)
        expected = with_endings_of(file, current)
        if path != ANSWERS_FILE and current != expected:
            yield Change(path, expected, current)
