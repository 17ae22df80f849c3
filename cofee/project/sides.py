"""What each command does: it chooses the two sides, and `change.plan` merges them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cofee.changes import evolve
from cofee.changes import rules as changed_rules
from cofee.changes.evolve import Step
from cofee.engine.questionnaire import Answers
from cofee.engine.render import Renderer
from cofee.errors import UsageError
from cofee.files import LINK, File, Tree, read_file
from cofee.project import git_index, migrations
from cofee.project import plan as planning
from cofee.project.plan import Plan
from cofee.project.project import Project
from cofee.project.recording import Change
from cofee.source import imports, renames
from cofee.source.renames import Mention
from cofee.spec import module_rules, names, owners, parse
from cofee.spec.names import Names
from cofee.spec.yaml_input import check_keys
from cofee.template import template
from cofee.template.template import Template

# What hand-written code defines, where it would clash, found without importing it.
DEFINITIONS = {
    "tables": ("app", re.compile(r"^\s+__tablename__\s*=\s*[\"'](\w+)[\"']", re.MULTILINE)),
    "classes": ("app/modules", re.compile(r"^class\s+(\w+)", re.MULTILINE)),
    "routes": ("app/modules", re.compile(r"APIRouter\([^)]*?prefix=[\"']([^\"']+)[\"']")),
}

Ask = Callable[[Template, Mapping[str, Any], str], Mapping[str, Any]]


@dataclass(frozen=True)
class Changed:
    """A planned change, and the lines that still hold an old name."""

    plan: Plan
    mentions: tuple[Mention, ...]


@dataclass(frozen=True)
class Update:
    """A planned update: the versions it crosses, and the new answers nobody gave."""

    plan: Plan
    old: Template
    new: Template
    defaulted: Mapping[str, Any]


def module_names(project: Project, name: str, entity: str | None, plural: str | None) -> Names:
    """Derive a new module's names, and refuse those that the project cannot take."""
    derived = names.derive(name, entity, plural)
    folder = project.root / "app" / "modules"
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    present = {name for name in present if not _is_left_over(folder / name)}
    names.check_names(derived, project.modules, folders=present, **_definitions(project.root))
    return derived


def module_record(
    project: Project, derived: Names, given: Sequence[Any], rules: Mapping[str, Any]
) -> dict[str, Any]:
    """Read a new module's fields, each a specification or a record, and check its rules."""
    others = [module["name"] for module in project.modules]
    types = project.template.types
    records = parse.check_fields(given, types, others, derived.module)
    module = {"name": derived.module, "entity": derived.entity, "fields": records, **rules}
    record = module_rules.complete(module, types, project.template.rules)
    owners.require_options([record], project.answers, ())
    owners.check_references([*project.modules, record])
    return record


def plan_module(project: Project, module: Mapping[str, Any]) -> Plan:
    """Plan a new module: its files, its tests, its wiring and its migration.

    Raises:
        CofeeError: several Alembic heads, or the template refuses the record.
    """
    name = module["name"]
    place = migrations.next_migration(project.root, f"create_{name}")
    migration = {**place, "module": name, "operation": "create"}
    renderer = Renderer(project.template)
    before = renderer.settle({"migrations": []}, project.answers, project.root.name, judged=True)
    modules = [*before.recorded.get("modules", []), dict(module)]
    after = _settle(renderer, project, {"modules": modules, "migrations": [migration]})
    sides = _sides(project, renderer, before, after)
    return planning.plan(project, f"cofee new-module {name}", *sides)


def plan_step(
    project: Project, step: Step, *, prefer_template: bool = False, removed: str | None = None
) -> Changed:
    """Plan a change of the recorded answers through all layers, its migration included.

    Args:
        prefer_template: what goes takes hand edits with it; somebody agreed to that.
        removed: the migration that goes with a module that no commit holds.
    """
    types, known = project.template.types, project.template.rules
    modules = module_rules.complete_all(step.modules, types, known, project.modules)
    owners.check_references(modules)
    migrations_after = []
    if step.migration is not None:
        owners.check_values(modules, step.migration)
        place = migrations.next_migration(project.root, step.migration["slug"])
        migration = changed_rules.with_rules(step.migration, project.modules, modules)
        migrations_after = [{**migration, **place}]
    renderer = Renderer(project.template)
    before = renderer.settle({"migrations": []}, project.answers, project.root.name, judged=True)
    given = {**step.answers, "modules": modules, "migrations": migrations_after}
    after = _settle(renderer, project, given)
    is_wide = bool(step.renaming or step.answers)
    base, rendered = _sides(project, renderer, before, after, everything=is_wide)
    planned = planning.plan(
        project,
        step.command,
        base,
        rendered,
        moves=step.moves,
        prefer_template=prefer_template,
    )
    if removed is not None:
        gone = Change(removed, read_file(project.root / removed), None)
        planned = replace(planned, changes=(*planned.changes, gone))
    return _follow_names(project, planned, step, rendered)


def is_edited_migration(project: Project, path: str, step: Step) -> bool:
    """Tell whether somebody edited the migration of a module that is about to go."""
    left = {module["name"] for module in step.modules}
    (module,) = (one for one in project.modules if one["name"] not in left)
    date, _, slug = Path(path).stem.partition("_")
    place = migrations.place_of(project.root, path)
    record = {**place, "module": module["name"], "operation": "create", "date": date, "slug": slug}
    renderer = Renderer(project.template)
    rendered = renderer.render(_settle(renderer, project, {"migrations": [record]}), "copy", ())
    return rendered.get(path) != read_file(project.root / path)


