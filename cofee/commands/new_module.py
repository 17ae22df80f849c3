"""The command that adds a module: names, fields and rules from the command line or a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cofee.commands.session import finish, opened
from cofee.console.mode import Options
from cofee.errors import CofeeError, UsageError
from cofee.files import read_file
from cofee.project import sides
from cofee.project.project import Project
from cofee.source import breakage, imports
from cofee.spec import enums, gate, names, owners
from cofee.spec.facts import Facts
from cofee.spec.gate import Given
from cofee.spec.names import Names
from cofee.spec.record import Field, Module


@dataclass(frozen=True)
class ModuleRequest:
    """A new module as it was typed."""

    name: str | None
    fields: tuple[str, ...]
    source: Path | None
    entity: str | None
    plural: str | None
    rules: Mapping[str, object]


def add_module(directory: Path, request: ModuleRequest, options: Options) -> None:
    """Run `cofee new-module`."""
    can_ask = options.interactive and not options.yes
    if request.name is None and not can_ask:
        hint = "name the module, for example `cofee new-module orders`"
        raise UsageError("missing argument `NAME`", hint=hint)
    with opened(directory, options) as found:
        name = _asked_name(found, request) if request.name is None else request.name
        derived = module_names(found, name, request.entity, request.plural)
        given, from_file = _fields_and_rules(request, found.template.facts)
        ruled = Module(derived.module, derived.entity).with_rules({**from_file, **request.rules})
        about = _about(derived, ruled, found.template.facts)
        options.printer.say("\n".join(about))
        _check_options(found, ruled)
        if given is None:
            given = _asked_fields(found, ruled, about) if can_ask else []
        plan = sides.plan_module(found, checked_module(found, ruled, given))
        packages = found.template.facts.packages
        breakage.require_sound(found.root, plan.outcome, plan.conflicted, packages)
        next_steps = found.template.setting("cofee_next_steps", [])
        finish(found, plan, options, next_steps=next_steps)


def _fields_and_rules(
    request: ModuleRequest, facts: Facts
) -> tuple[Sequence[Given] | None, Mapping[str, object]]:
    """Return the fields of a file or the command line, or None, and the rules of the file."""
    if request.source is None:
        return request.fields or None, {}
    from cofee.spec.yaml_input import read_module

    if request.fields:
        raise UsageError(
            "fields on the command line and `--from` cannot be combined",
            hint="add the fields to the file",
        )
    return read_module(request.source, facts)


def _about(derived: Names, ruled: Module, facts: Facts) -> list[str]:
    """Return what follows from a new module's name and its owner."""
    owner = facts.owners.get(ruled.owned_by or "")
    below = [f"its routes are below {owner.path}{derived.url}"] if owner and owner.path else []
    return [derived.summary(facts), *below]


def _asked_name(found: Project, request: ModuleRequest) -> str:
    """Ask for a name that the project can use."""
    from cofee.console import wizard

    return wizard.ask_module_name(
        lambda name: module_names(found, name, request.entity, request.plural)
    )


def _asked_fields(found: Project, ruled: Module, about: Sequence[str]) -> list[Field]:
    """Ask for the fields."""
    from cofee.console import wizard
    from cofee.spec import module_rules

    facts = found.template.facts
    others = [*facts.available(found.answers), *(module.name for module in found.modules)]
    options_given = module_rules.format_rules(ruled, facts)

    def check(field: Field) -> None:
        _check_options(found, replace(ruled, fields=(field,)))

    return wizard.ask_fields(facts, others, ruled.name, about, options_given, check)


def _check_options(project: Project, module: Module) -> None:
    """Reject what a new module needs and the options of the service do not provide."""
    owners.require_options([*project.modules, module], project.answers, (), project.template.facts)


def module_names(project: Project, name: str, entity: str | None, plural: str | None) -> Names:
    """Return a new module's names, or reject names that the project cannot use."""
    derived = names.derive(name, entity, plural)
    if derived.module in (module.name for module in project.modules):
        raise CofeeError(
            f"the module `{derived.module}` exists already",
            hint=f"choose another name, or add fields with `cofee add-field {derived.module}`",
        )
    facts = project.template.facts
    folder = project.root / facts.modules[0]
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    present = {name for name in present if not _is_left_over(folder / name)}
    recorded = (module.names for module in project.modules)
    names.check_names(
        derived, facts, recorded, folders=present, **_definitions(project.root, facts)
    )
    return derived


def checked_module(project: Project, ruled: Module, given: Sequence[Given]) -> Module:
    """Return a new module with its fields once it passed the gate."""
    others = [module.name for module in project.modules]
    template = project.template
    known = enums.known(project.modules)
    fields = gate.check_fields(given, template.facts, others, ruled.name, known=known)
    modules = [*project.modules, replace(ruled, fields=fields)]
    module = gate.check_rules(modules, template.facts, project.modules)[-1]
    _check_options(project, module)
    return module


def _definitions(root: Path, facts: Facts) -> dict[str, Collection[str]]:
    """Return what hand-written code defines and would clash, found without importing it."""
    folders = {defined.folder for defined in facts.definitions.values()}
    texts = {folder: list(_sources(root / folder)) for folder in folders}
    return {
        what: {name for text in texts[defined.folder] for name in defined.pattern.findall(text)}
        for what, defined in facts.definitions.items()
    }


def _sources(folder: Path) -> Iterator[str]:
    for path in imports.python_files(folder):
        if file := read_file(folder / path):
            yield file.content.decode(errors="replace")


def _is_left_over(folder: Path) -> bool:
    """Return whether a directory contains only Python caches."""
    return folder.is_dir() and all(path.name == "__pycache__" for path in folder.iterdir())
