"""The two sides of a change, rendered before and after, and the plan that merges them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cofee.engine.questionnaire import Answers
from cofee.engine.render import Renderer
from cofee.files import LINK, Change, File, Tree, read_file, with_endings_of
from cofee.project.plan import Plan, plan_merge
from cofee.project.project import ANSWERS_FILE, Project
from cofee.source import imports
from cofee.spec import gate, owners
from cofee.spec.record import Module, reach

if TYPE_CHECKING:
    from cofee.changes.step import Step
    from cofee.source.renames import Mention


@dataclass(frozen=True)
class Changed:
    """A planned change, and the lines that still hold an old name."""

    plan: Plan
    mentions: tuple[Mention, ...]


def plan_module(project: Project, module: Module) -> Plan:
    """Plan a new module: its files, its tests, its wiring and its migration.

    Raises:
        CofeeError: several Alembic heads, or the template refuses the record.
    """
    place = project.migrations.next(f"create_{module.name}")
    migration = {**place, "module": module.name, "operation": "create"}
    renderer = Renderer(project.template)
    before = renderer.settle({"migrations": []}, project.answers, project.root.name, judged=True)
    modules = [*project.modules, module]
    given = {"modules": project.records(modules), "migrations": [migration]}
    after = settle(renderer, project, given)
    sides = _sides(project, renderer, before, after, reach(project.modules, modules))
    return plan_merge(project, f"cofee new-module {module.name}", *sides)


def plan_step(
    project: Project, step: Step, *, prefer_template: bool = False, removed: str | None = None
) -> Changed:
    """Plan a change of the recorded answers through all layers, its migration included.

    Args:
        prefer_template: files are removed with their edits; the user has confirmed it.
        removed: the migration of a module that was never committed; it is removed as well.
    """
    facts = project.template.facts
    modules = gate.check_rules(step.modules, facts, project.modules)
    owners.require_options(modules, {**project.answers, **step.answers}, step.answers, facts)
    migrations_after = []
    below = None
    for migration in filter(None, (step.migration, *step.more)):
        owners.check_values(modules, migration.filled)
        place = project.migrations.next(migration.slug, below)
        migrations_after.append({**migration.to_record(), **place})
        below = place["revision"]
    renderer = Renderer(project.template)
    before = renderer.settle({"migrations": []}, project.answers, project.root.name, judged=True)
    records = project.records(modules)
    after = settle(
        renderer, project, {**step.answers, "modules": records, "migrations": migrations_after}
    )
    is_wide = bool(step.renaming or step.answers)
    only = None if is_wide else reach(project.modules, modules)
    base, rendered = _sides(project, renderer, before, after, only)
    planned = plan_merge(
        project,
        step.command,
        base,
        rendered,
        moves=step.moves,
        prefer_template=prefer_template,
        renaming=step.renaming.parts if step.renaming else None,
    )
    if removed is not None:
        gone = Change(removed, read_file(project.root / removed), None)
        planned = replace(planned, changes=(*planned.changes, gone))
    changed = _follow_names(project, planned, step, rendered)
    if not (step.takes_away or step.renaming):
        return changed
    uses = uses_of_removed(project, changed.plan, base, rendered, _whole(renderer, after, rendered))
    return replace(changed, mentions=tuple(sorted({*changed.mentions, *uses})))


def uses_of_removed(
    project: Project, plan: Plan, base: Tree, changed: Tree, generated: Callable[[], Tree]
) -> list[Mention]:
    """Return the hand-written lines that use names which a plan removes.

    Args:
        base: the generated files before the change.
        changed: the same files after it.
        generated: returns all generated files after it, for the lines that are not hand-written.
    """
    from cofee.source import removed_names  # imported only here: start-up time is measured

    removed = removed_names.removals(base, changed)
    words = {name for one in removed for name in one.names}
    texts = dict(_texts(project, {change.path: change for change in plan.changes}, words))
    found = removed_names.uses(texts, removed)
    return _by_hand(found, generated()) if found else []


def _whole(renderer: Renderer, after: Answers, rendered: Tree) -> Callable[[], Tree]:
    return lambda: {**renderer.render(after, "copy"), **rendered}


def is_edited_migration(project: Project, path: str, step: Step) -> bool:
    """Return whether the migration of a module to remove was edited."""
    left = {module.name for module in step.modules}
    (module,) = (other for other in project.modules if other.name not in left)
    date, _, slug = Path(path).stem.partition("_")
    place = project.migrations.place_of(path)
    record = {**place, "module": module.name, "operation": "create", "date": date, "slug": slug}
    renderer = Renderer(project.template)
    tree = renderer.render(settle(renderer, project, {"migrations": [record]}), "copy", ())
    current = read_file(project.root / path)
    return path not in tree or with_endings_of(tree[path], current) != current


def _sides(
    project: Project,
    renderer: Renderer,
    before: Answers,
    after: Answers,
    only: Collection[str] | None,
) -> tuple[Tree, Tree]:
    """Render both sides of a change of modules, as far as it can reach.

    A module's files depend on its own record and on those that it refers to or that refer to it.
    Once a file of those is missing it may have been moved, and then everything is compared.

    Args:
        only: the modules that the change reaches; None for everything.
    """
    if only is not None:
        base, changed, paths = renderer.render_changed(before, after, only, [ANSWERS_FILE])
        if all((project.root / path).exists() for path in paths):
            return base, changed
    return renderer.render(before, "copy"), renderer.render(after, "copy")


def _follow_names(project: Project, planned: Plan, step: Step, rendered: Tree) -> Changed:
    """Update unambiguous references to old names, and list the others."""
    renaming = step.renaming
    if renaming is None:
        return Changed(planned, ())
    from cofee.source import renames  # imported only after a rename: start-up time is measured

    changes = {change.path: change for change in planned.changes}
    texts = dict(_texts(project, changes, renaming.words))
    folders = project.template.facts.folders(renaming.module)
    inside = tuple(f"{folder}/" for folder in folders)
    for path in list(texts):
        rewritten = renames.rewrite(
            texts[path], renaming, inside=path.startswith(inside), path=path
        )
        if rewritten != texts[path]:
            changes[path] = _rewritten(project.root, changes.get(path), path, rewritten)
            texts[path] = rewritten
    rewritten_plan = replace(planned, changes=tuple(sorted(changes.values())))
    by_hand = _by_hand(renames.mentions(texts, renaming), rendered)
    return Changed(rewritten_plan, tuple(by_hand))


def _by_hand(mentions: Iterable[Mention], generated: Tree) -> list[Mention]:
    """Return the mentions whose line is not generated."""
    return [
        mention
        for mention in mentions
        if mention.text.encode() not in generated.get(mention.path, File(b"")).content
    ]


def _texts(
    project: Project, changes: Mapping[str, Change], words: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the project's own Python files as they will be, where they say one of some words."""
    root = project.root
    standing = {path: read_file(root / path) for path in imports.python_files(root)}
    planned = {path: change.after for path, change in changes.items() if path.endswith(".py")}
    for path, file in {**standing, **planned}.items():
        if file is not None and file.mode != LINK and not project.migrations.holds(path):
            text = file.content.decode(errors="surrogateescape")
            if any(word in text for word in words):
                yield path, text


def _rewritten(root: Path, planned: Change | None, path: str, text: str) -> Change:
    current = read_file(root / path)
    before = planned.before if planned else current
    after = planned.after if planned else current
    content = text.encode(errors="surrogateescape")
    return Change(path, before, after._replace(content=content) if after else File(content))


def rendered_now(project: Project) -> Tree:
    """Return what the project's template gives for its answers, migrations left out."""
    return rendered(Renderer(project.template), project, {})


def rendered(renderer: Renderer, project: Project, given: Mapping[str, object]) -> Tree:
    return renderer.render(settle(renderer, project, given), "update")


def settle(renderer: Renderer, project: Project, given: Mapping[str, object]) -> Answers:
    return renderer.settle(given, project.answers, project.root.name)