def _sides(
    project: Project,
    renderer: Renderer,
    before: Answers,
    after: Answers,
    *,
    everything: bool = False,
) -> tuple[Tree, Tree]:
    """Render both sides of a change of modules, as far as it can reach.

    A module's files depend on its own record and on those that it refers to or that refer to it.
    Once a file of those is missing it may have been moved, and then everything is compared.
    """
    if not everything:
        only = evolve.reach(before.recorded.get("modules", []), after.recorded["modules"])
        base = renderer.render(before, "copy", only)
        if all((project.root / path).exists() for path in base):
            return base, renderer.render(after, "copy", only)
    return renderer.render(before, "copy"), renderer.render(after, "copy")


def forget_new_module(project: Project, step: Step, module: str) -> tuple[Step, str | None]:
    """Drop a module that no commit holds by removing its migration, not by adding another.

    Returns:
        The step without a migration and the path of the one to remove; or the step as it is.
    """
    path = migrations.created_by(project.root, module)
    is_new = (
        path is not None
        and git_index.is_new(project.root, path)
        and migrations.is_head(project.root, path)
    )
    return (replace(step, migration=None), path) if is_new else (step, None)


def _follow_names(project: Project, planned: Plan, step: Step, rendered: Tree) -> Changed:
    """Rewrite old names that are unmistakable, and list those that remain in hand-written lines."""
    renaming = step.renaming
    if renaming is None:
        return Changed(planned, ())
    changes = {change.path: change for change in planned.changes}
    texts = dict(_texts(project.root, changes, renaming.words))
    inside = (f"app/modules/{renaming.module}/", f"tests/modules/{renaming.module}/")
    for path in list(texts):
        rewritten = renames.rewrite(
            texts[path], renaming, inside=path.startswith(inside), path=path
        )
        if rewritten != texts[path]:
            changes[path] = _rewritten(project.root, changes.get(path), path, rewritten)
            texts[path] = rewritten
    rewritten_plan = replace(planned, changes=tuple(sorted(changes.values())))
    by_hand = [
        mention
        for mention in renames.mentions(texts, renaming)
        if mention.text.encode() not in rendered.get(mention.path, File(b"")).content
    ]
    return Changed(rewritten_plan, tuple(by_hand))


def _texts(
    root: Path, changes: Mapping[str, Change], words: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the project's own Python files as they will be, where they say one of some words."""
    standing = {path: read_file(root / path) for path in imports.python_files(root)}
    planned = {path: change.after for path, change in changes.items() if path.endswith(".py")}
    for path, file in {**standing, **planned}.items():
        if file is not None and file.mode != LINK and not path.startswith(migrations.VERSIONS):
            text = file.content.decode(errors="surrogateescape")
            if any(word in text for word in words):
                yield path, text


def _rewritten(root: Path, planned: Change | None, path: str, text: str) -> Change:
    current = read_file(root / path)
    before = planned.before if planned else current
    after = planned.after if planned else current
    content = text.encode(errors="surrogateescape")
    return Change(path, before, after._replace(content=content) if after else File(content))


def plan_update(project: Project, to: str | None, defaults: bool, ask: Ask | None) -> Update:
    """Plan the way from the recorded template commit to another.

    Args:
        ask: asks a person; None where there is none.

    Raises:
        CofeeError: the template cannot be reached, or has questions that nobody can be asked.
    """
    old = project.template
    new = template.latest(old.source, to, base=project.root)
    new.require_contract()
    check_keys(project.modules, new.rules, f"the answers, for `{new.label}`")
    renderer = Renderer(new)
    settled = _settle(renderer, project, {})
    if settled.defaulted and not defaults:
        settled = _settle(renderer, project, _asked(new, project, settled, ask))
    base = _rendered(Renderer(old, like=renderer), project, {})
    planned = planning.plan(project, "cofee update", base, renderer.render(settled, "update"))
    return Update(planned, old, new, settled.defaulted)


def rendered_now(project: Project) -> Tree:
    """Return what the project's template gives for its answers, migrations left out."""
    return _rendered(Renderer(project.template), project, {})


def _rendered(renderer: Renderer, project: Project, given: Mapping[str, Any]) -> Tree:
    return renderer.render(_settle(renderer, project, given), "update")


def _settle(renderer: Renderer, project: Project, given: Mapping[str, Any]) -> Answers:
    return renderer.settle(given, project.answers, project.root.name)


def _asked(new: Template, project: Project, settled: Answers, ask: Ask | None) -> Mapping[str, Any]:
    """Have a person answer the new questions."""
    if ask is None:
        questions = ", ".join(f"`{name}`" for name in settled.defaulted)
        raise UsageError(
            f"the template at `{new.label}` has new questions, and nobody can be asked: "
            f"{questions}",
            hint="run with `--defaults` to take the defaults, which are then listed",
        )
    known = {k: v for k, v in settled.recorded.items() if k not in settled.defaulted}
    return ask(new, known, project.root.name)


def _definitions(root: Path) -> dict[str, Collection[str]]:
    return {
        what: {name for source in _sources(root / folder) for name in pattern.findall(source)}
        for what, (folder, pattern) in DEFINITIONS.items()
    }


def _sources(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        if path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")


def _is_left_over(folder: Path) -> bool:
    """Tell whether Python's caches are all that is left of a folder."""
    return folder.is_dir() and all(path.name == "__pycache__" for path in folder.iterdir())
