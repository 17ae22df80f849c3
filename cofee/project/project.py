"""A service on disk: its root, recorded answers, modules and template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cofee.errors import CofeeError, quote
from cofee.files import from_current_directory, load_yaml
from cofee.project import staging
from cofee.project.journal import Journal
from cofee.project.migrations import Migrations
from cofee.spec.gate import read_modules, require_known
from cofee.spec.record import Module
from cofee.template import template
from cofee.template.template import Template

ANSWERS_FILE = ".copier-answers.yml"
HASH = "_commit_hash"
ORIGIN = ("_src_path", "_commit", HASH)  # how an answers file records its template
HASH_FORM = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")  # SHA-1, or SHA-256


@dataclass(frozen=True)
class Project:
    """A folder with an answers file.

    Attributes:
        root: a path without symbolic links.
        source: the address of the template if it is not the recorded one, because it moved.
    """

    root: Path
    source: str | None = None

    @cached_property
    def _recorded(self) -> Mapping[str, Any]:
        """The answers file, of which only the template's origin is checked.

        Raises:
            CofeeError: the answers file is broken.
        """
        loaded = load_yaml((self.root / ANSWERS_FILE).read_bytes(), path=ANSWERS_FILE)
        if not isinstance(loaded, dict):
            raise CofeeError(f"`{ANSWERS_FILE}` must be a mapping of answers")
        for key in ORIGIN:
            if loaded.get(key) is None and key == HASH:
                continue  # older templates did not record it
            if loaded.get(key) is None:
                raise CofeeError(
                    f"`{ANSWERS_FILE}` has no `{key}`, so the template is unknown",
                    hint="restore the file from the git history",
                )
            if not isinstance(loaded[key], str):
                raise CofeeError(
                    f"`{ANSWERS_FILE}`: `{key}` is {quote(loaded[key])}, which is not text",
                    hint="put the value in quotes",
                )
            if not loaded[key].isprintable():
                raise CofeeError(
                    f"`{ANSWERS_FILE}`: `{key}` is {quote(loaded[key])}, which is not plain text",
                    hint="restore the file from the git history",
                )
        if not HASH_FORM.fullmatch(loaded.get(HASH) or "0" * 40):
            raise CofeeError(
                f"`{ANSWERS_FILE}`: `{HASH}` is {quote(loaded[HASH])}, which is not a full hash",
                hint="restore the file from the git history",
            )
        return loaded

    @property
    def answers(self) -> Mapping[str, Any]:
        """The recorded answers, once their modules passed the gate."""
        _ = self.modules
        return self._recorded

    @cached_property
    def template(self) -> Template:
        """The template at the commit that the project records.

        Raises:
            CofeeError: it cannot be reached, or its contract is not supported.
        """
        source = self.source or self._recorded["_src_path"]
        commit = self._recorded["_commit"]
        found = template.recorded(source, commit, self._recorded.get(HASH), base=self.root)
        found.require_contract()
        return found

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The recorded modules, oldest first.

        Raises:
            CofeeError: a record has a wrong shape, or the template would not read all of it.
        """
        where = f"`{ANSWERS_FILE}`"
        modules = read_modules(self._recorded.get("modules", []), where)
        require_known(modules, self.template.facts, where)
        return modules

    @cached_property
    def extensible(self) -> tuple[Module, ...]:
        """What options bring and can have more fields, each as a module of those that it has.

        Raises:
            CofeeError: a record of a field has a wrong shape.
        """
        facts = self.template.facts
        targets = {name: facts.targets[name] for name in facts.available(self._recorded)}
        records = [
            {
                "name": name,
                "entity": target.entity,
                "fields": self._recorded.get(target.fields, []),
            }
            for name, target in targets.items()
            if target.fields is not None
        ]
        modules = read_modules(records, f"`{ANSWERS_FILE}`")
        require_known(modules, facts, f"`{ANSWERS_FILE}`")
        return modules

    def records(self, modules: Iterable[Module]) -> list[object]:
        """Return the records of modules; one that did not change keeps its record as it is."""
        recorded = [*zip(self.modules, self._recorded.get("modules", []), strict=True)]
        return [
            next((record for known, record in recorded if known == module), module.to_record())
            for module in modules
        ]

    @cached_property
    def migrations(self) -> Migrations:
        alembic = self.template.setting("cofee_alembic", "alembic")
        return Migrations(self.root, self.template.facts.migrations, alembic)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.root)


def find(start: Path) -> Project:
    """Return the project that contains `start`, after a killed `cofee new` there is settled.

    Raises:
        CofeeError: neither `start` nor a folder above it has an answers file.
    """
    with from_current_directory():
        folder = start.expanduser().resolve()
    if not folder.is_dir():
        raise CofeeError(
            f"the directory `{start}` does not exist", hint="check the path given with `-C`"
        )
    for candidate in (folder, *folder.parents):
        staging.recover(candidate)
        if (candidate / ANSWERS_FILE).is_file():
            return Project(candidate)
    raise CofeeError(
        f"`{start}` is not a cofee service: no `{ANSWERS_FILE}` here or in a parent directory",
        hint="create a service with `cofee new DEST`, or select one with `-C DIR`",
    )
